import { useQuery } from "urql";

import { PostmortemQuery } from "./documents.ts";
import { ItemList } from "./item-card.tsx";
import { to } from "./route.ts";
import { Empty, Failed, Loading } from "./states.tsx";
import { minute, words } from "./words.ts";

export function PostmortemPage({ id }: { id: string }) {
  const [{ data, error }, again] = useQuery({ query: PostmortemQuery, variables: { id } });
  if (error && !data) return <Failed error={error} again={() => again({ requestPolicy: "network-only" })} />;
  if (!data) return <Loading />;
  // A postmortem that the key may not see is null, exactly as one that does not exist.
  if (!data.postmortem) return <h1>There is no such postmortem</h1>;
  const { incident, status, sections, timeline, factors, actionItems } = data.postmortem;
  return (
    <article>
      <h1>{incident.title}</h1>
      <p className="facts">
        <span>{incident.severity}</span>
        <span>{words(status)}</span>
        {incident.startedAt && <span>{minute(incident.startedAt)}</span>}
        <a href={to.service(incident.primaryService.slug)}>{incident.primaryService.name}</a>
      </p>
      {sections
        .filter((section) => section.text)
        .map((section) => (
          <section key={section.name}>
            <h2>{words(section.name)}</h2>
            <p className="prose">{section.text}</p>
          </section>
        ))}
      <section aria-labelledby="factors">
        <h2 id="factors">What contributed</h2>
        {factors.length === 0 && <Empty>Not known yet.</Empty>}
        <dl>
          {factors.map(({ code, why, factor }) => (
            <div key={code}>
              <dt>{factor?.title ?? code}</dt>
              <dd>{why}</dd>
            </div>
          ))}
        </dl>
      </section>
      <section aria-labelledby="timeline">
        <h2 id="timeline">Timeline</h2>
        <ol className="timeline">
          {timeline.map((entry) => (
            <li key={entry.id}>
              <time dateTime={entry.occurredAt}>{minute(entry.occurredAt)}</time> <b>{words(entry.kind)}</b>{" "}
              {entry.text}
            </li>
          ))}
        </ol>
      </section>
      <section aria-labelledby="items">
        <h2 id="items">What was promised</h2>
        {actionItems.length ? <ItemList items={actionItems} label="Action items" /> : <Empty>Nothing yet.</Empty>}
      </section>
    </article>
  );
}
