"""Deliver again, by hand: one delivery, or everything of a stretch of time that has not arrived."""

from datetime import datetime
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.errors import Invalid
from app.domain.ids import new_id
from app.domain.outbound.model import WebhookDelivery
from app.domain.policy import OutboundPolicy
from app.domain.ports import Clock, OpenUnitOfWork


async def redeliver_webhook(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, delivery_id: UUID) -> WebhookDelivery:
    """One delivery, whatever became of it, under the same `webhook-id`."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    now = clock()
    async with uow() as u:
        old = await u.webhook_deliveries.get(delivery_id)
        (await u.webhook_endpoints.get(old.endpoint_id)).require_kept()
        again = old.again(now)
        await u.webhook_deliveries.save(again)
        await u.commit()
    return again


async def redeliver_webhooks(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: OutboundPolicy,
    *,
    caller: Caller,
    endpoint_id: UUID,
    since: datetime,
    until: datetime,
    including_sent: bool = False,
) -> int:
    """Every event of this time that the endpoint wants and has not got, also those it missed while it was paused."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    now = clock()
    if since >= until:
        raise Invalid("`since` lies before `until`.")
    async with uow() as u:
        endpoint = await u.webhook_endpoints.get(endpoint_id)
        endpoint.require_kept()
        events = await u.webhook_deliveries.events_between(since, until, policy.redelivered_at_once + 1)
        if len(events) > policy.redelivered_at_once:
            raise Invalid(f"More than {policy.redelivered_at_once} events lie in this time; ask for less of it.")
        wanted = [one.event for one in events if endpoint.takes(one)]
        await u.webhook_deliveries.requeue(endpoint_id, [event.id for event in wanted], now, sent_too=including_sent)
        new = [WebhookDelivery(new_id(), endpoint_id, event.type, now, now, event.id) for event in wanted]
        await u.webhook_deliveries.add_many(new)
        await u.commit()
    return len(wanted)
