import { useState } from "react";
import { useQuery } from "urql";

import { ServicesQuery } from "./documents.ts";
import { to } from "./route.ts";
import { Empty, Failed, Loading } from "./states.tsx";

export function ServicesPage() {
  const [search, setSearch] = useState("");
  const [after, setAfter] = useState<string | null>(null);
  const [{ data, error, fetching }, again] = useQuery({
    query: ServicesQuery,
    variables: { search: search || null, after },
  });
  const page = data?.services;
  return (
    <>
      <h1>Services</h1>
      <p>
        <label htmlFor="search">Search</label>{" "}
        <input
          id="search"
          type="search"
          value={search}
          onChange={(event) => {
            setSearch(event.target.value);
            setAfter(null);
          }}
        />
      </p>
      {error && <Failed error={error} again={() => again({ requestPolicy: "network-only" })} />}
      {!page && fetching && <Loading />}
      {page && !page.edges.length && <Empty>No service has such a name.</Empty>}
      {page && page.edges.length > 0 && (
        <ul className="cards" aria-label="Services">
          {page.edges.map(({ node }) => (
            <li key={node.id} className="card">
              <h2>
                <a href={to.service(node.slug)}>{node.name}</a>
              </h2>
              <p className="facts">{node.team?.name ?? "No team"}</p>
            </li>
          ))}
        </ul>
      )}
      {page?.pageInfo.hasNextPage && (
        <button type="button" onClick={() => setAfter(page.pageInfo.endCursor ?? null)}>
          Next page
        </button>
      )}
    </>
  );
}
