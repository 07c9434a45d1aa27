import type { Fetcher, FetcherOpts, FetcherParams } from "@graphiql/toolkit";
import { Kind, OperationTypeNode } from "graphql";

import { apiKey } from "./api-key";

/** Sends an operation to the path this page came from; subscriptions answer as server-sent events. */
export const fetcher: Fetcher = async (params, opts) => {
  const streams = isSubscription(params, opts);
  const response = await fetch(location.pathname, {
    method: "POST",
    credentials: "omit",
    headers: headers(streams ? "text/event-stream" : "application/json", opts?.headers),
    body: JSON.stringify(params),
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  return isStream && response.body ? results(response.body) : json(response);
};

function headers(accept: string, typed: FetcherOpts["headers"] = {}): Record<string, string> {
  const key = apiKey();
  return {
    accept,
    "content-type": "application/json",
    ...(key ? { authorization: `Bearer ${key}` } : {}),
    ...Object.fromEntries(Object.entries(typed).map(([name, value]) => [name.toLowerCase(), value])),
  };
}

function isSubscription({ operationName }: FetcherParams, opts?: FetcherOpts): boolean {
  return (opts?.documentAST?.definitions ?? []).some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.operation === OperationTypeNode.SUBSCRIPTION &&
      (!operationName || definition.name?.value === operationName),
  );
}

async function json(response: Response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: `HTTP ${response.status}: ${text.slice(0, 500)}` }] };
  }
}

async function* results(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const events = (rest + part.value).split(/\r?\n\r?\n/);
      rest = events.pop() ?? "";
      yield* events.flatMap(data);
    }
  } finally {
    await reader.cancel();
  }
}

function data(event: string) {
  const line = event.split(/\r?\n/).find((field) => field.startsWith("data:"));
  const text = line?.slice("data:".length).trim();
  return text ? [JSON.parse(text)] : [];
}
