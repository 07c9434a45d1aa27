/** The sprint feed over REST, typed by the contract. */
import type { paths } from "../.rest/schema.ts";

type Feed = paths["/v1/sprint-planning"]["get"]["responses"]["200"]["content"]["application/json"];
export type FeedItem = Feed["items"][number];

export async function* items(url: string, key: string, team: string): AsyncGenerator<FeedItem> {
  let after: string | null | undefined;
  do {
    const asked = new URLSearchParams({ team, limit: "100", ...(after ? { after } : {}) });
    const response = await fetch(`${url}/v1/sprint-planning?${asked}`, { headers: { authorization: `Bearer ${key}` } });
    if (!response.ok) throw new Error(((await response.json()) as { detail?: string }).detail ?? response.statusText);
    const page = (await response.json()) as Feed;
    yield* page.items;
    after = page.next_cursor;
  } while (after);
}
