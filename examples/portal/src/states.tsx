/** What a page shows while it has nothing to show. */
import type { CombinedError } from "urql";

export function Loading() {
  return (
    <p role="status" className="quiet">
      Loading…
    </p>
  );
}

export function Empty({ children }: { children: string }) {
  return <p className="empty">{children}</p>;
}

/** The stable code decides what to say; the message is for people. */
const SAID: Record<string, string> = {
  unauthenticated: "The portal's key is missing or no longer valid. Set NOREPEAT_KEY and start it again.",
  forbidden: "The portal's key may not read this.",
  query_too_expensive: "This page asks for too much at once.",
};

/** A request refused as a whole, such as one without a valid key, has a status and no list of errors. */
const STATUS: Record<number, string> = { 401: "unauthenticated", 403: "forbidden" };

export function Failed({ error, again }: { error: CombinedError; again: () => void }) {
  const problem = error.graphQLErrors[0];
  const response = error.response as Response | undefined;
  const code = problem?.extensions["code"] ?? STATUS[response?.status ?? 0];
  const known = typeof code === "string" ? SAID[code] : undefined;
  const text = known ?? problem?.message ?? "norepeat does not answer.";
  return (
    <div role="alert" className="failed">
      <p>
        {text}
        {typeof code === "string" && <code>{code}</code>}
      </p>
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}
