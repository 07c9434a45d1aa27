/** The connection to norepeat: queries over POST, live changes as server-sent events through the same path. */
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from "urql";
import { createClient } from "graphql-sse";

const URL = "/graphql";
const events = createClient({ url: URL, retryAttempts: Infinity });

export const client = new Client({
  url: URL,
  preferGetMethod: false,
  requestPolicy: "cache-and-network",
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({
          unsubscribe: events.subscribe({ query: query ?? "", variables: variables as Record<string, unknown> }, {
            next: (result) => sink.next(result as Parameters<typeof sink.next>[0]),
            error: (problem) => sink.error(problem),
            complete: () => sink.complete(),
          }),
        }),
      }),
    }),
  ],
});
