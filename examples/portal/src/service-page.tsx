import type { ResultOf } from "@graphql-typed-document-node/core";
import { useQuery, useSubscription } from "urql";

import { BoostsSubscription, ServiceQuery } from "./documents.ts";
import type { BoostFragment } from "./gql/graphql.ts";
import { ItemList } from "./item-card.tsx";
import { to } from "./route.ts";
import { Empty, Failed, Loading } from "./states.tsx";
import { minute, share, words } from "./words.ts";

type Service = NonNullable<ResultOf<typeof ServiceQuery>["service"]>;

export function ServicePage({ slug }: { slug: string }) {
  const [{ data, error }, again] = useQuery({ query: ServiceQuery, variables: { slug } });
  // A new boost is in no list of the cache yet, and it changes the budget and priorities: read the page again.
  const [live] = useSubscription({ query: BoostsSubscription, variables: { service: [slug] } }, (_, event) => {
    again({ requestPolicy: "network-only" });
    return event;
  });

  if (error && !data) return <Failed error={error} again={() => again({ requestPolicy: "network-only" })} />;
  if (!data) return <Loading />;
  if (!data.service) return <h1>There is no service “{slug}”</h1>;
  const { name, team, budget, boosts, incidents, actionItems } = data.service;
  return (
    <>
      <h1>{name}</h1>
      <p className="lead">{team?.name ?? "No team"}</p>
      {live.error && <p className="quiet">Live changes are interrupted; what is shown may be old.</p>}
      <Budget budget={budget} />
      <section aria-labelledby="boosts">
        <h2 id="boosts">Boosts</h2>
        <div role="status" aria-live="polite">
          <Boosts boosts={boosts} />
        </div>
      </section>
      <section aria-labelledby="items">
        <h2 id="items">Open items by risk</h2>
        {actionItems.edges.length ? (
          <ItemList items={actionItems.edges.map((edge) => edge.node)} label="Open items" />
        ) : (
          <Empty>Nothing is open.</Empty>
        )}
      </section>
      <Incidents incidents={incidents} />
    </>
  );
}

function Budget({ budget }: { budget: Service["budget"] }) {
  return (
    <section aria-labelledby="budget">
      <h2 id="budget">
        Error budget <span className={`tag band-${budget.band.toLowerCase()}`}>{words(budget.band)}</span>
      </h2>
      {budget.slos.length === 0 && <Empty>No SLO is measured.</Empty>}
      {budget.slos.map(({ slo, band, objective, remaining, observedAt }) => (
        <div key={slo} className="slo">
          <span>
            {slo} {objective != null && `(${share(objective)})`}
          </span>
          {remaining != null && (
            <meter
              aria-label={`What is left of ${slo}`}
              min={0}
              max={1}
              low={0.25}
              high={0.5}
              optimum={1}
              value={Math.min(1, Math.max(0, remaining))}
            />
          )}
          <span>
            {remaining == null ? words(band) : `${share(remaining)} left`}
            {observedAt && `, ${minute(observedAt)}`}
          </span>
        </div>
      ))}
    </section>
  );
}

function Boosts({ boosts }: { boosts: readonly BoostFragment[] }) {
  if (!boosts.length) return <Empty>Nothing raises its items.</Empty>;
  return (
    <ul className="cards" aria-label="Boosts">
      {boosts.map((boost) => (
        <li key={boost.id} className={boost.endedAt ? "card ended" : "card"}>
          <h3>
            {words(boost.signal)} of {boost.slo}
          </h3>
          <p className="tags">
            <span className="tag">{words(boost.state)}</span>
            <span className="tag">+{boost.levels}</span>
          </p>
          <p>{boost.reason}</p>
          <p className="facts">
            <span>Since {minute(boost.raisedAt)}</span>
            {boost.endedAt && <span>until {minute(boost.endedAt)}</span>}
          </p>
        </li>
      ))}
    </ul>
  );
}

function Incidents({ incidents }: { incidents: Service["incidents"] }) {
  return (
    <section aria-labelledby="incidents">
      <h2 id="incidents">Latest incidents</h2>
      {incidents.edges.length === 0 && <Empty>None is known.</Empty>}
      {incidents.edges.length > 0 && (
        <ul className="cards" aria-label="Incidents">
          {incidents.edges.map(({ node }) => (
            <li key={node.id} className="card">
              <h3>{node.title}</h3>
              <p className="facts">
                <span>{node.severity}</span>
                {node.startedAt && <span>{minute(node.startedAt)}</span>}
                {node.postmortem && <a href={to.postmortem(node.postmortem.id)}>Postmortem</a>}
              </p>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
