"""What admins do with webhook endpoints: register, change, rotate the secret, remove, ping."""

from dataclasses import replace
from typing import TypedDict
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.errors import require_version
from app.domain.events import require_types
from app.domain.follow_through.model import FindingCode
from app.domain.ids import new_id
from app.domain.outbound.addresses import networks, require_url
from app.domain.outbound.model import PING, EndpointState, KeptSecret, WebhookDelivery, WebhookEndpoint
from app.domain.outbound.signing import new_secret
from app.domain.policy import OutboundPolicy
from app.domain.ports import Clock, EventFeed, OpenUnitOfWork, UnitOfWork, Vault


class EndpointFields(TypedDict, total=False):
    """What can be changed."""

    url: str
    description: str
    event_types: list[str]
    sees_restricted: bool
    active: bool


async def create_webhook_endpoint(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: OutboundPolicy,
    vault: Vault,
    feed: EventFeed,
    *,
    caller: Caller,
    url: str,
    fields: EndpointFields,
) -> tuple[WebhookEndpoint, str]:
    """An endpoint, which gets what happens from now on, and its secret, which nobody can show again."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    now, secret, last = clock(), new_secret(), await feed.last()
    bare = WebhookEndpoint(
        id=new_id(), url=_url(url, policy), created_at=now, updated_at=now, position=last,
        secrets=(KeptSecret(vault.seal(secret)),), description=fields.get("description", ""),
        event_types=require_types(fields.get("event_types", ())), sees_restricted=fields.get("sees_restricted", False),
    )  # fmt: skip
    endpoint = bare.switch(fields.get("active", True), last, now)
    async with uow() as u:
        await u.webhook_endpoints.add(endpoint)
        await u.commit()
    return endpoint, secret


async def update_webhook_endpoint(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: OutboundPolicy,
    feed: EventFeed,
    *,
    caller: Caller,
    endpoint_id: UUID,
    fields: EndpointFields,
    expected_version: int | None = None,
) -> WebhookEndpoint:
    """Change an endpoint, pause it, or let it go on. Raises EndpointRemoved."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    now, last = clock(), await feed.last()
    async with uow() as u:
        old = await u.webhook_endpoints.get(endpoint_id)
        require_version(old.version, expected_version)
        switched = old.switch(fields.get("active", old.state is EndpointState.ACTIVE), last, now)
        types = require_types(fields["event_types"]) if "event_types" in fields else old.event_types
        new = replace(
            switched, updated_at=now, url=_url(fields.get("url", old.url), policy),
            description=fields.get("description", old.description), event_types=types,
            sees_restricted=fields.get("sees_restricted", old.sees_restricted),
        )  # fmt: skip
        saved = await u.webhook_endpoints.save(new)
        if saved.state is EndpointState.ACTIVE:
            await _close_finding(u, saved)
            u.webhook_deliveries.wake()
        await u.commit()
    return saved


async def remove_webhook_endpoint(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, endpoint_id: UUID) -> None:
    """It gets nothing any more; what was on its way is given up."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    now = clock()
    async with uow() as u:
        endpoint = await u.webhook_endpoints.save((await u.webhook_endpoints.get(endpoint_id)).remove(now))
        await u.webhook_deliveries.give_up(endpoint_id, now, "the endpoint was removed")
        await _close_finding(u, endpoint)
        await u.commit()


async def rotate_webhook_secret(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: OutboundPolicy,
    vault: Vault,
    *,
    caller: Caller,
    endpoint_id: UUID,
) -> tuple[WebhookEndpoint, str]:
    """A new secret; until the overlap is over, deliveries carry a signature of the old one too."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    now, secret = clock(), new_secret()
    async with uow() as u:
        old = await u.webhook_endpoints.get(endpoint_id)
        saved = await u.webhook_endpoints.save(old.rotate(vault.seal(secret), now, policy.rotation_overlap))
        await u.commit()
    return saved, secret


async def ping_webhook_endpoint(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, endpoint_id: UUID
) -> WebhookDelivery:
    """Queue an event that means nothing, to see whether it arrives."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    now = clock()
    async with uow() as u:
        endpoint = await u.webhook_endpoints.get(endpoint_id)
        endpoint.require_kept()
        ping = WebhookDelivery(new_id(), endpoint.id, PING, now, now)
        await u.webhook_deliveries.add_many([ping])
        await u.commit()
    return ping


async def renew_webhook_secrets(uow: OpenUnitOfWork, vault: Vault) -> int:
    """Seal every kept secret with the newest key, after the keys have changed; how many there were."""
    count = 0
    async with uow() as u:
        for endpoint in await u.webhook_endpoints.all():
            renewed = tuple(replace(one, sealed=vault.renew(one.sealed)) for one in endpoint.secrets)
            count += len(renewed)
            await u.webhook_endpoints.save(replace(endpoint, secrets=renewed))
        await u.commit()
    return count


def _url(url: str, policy: OutboundPolicy) -> str:
    return require_url(url, allow_http=policy.allow_http, allowed=networks(policy.allowed_networks))


async def _close_finding(u: UnitOfWork, endpoint: WebhookEndpoint) -> None:
    found = await u.findings.find_open(FindingCode.WEBHOOK_ENDPOINT_DISABLED, endpoint.id)
    if found is not None:
        await u.findings.save(replace(found, closed_at=endpoint.updated_at))
