// The GraphQL-over-HTTP audits of the npm package graphql-http against a server: one line of JSON for each.
// node audit.mjs URL KEY
import { serverAudits } from "graphql-http";

const [url, key] = process.argv.slice(2);
const fetchFn = (address, init) => fetch(address, { ...init, headers: { ...init?.headers, authorization: `Bearer ${key}` } });
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  console.log(JSON.stringify({ id: result.id, name: result.name, status: result.status, reason: result.reason ?? "" }));
}
