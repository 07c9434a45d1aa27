import { useState } from "react";
import { useQuery, useSubscription } from "urql";

import { ItemsSubscription, SprintQuery } from "./documents.ts";
import type { ItemFragment } from "./gql/graphql.ts";
import { ItemList } from "./item-card.tsx";
import { to } from "./route.ts";
import { Empty, Failed, Loading } from "./states.tsx";

export function SprintPage({ team }: { team: string }) {
  const [pages, setPages] = useState<readonly (string | null)[]>([null]);
  const teams = team ? [team] : null;
  const [{ data: names }] = useQuery({ query: SprintQuery, variables: { team: teams, after: null } });
  // The record in the message has the id of the one on the page, so the cache draws the page anew by itself.
  useSubscription({ query: ItemsSubscription, variables: { team: teams } });

  return (
    <>
      <h1>Sprint planning</h1>
      <p className="lead">Open action items by the risk that their cause strikes again.</p>
      <p>
        <label htmlFor="team">Team</label>{" "}
        <select id="team" value={team} onChange={(event) => (location.hash = to.sprint(event.target.value))}>
          <option value="">All teams</option>
          {names?.teams.edges.map(({ node }) => (
            <option key={node.id} value={node.slug}>
              {node.name}
            </option>
          ))}
        </select>
      </p>
      <h2>Items</h2>
      {pages.map((after, place) => (
        <Part
          key={after}
          team={team}
          after={after}
          label={place ? `Items, page ${place + 1}` : "Items"}
          more={place === pages.length - 1 ? (cursor) => setPages([...pages, cursor]) : undefined}
        />
      ))}
    </>
  );
}

type PartOf = { team: string; after: string | null; label: string; more: ((cursor: string) => void) | undefined };

function Part({ team, after, label, more }: PartOf) {
  const [{ data, error, fetching }, again] = useQuery({
    query: SprintQuery,
    variables: { team: team ? [team] : null, after },
  });
  if (error && !data) return <Failed error={error} again={() => again({ requestPolicy: "network-only" })} />;
  if (!data) return fetching ? <Loading /> : null;
  const { edges, pageInfo, olderOpenCount } = data.sprintPlanning;
  const items: ItemFragment[] = edges.map((edge) => edge.node);
  if (!items.length) return <Empty>Nothing is open. Enjoy it.</Empty>;
  return (
    <>
      <ItemList items={items} label={label} />
      {more && pageInfo.hasNextPage && pageInfo.endCursor && (
        <button type="button" onClick={() => more(pageInfo.endCursor!)}>
          Show more
        </button>
      )}
      {more && !pageInfo.hasNextPage && olderOpenCount > 0 && (
        <p className="quiet">{olderOpenCount} older open items are not in the window.</p>
      )}
    </>
  );
}
