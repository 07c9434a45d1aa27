"""From the feed to the endpoints: make deliveries of new events, and attempt one."""

import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.access import SYSTEM
from app.domain.errors import Unavailable
from app.domain.events import Event, EventFilter, EventType, PositionedEvent
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.ids import new_id
from app.domain.outbound.envelope import VERSION, cloud_event
from app.domain.outbound.model import EndpointState, Jitter, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from app.domain.outbound.signing import headers
from app.domain.policy import OutboundPolicy, Policy
from app.domain.ports import Answered, Clock, EventFeed, NotSent, OpenUnitOfWork, Sender, UnitOfWork, Vault

BATCH = 500


async def fan_out(uow: OpenUnitOfWork, clock: Clock, feed: EventFeed) -> int:
    """A delivery of each new event for each endpoint that wants it; how many that made."""
    count = 0
    async with uow() as u:
        endpoints = await u.webhook_endpoints.active()
        if not endpoints:
            return 0
        after = min(endpoint.position for endpoint in endpoints)
        page = await feed.page(EventFilter(), SYSTEM, after=after, limit=BATCH)
        if page.upto == after:
            return 0
        for endpoint in endpoints:
            new = [one for one in page.events if one.position > endpoint.position and endpoint.takes(one)]
            await u.webhook_deliveries.add_many([_delivery(endpoint, one.event, clock()) for one in new])
            count += len(new)
        await u.webhook_endpoints.advance([endpoint.id for endpoint in endpoints], page.upto)
        await u.commit()
    return count + (await fan_out(uow, clock, feed) if len(page.events) == BATCH else 0)


async def forget_webhooks(uow: OpenUnitOfWork, clock: Clock, policy: OutboundPolicy) -> int:
    """Drop finished deliveries that are old; how many there were."""
    async with uow() as u:
        count = await u.webhook_deliveries.forget(clock() - timedelta(days=policy.kept_days))
        await u.commit()
    return count


def _delivery(endpoint: WebhookEndpoint, event: Event, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(new_id(), endpoint.id, event.type, now, now, event.id)


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A delivery to attempt now, with what goes over the wire."""

    delivery: WebhookDelivery
    url: str
    secrets: tuple[str, ...]  # as the vault keeps them
    body: bytes


async def send_webhook(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    vault: Vault,
    sender: Sender,
    *,
    delivery_id: UUID,
    jitter: Jitter = random.random,
) -> bool:
    """Attempt one delivery; false if there was nothing to attempt. At least once: a repeat has the same id."""
    claimed = await _claim(uow, clock, policy, delivery_id)
    if claimed is None:
        return False
    at = clock()
    result: Answered | NotSent
    try:
        live = [vault.open(sealed) for sealed in claimed.secrets]
        signed = headers(live, claimed.delivery.message_id, at, claimed.body)
        result = await sender.post(claimed.url, signed, claimed.body, timeout=policy.outbound.timeout_seconds)
    except NotSent as error:
        result = error
    except Unavailable as error:
        result = NotSent(error.message)
    await _record(uow, clock, policy, claimed.delivery, result, at, jitter)
    return True


async def _claim(uow: OpenUnitOfWork, clock: Clock, policy: Policy, delivery_id: UUID) -> _Claimed | None:
    now = clock()
    async with uow() as u:
        delivery = await u.webhook_deliveries.get(delivery_id)
        endpoint = await u.webhook_endpoints.find(delivery.endpoint_id)
        if not delivery.is_due(now) or endpoint is None or endpoint.state is EndpointState.REMOVED:
            return None
        told = await u.webhook_deliveries.event_of(delivery)
        if delivery.event_id is not None and (told is None or not endpoint.may_see(told)):
            why = "the event is no longer kept" if told is None else "what it is about is restricted now"
            await u.webhook_deliveries.save(delivery.withhold(now, why))
            await u.commit()
            return None
        if delivery.attempts > len(policy.outbound.retry_delays):
            await u.webhook_deliveries.save(delivery.give_up(now, "no attempt came to an end"))
            await u.commit()
            return None
        claimed = delivery.claim(now + policy.outbound.lease)
        await u.webhook_deliveries.save(claimed)
        await u.commit()
    secrets = tuple(secret.sealed for secret in endpoint.live_secrets(now))
    return _Claimed(claimed, endpoint.url, secrets, _body(claimed, told, policy.public_url))


def _body(delivery: WebhookDelivery, told: PositionedEvent | None, source: str) -> bytes:
    """The same at every attempt."""
    if told is not None:
        return _json(cloud_event(told.event, source=source, position=told.position))
    time = delivery.created_at.isoformat().replace("+00:00", "Z")
    ping = {"specversion": VERSION, "id": delivery.message_id, "source": source, "type": delivery.event_type}
    return _json(ping | {"time": time, "datacontenttype": "application/json", "data": {}})


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


async def _record(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    claimed: WebhookDelivery,
    result: Answered | NotSent,
    at: datetime,
    jitter: Jitter,
) -> None:
    now, rules = clock(), policy.outbound
    status = result.status if isinstance(result, Answered) else None
    response = result.text[: rules.response_chars] if isinstance(result, Answered) else ""
    error = None if isinstance(result, Answered) and result.accepted else _why(result)
    attempt = WebhookAttempt(
        new_id(), claimed.id, at, round((now - at).total_seconds() * 1000), status, response, error
    )
    async with uow() as u:
        delivery = await u.webhook_deliveries.get(claimed.id)
        if error is None:
            await u.webhook_deliveries.save(delivery.sent(now))
        else:
            wait = min(timedelta(seconds=getattr(result, "retry_after", None) or 0), rules.longest_wait)
            failed = delivery.failed(now, error, rules, jitter=jitter, at_least=wait)
            await u.webhook_deliveries.save(failed)
        await u.webhook_deliveries.keep_attempt(attempt)
        await _judge(u, claimed.endpoint_id, error, status, now, policy)
        await u.commit()


def _why(result: Answered | NotSent) -> str:
    return f"answered {result.status}" if isinstance(result, Answered) else str(result)


async def _judge(
    u: UnitOfWork, endpoint_id: UUID, error: str | None, status: int | None, now: datetime, policy: Policy
) -> None:
    """What the attempt says about the endpoint; its row is locked only where that changes something."""
    seen = await u.webhook_endpoints.find(endpoint_id)
    assert seen is not None, "endpoints are never deleted"
    if _judged(seen, error, status, now, policy) == seen:
        return
    old = await u.webhook_endpoints.get(endpoint_id)
    new = _judged(old, error, status, now, policy)
    await u.webhook_endpoints.save(new)
    if new.state is EndpointState.DISABLED and old.state is not EndpointState.DISABLED:
        await _give_notice(u, new, now)


def _judged(
    endpoint: WebhookEndpoint, error: str | None, status: int | None, now: datetime, policy: Policy
) -> WebhookEndpoint:
    return endpoint.succeeded() if error is None else endpoint.failed(status, now, policy.outbound)


async def _give_notice(u: UnitOfWork, endpoint: WebhookEndpoint, now: datetime) -> None:
    """A finding for people and an event for programs; neither shows the address, which may hold a token."""
    name = endpoint.description or str(endpoint.id)
    finding = Finding(
        id=new_id(), code=FindingCode.WEBHOOK_ENDPOINT_DISABLED, subject_kind="webhook_endpoint",
        subject_id=endpoint.id, message=f"The webhook endpoint “{name}” was disabled: {endpoint.state_reason}.",
        remedy="Repair the receiver, set the endpoint active again, and deliver again what it missed.", opened_at=now,
    )  # fmt: skip
    data = {"reason": endpoint.state_reason}
    event = Event(EventType.WEBHOOK_ENDPOINT_DISABLED, endpoint.id, now, SYSTEM.actor, data=data)
    if await u.findings.open(finding):
        opened = {"code": finding.code, "subject_id": str(endpoint.id)}
        await u.events.add(Event(EventType.FINDING_OPENED, finding.id, now, SYSTEM.actor, data=opened))
    await u.events.add(event)
