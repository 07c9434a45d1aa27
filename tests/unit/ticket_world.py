"""An item, its ticket and the tracker it goes to: the world that tests of tickets live in."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from app.domain.actions.evidence import CheckKind, VerificationPlan
from app.domain.actions.model import ActionItem, Status
from app.domain.follow_through.model import FindingCode
from app.domain.ids import new_id
from app.domain.organisation.model import Person, Provider, Route
from app.domain.policy import Policy
from app.domain.tracking.deliveries import Delivery, DeliveryKind
from app.domain.tracking.model import (
    RemoteTicket,
    SyncState,
    Ticket,
    TicketDraft,
    TicketEvent,
    TicketEventKind,
    TicketStatus,
    TicketUpdate,
)
from app.domain.tracking.routing import ticket_update
from app.domain.tracking.use_cases.adopt_ticket import adopt_ticket
from app.domain.tracking.use_cases.apply_ticket_event import (
    apply_ticket_event,
)
from app.domain.tracking.use_cases.deliver import Attempted, deliver
from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.domain.tracking.use_cases.resync_ticket import resync_ticket
from tests import make
from tests.make import NOW, FixedClock
from tests.unit.tracking_fakes import FakeTracker, Happens, TrackingUnitOfWork, no_jitter

ROUTE = Route(Provider.GITHUB, "acme/shop", labels=("postmortem",))
POLICY = Policy()
SETTLE = POLICY.delivery.settle["github"]
PLAN = VerificationPlan((CheckKind.ATTESTED,), 30)


class World:
    """An open item of Ada's, its ticket still to be created, and the tracker it goes to."""

    def __init__(self, *plan: Happens, owner: Person | None = None, **ticket: Any) -> None:
        self.clock, self.uow = FixedClock(), TrackingUnitOfWork()
        self.tracker = FakeTracker(self.clock, self.uow, list(plan))
        self.owner = owner or make.person("ada", handles={"github": "ada-l"})
        self.item = make.action_item(owner_id=self.owner.id, plan=PLAN, title="Add a circuit breaker")
        fresh = {"external_id": None, "key": None, "url": None, "sync_state": SyncState.PENDING, "route": ROUTE}
        self.ticket = make.ticket(self.item, **(fresh | ticket))
        self.delivery = delivery_of(self.ticket)
        self.uow.seed(self.owner, self.item, self.ticket, self.delivery)

    async def deliver(self, delivery: Delivery | None = None) -> Attempted | None:
        trackers = {Provider.GITHUB: self.tracker}
        id = (delivery or self.delivery).id
        return await deliver(self.uow, self.clock, POLICY, trackers, delivery_id=id, jitter=no_jitter)

    async def deliver_due(self) -> int:
        trackers = {Provider.GITHUB: self.tracker}
        return await deliver_due(self.uow, self.clock, POLICY, trackers, jitter=no_jitter)

    def tell(self, update: TicketUpdate, reason: str = "test") -> Delivery:
        delivery = ticket_update(self.ticket, update, reason=reason, now=self.clock())
        self.uow.seed(delivery)
        return delivery

    @property
    def now_delivery(self) -> Delivery:
        return self.uow.deliveries.rows[self.delivery.id]

    @property
    def now_ticket(self) -> Ticket:
        return self.uow.tickets.rows[self.ticket.id]  # type: ignore[attr-defined, no-any-return]

    @property
    def now_item(self) -> ActionItem:
        return self.uow.action_items.rows[self.item.id]  # type: ignore[attr-defined, no-any-return]

    @property
    def findings(self) -> set[FindingCode]:
        rows = self.uow.findings.rows.values()  # type: ignore[attr-defined]
        return {finding.code for finding in rows if finding.closed_at is None}


def delivery_of(ticket: Ticket, **fields: Any) -> Delivery:
    given: dict[str, Any] = {
        "id": new_id(), "key": f"create:{ticket.id}", "kind": DeliveryKind.CREATE, "ticket_id": ticket.id,
        "provider": ticket.route.provider, "marker": uuid4(), "created_at": NOW,
    }  # fmt: skip
    return Delivery(**(given | fields))


class Linked(World):
    """A world whose ticket exists, and whose tracker sends us events."""

    def __init__(self, status: Status = Status.OPEN, **item: Any) -> None:
        super().__init__()
        self.uow.deliveries.rows.clear()
        given: dict[str, Any] = {"status": status, "implemented_at": NOW if status is Status.IMPLEMENTED else None}
        self.item = replace(self.item, **(given | item))
        draft = self.tracker._created(ROUTE, make_draft())
        shown = TicketStatus.DONE if status in (Status.IMPLEMENTED, Status.CLOSED) else TicketStatus.TODO
        self.remote = self.tracker.change(draft, status=shown, assignee="ada-l")
        self.uow.seed(self.item, self.ticket.linked(self.remote, NOW))

    async def tell_us(self, *, ours: bool = False, at: datetime | None = None, **fields: Any) -> str:
        """Somebody changed the ticket a second ago, or at `at`."""
        if at is None:
            self.clock.forward(seconds=1)
        self.remote = self.tracker.change(self.remote, updated_at=at or self.clock(), **fields)
        return await self.apply(event_of(self.remote, ours=ours))

    async def apply(self, event: TicketEvent) -> str:
        return await apply_ticket_event(self.uow, self.clock, {Provider.GITHUB: self.tracker}, event=event)

    @property
    def queued(self) -> list[str]:
        rows = self.uow.deliveries.rows.values()
        return [str(row.update["comment"]) for row in rows if "comment" in row.update]


def make_draft() -> TicketDraft:
    return TicketDraft(marker=new_id(), title="x", body="", url="", priority="high")


def event_of(remote: RemoteTicket, *, ours: bool = False, **fields: Any) -> TicketEvent:
    given: dict[str, Any] = {"kind": TicketEventKind.CHANGED, "external_id": remote.external_id, "remote": remote}
    return TicketEvent(provider=Provider.GITHUB, ours=ours, **(given | fields))


async def resync(world: World) -> Any:
    trackers = {Provider.GITHUB: world.tracker}
    return await resync_ticket(world.uow, world.clock, trackers, caller=make.caller(), item_id=world.item.id)


async def adopt(world: World, reference: str = "acme/shop#1") -> Any:
    trackers = {Provider.GITHUB: world.tracker}
    return await adopt_ticket(
        world.uow, world.clock, POLICY, trackers, caller=make.caller(), item_id=world.item.id, reference=reference
    )
