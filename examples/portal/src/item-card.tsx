import type { ItemFragment } from "./gql/graphql.ts";
import { to } from "./route.ts";
import { dayAlone, webAddress, words } from "./words.ts";

export function ItemList({ items, label }: { items: readonly ItemFragment[]; label: string }) {
  return (
    <ul className="cards" aria-label={label}>
      {items.map((item) => (
        <li key={item.id} className="card">
          <ItemCard item={item} />
        </li>
      ))}
    </ul>
  );
}

function ItemCard({ item }: { item: ItemFragment }) {
  const reasons = item.riskDetail?.reasons ?? [];
  return (
    <>
      <h3>{item.title}</h3>
      <p className="tags">
        <span className={`tag priority-${item.effectivePriority.toLowerCase()}`}>{words(item.effectivePriority)}</span>
        <span className="tag">{words(item.status)}</span>
        {item.risk != null && <span className="tag">Risk {item.risk.toFixed(2)}</span>}
        {item.plannedIn && <span className="tag">Planned in {item.plannedIn}</span>}
        {item.overdue && <span className="tag late">Overdue</span>}
      </p>
      {reasons.length > 0 && (
        <ul className="reasons" aria-label={`Why: ${item.title}`}>
          {reasons.map((reason, place) => (
            <li key={`${reason.code} ${place}`}>{reason.text}</li>
          ))}
        </ul>
      )}
      <p className="facts">
        <Ticket ticket={item.ticket} />
        {item.service && <a href={to.service(item.service.slug)}>{item.service.name}</a>}
        {item.postmortem && <a href={to.postmortem(item.postmortem.id)}>Postmortem</a>}
        <span>{item.owner?.name ?? "No owner"}</span>
        {item.dueOn && <span>Due {dayAlone(item.dueOn)}</span>}
        {item.timesPassedOver > 0 && <span>Passed over {item.timesPassedOver} times</span>}
      </p>
    </>
  );
}

function Ticket({ ticket }: { ticket: ItemFragment["ticket"] }) {
  if (!ticket) return <span>No ticket</span>;
  const name = `Ticket ${ticket.key ?? ""}`.trim();
  const href = webAddress(ticket.url);
  return href ? <a href={href}>{name}</a> : <span>{name}</span>;
}
