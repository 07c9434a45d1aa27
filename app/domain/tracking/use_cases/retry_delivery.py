"""A person retries a delivery that was given up."""

from dataclasses import replace
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.errors import NotFound, WrongState
from app.domain.ports import Clock, OpenUnitOfWork
from app.domain.tracking.deliveries import Delivery, DeliveryKind
from app.domain.tracking.following import lock
from app.domain.tracking.model import SyncState, Ticket


async def retry_delivery(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, delivery_id: UUID) -> Delivery:
    """dead → waiting again, with its attempts counted anew; it looks the ticket up before it creates one."""
    authorize(caller, Action.OPERATE)
    now = clock()
    known = await _ticket_of(uow, delivery_id)
    async with uow() as u:
        _, ticket = await lock(u, known)
        waiting = await u.deliveries.unfinished_of(ticket.id)
        delivery = (await u.deliveries.get(delivery_id)).revive()
        if delivery.kind is DeliveryKind.CREATE:
            _require_missing(ticket, waiting)
        await u.deliveries.save(delivery)
        if ticket.sync_state is SyncState.FAILED:
            await u.tickets.save(replace(ticket, sync_state=SyncState.PENDING, updated_at=now))
        await u.commit()
    return delivery


async def _ticket_of(uow: OpenUnitOfWork, delivery_id: UUID) -> Ticket:
    async with uow() as u:
        ticket = await u.tickets.find((await u.deliveries.get(delivery_id)).ticket_id)
    if ticket is None:
        raise NotFound(f"The ticket of the delivery {delivery_id} does not exist any more.")
    return ticket


def _require_missing(ticket: Ticket, waiting: tuple[Delivery, ...]) -> None:
    if ticket.external_id is not None:
        raise WrongState(f"The ticket exists already: {ticket.key}.")
    if any(delivery.kind is DeliveryKind.CREATE for delivery in waiting):
        raise WrongState("Another delivery is about to create this ticket.")
