"""What every step of an action item has in common: save it, say what changed, tell its ticket."""

from dataclasses import replace
from datetime import datetime

from app.domain.access import Caller
from app.domain.actions.model import ActionItem, Changes
from app.domain.budgets.model import effect_on
from app.domain.errors import Invalid
from app.domain.events import Event, EventType
from app.domain.policy import BudgetPolicy
from app.domain.ports import UnitOfWork
from app.domain.tracking.model import TicketUpdate
from app.domain.tracking.routing import may_hold_restricted, ticket_update


async def keep(
    u: UnitOfWork,
    old: ActionItem,
    new: ActionItem,
    event: EventType,
    *,
    caller: Caller,
    now: datetime,
    source: str = "api",
    actor: str | None = None,
) -> ActionItem:
    """Save the new state with its history lines and one event; `actor` says who, where it was no caller."""
    who = actor or caller.actor
    saved = await u.action_items.save(replace(new, updated_at=now))
    changes = Changes().between(old, new, at=now, actor=who, source=source)
    await u.action_items.record(old.id, changes)
    data = {"changed": [change.field for change in changes], "status": str(new.status)}
    await u.events.add(Event(event, old.id, now, who, old.incident_id, data))
    return saved


async def with_effective_priority(u: UnitOfWork, item: ActionItem, policy: BudgetPolicy) -> ActionItem:
    """The item with the priority that its service's live boosts make of its base, and the boost that explains it."""
    boosts = await u.boosts.live([item.service_id]) if item.service_id else ()
    effect = effect_on(item.base_priority, boosts, policy)
    return replace(item, effective_priority=effect.priority, boost_id=effect.boost_id)


async def tell_ticket(u: UnitOfWork, item: ActionItem, update: TicketUpdate, *, reason: str, now: datetime) -> None:
    """Queue a change for the item's ticket, if it has one; nothing more goes to a ticket that restriction exposed."""
    ticket = await u.tickets.find_of_item(item.id)
    incident = await u.incidents.find(item.incident_id) if item.incident_id else None
    if ticket is None or (incident is not None and incident.restricted and not may_hold_restricted(ticket.route)):
        return
    await u.deliveries.add(ticket_update(ticket, update, reason=reason, now=now))


def evidence_request(item: ActionItem) -> str:
    """The one comment that says which evidence is awaited and until when."""
    kinds = " or ".join(kind.value.replace("_", " ") for kind in item.plan.checks) if item.plan else "evidence"
    until = f"by {item.evidence_due_on}" if item.evidence_due_on else "once the deployment time is known"
    return (
        "Implemented. norepeat closes this item when evidence shows that the fix works in production: "
        f"{kinds}, {until}."
    )


def require_past(deployed_at: datetime | None, now: datetime) -> None:
    """Raise Invalid for a deployment that has not been."""
    if deployed_at is not None and deployed_at > now:
        raise Invalid("deployed_at lies in the future.")
