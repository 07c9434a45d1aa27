"""Events on their way to webhook endpoints: signed, tried again, given up, delivered again; nobody holds up others."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import orjson
import pytest
import sqlalchemy as sa
import standardwebhooks
import svix
from cryptography.fernet import Fernet

from app.adapters.db.events import stamp_positions
from app.adapters.outbound import GuardedSender
from app.adapters.vault import FernetVault, NotAKey
from app.domain.access import SYSTEM
from app.domain.errors import Invalid, NotFound, Unavailable
from app.domain.events import Event, EventType, UnknownEventType
from app.domain.follow_through.model import FindingCode
from app.domain.ids import new_id
from app.domain.incidents.model import Visibility
from app.domain.outbound.addresses import networks
from app.domain.outbound.model import EndpointRemoved, EndpointState, WebhookDeliveryState
from app.domain.outbound.use_cases.endpoints import (
    EndpointFields,
    create_webhook_endpoint,
    ping_webhook_endpoint,
    remove_webhook_endpoint,
    renew_webhook_secrets,
    rotate_webhook_secret,
    update_webhook_endpoint,
)
from app.domain.outbound.use_cases.redelivery import redeliver_webhook, redeliver_webhooks
from app.domain.outbound.use_cases.sending import fan_out, forget_webhooks, send_webhook
from app.domain.policy import OutboundPolicy
from app.domain.ports import Ports
from app.wiring import Opened
from app.worker import work
from app.worker.outbound import Dispatcher
from tests import make
from tests.contract.receiver import Got, Receiver, never, status

RULES = OutboundPolicy(
    retry_delays=(timedelta(seconds=10), timedelta(minutes=1)), timeout_seconds=2, allow_http=True,
    allowed_networks=("127.0.0.0/8",), disable_after=timedelta(days=5),
)  # fmt: skip


class World:
    """An endpoint at a receiver, and a clock that a test moves."""

    def __init__(self, ports: Ports, opened: Opened, receiver: Receiver, directory: Path) -> None:
        self.now = datetime.now(UTC)
        self.receiver, self.opened = receiver, opened
        self.sender = GuardedSender(networks(RULES.allowed_networks))
        self.ports = replace(
            ports, clock=lambda: self.now, policy=replace(ports.policy, outbound=RULES), sender=self.sender,
            vault=FernetVault([], directory),
        )  # fmt: skip

    async def endpoint(self, url: str | None = None, **fields: Any) -> tuple[UUID, str]:
        p = self.ports
        made, secret = await create_webhook_endpoint(
            p.uow, p.clock, p.policy.outbound, p.vault, p.feed, caller=SYSTEM, url=url or self.receiver.url,
            fields=cast(EndpointFields, fields),
        )  # fmt: skip
        return made.id, secret

    async def update(self, endpoint_id: UUID, **fields: Any) -> None:
        p = self.ports
        await update_webhook_endpoint(
            p.uow, p.clock, p.policy.outbound, p.feed, caller=SYSTEM, endpoint_id=endpoint_id,
            fields=cast(EndpointFields, fields),
        )  # fmt: skip

    async def happen(
        self, type: EventType = EventType.BOOST_RAISED, incident_id: UUID | None = None, count: int = 1
    ) -> list[Event]:
        events = [Event(type, new_id(), self.now, "system", incident_id, {"n": n}) for n in range(count)]
        async with self.ports.uow() as u:
            await u.events.add_many(events)
            await u.commit()
        async with self.opened.engine.connect() as connection:
            await stamp_positions(connection)
        await fan_out(self.ports.uow, self.ports.clock, self.ports.feed)
        return events

    async def send_due(self) -> int:
        """Attempt all that is due, once."""
        p = self.ports
        async with p.uow() as u:
            due = await u.webhook_deliveries.due(self.now, limit=100, per_endpoint=100, but=[])
        for delivery_id, _ in due:
            assert await send_webhook(
                p.uow, p.clock, p.policy, p.vault, p.sender, delivery_id=delivery_id, jitter=lambda: 0.5
            )
        return len(due)

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.opened.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(sa.text(statement))]

    async def states(self) -> list[tuple[Any, ...]]:
        return await self.rows("select state, attempts from webhook_deliveries order by created_at, id")

    async def state_of(self, endpoint_id: UUID) -> EndpointState:
        async with self.ports.uow() as u:
            return (await u.webhook_endpoints.get(endpoint_id)).state


@pytest.fixture
async def world(ports: Ports, opened: Opened, tmp_path: Path) -> AsyncIterator[World]:
    async with Receiver().listening() as receiver:
        world = World(ports, opened, receiver, tmp_path)
        async with world.sender:
            yield world


def envelope(got: Got) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(got.body)
    return body


async def test_an_event_arrives_once_signed_for_the_libraries_and_as_a_cloud_event(world: World) -> None:
    _, secret = await world.endpoint()
    (event,) = await world.happen()
    assert await world.send_due() == 1
    assert await world.send_due() == 0
    (got,) = world.receiver.got
    assert got.headers["webhook-id"] == str(event.id)
    assert standardwebhooks.Webhook(secret).verify(got.body, got.headers)["id"] == str(event.id)
    svix.Webhook(secret).verify(got.body, got.headers)
    body = envelope(got)
    assert (body["specversion"], body["subject"]) == ("1.0", str(event.subject_id))
    assert body["data"] == {"subject_id": str(event.subject_id), "actor": "system", "change": {"n": 0}}
    assert body["sequence"].isdigit()
    assert await world.states() == [("sent", 1)]
    forged = {**got.headers, "webhook-timestamp": str(int(world.now.timestamp()) + 1)}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(got.body, forged)


async def test_only_what_an_endpoint_wants_is_sent_there(world: World) -> None:
    await world.endpoint(event_types=["boost.*", "postmortem.published.v1"])
    await world.happen(EventType.ACTION_ITEM_CLOSED)
    await world.happen(EventType.BOOST_LIFTED)
    await world.happen(EventType.POSTMORTEM_PUBLISHED)
    await world.send_due()
    assert [envelope(got)["type"] for got in world.receiver.got] == ["boost.lifted.v1", "postmortem.published.v1"]
    with pytest.raises(UnknownEventType):
        await world.endpoint(event_types=["boost.lowered.v1"])


async def test_what_derives_from_a_restricted_incident_goes_only_where_it_may(world: World) -> None:
    await world.endpoint(description="open")
    trusted, _ = await world.endpoint(sees_restricted=True)
    service = make.service()
    hidden = make.incident(service, visibility=Visibility.RESTRICTED)
    later = make.incident(service)
    async with world.ports.uow() as u:
        await u.services.add(service)
        await u.incidents.add(hidden)
        await u.incidents.add(later)
        await u.commit()
    await world.happen(EventType.INCIDENT_UPDATED, hidden.id)
    assert await world.rows("select endpoint_id from webhook_deliveries") == [(trusted,)]
    await world.happen(EventType.INCIDENT_UPDATED, later.id)
    async with world.opened.engine.begin() as connection:
        await connection.execute(sa.text(f"update incidents set restricted = true where id = '{later.id}'"))
    for _ in range(2):
        p = world.ports
        async with p.uow() as u:
            due = await u.webhook_deliveries.due(world.now, limit=10, per_endpoint=10, but=[])
        for id, _endpoint in due:
            await send_webhook(p.uow, p.clock, p.policy, p.vault, p.sender, delivery_id=id)
    assert len(world.receiver.got) == 2, "both went to the trusted one only"
    assert sorted(await world.states()) == [("sent", 1), ("sent", 1), ("withheld", 0)]


async def test_a_failure_is_tried_again_after_each_delay_and_then_given_up(world: World) -> None:
    await world.endpoint()
    (event,) = await world.happen()
    world.receiver.answer = status(500, "out of order")
    await world.send_due()
    assert await world.send_due() == 0, "not before the delay"
    world.now += timedelta(seconds=10)
    assert await world.send_due() == 1
    world.now += timedelta(minutes=1)
    assert await world.send_due() == 1
    assert await world.states() == [("dead", 3)]
    assert {got.headers["webhook-id"] for got in world.receiver.got} == {str(event.id)}
    attempts = await world.rows("select status, response, error from webhook_attempts order by at, id")
    assert attempts == [(500, "out of order", "answered 500")] * 3
    world.receiver.answer = status(200)
    ((delivery_id,),) = await world.rows("select id from webhook_deliveries")
    await redeliver_webhook(world.ports.uow, world.ports.clock, caller=SYSTEM, delivery_id=delivery_id)
    await world.send_due()
    assert await world.states() == [("sent", 1)]
    assert world.receiver.got[-1].headers["webhook-id"] == str(event.id)


async def test_a_receiver_that_asks_us_to_wait_is_obeyed_within_reason(world: World) -> None:
    await world.endpoint()
    await world.happen()
    world.receiver.answer = status(503, "", "retry-after: 3600")
    await world.send_due()
    world.now += timedelta(minutes=59)
    assert await world.send_due() == 0
    world.now += timedelta(minutes=1)
    world.receiver.answer = status(503, "", "retry-after: 999999999")
    assert await world.send_due() == 1
    world.now += timedelta(hours=24)
    assert await world.send_due() == 1


async def test_nobody_there_is_a_failure_like_any_other(world: World) -> None:
    await world.endpoint(url="http://127.0.0.1:9/hook")
    await world.happen()
    await world.send_due()
    ((error,),) = await world.rows("select last_error from webhook_deliveries")
    assert error
    assert await world.states() == [("pending", 1)]


async def test_an_endpoint_that_only_fails_is_disabled_with_a_notice(world: World) -> None:
    endpoint_id, _ = await world.endpoint(description="Data lake")
    await world.happen()
    world.receiver.answer = status(500)
    await world.send_due()
    assert await world.state_of(endpoint_id) is EndpointState.ACTIVE
    world.now += timedelta(days=5)
    await world.happen()
    await world.send_due()
    assert await world.state_of(endpoint_id) is EndpointState.DISABLED
    async with world.ports.uow() as u:
        finding = await u.findings.find_open(FindingCode.WEBHOOK_ENDPOINT_DISABLED, endpoint_id)
    assert finding is not None
    assert "Data lake" in finding.message
    assert world.receiver.url not in finding.message
    told = {row[0] for row in await world.rows("select type from events")}
    assert told >= {"webhook_endpoint.disabled.v1", "finding.opened.v1"}
    await world.happen()
    assert await world.send_due() == 0, "nothing is sent to a disabled endpoint"
    async with world.opened.engine.begin() as connection:
        await connection.execute(sa.text("update webhook_endpoints set state = 'active'"))
    await world.happen()
    await world.send_due()
    assert len(await world.rows("select 1 from findings")) == 1, "one that is open is not opened again"
    await world.update(endpoint_id, active=True)
    async with world.ports.uow() as u:
        assert await u.findings.find_open(FindingCode.WEBHOOK_ENDPOINT_DISABLED, endpoint_id) is None


async def test_one_success_ends_a_row_of_failures(world: World) -> None:
    endpoint_id, _ = await world.endpoint()
    await world.happen()
    world.receiver.answer = status(500)
    await world.send_due()
    world.receiver.answer = status(200)
    world.now += timedelta(days=4)
    await world.send_due()
    world.receiver.answer = status(500)
    world.now += timedelta(days=4)
    await world.happen()
    await world.send_due()
    assert await world.state_of(endpoint_id) is EndpointState.ACTIVE


async def test_who_says_gone_is_disabled_at_once(world: World) -> None:
    endpoint_id, _ = await world.endpoint()
    await world.happen(count=2)
    world.receiver.answer = status(410)
    await world.send_due()
    assert await world.state_of(endpoint_id) is EndpointState.DISABLED
    assert len(await world.rows("select 1 from findings")) == 1


async def test_a_rotated_secret_signs_beside_the_old_one_until_the_overlap_is_over(world: World) -> None:
    p = world.ports
    endpoint_id, old = await world.endpoint()
    _, new = await rotate_webhook_secret(
        p.uow, p.clock, p.policy.outbound, p.vault, caller=SYSTEM, endpoint_id=endpoint_id
    )
    await world.happen()
    await world.send_due()
    (got,) = world.receiver.got
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        standardwebhooks.Webhook(secret).verify(got.body, got.headers)
        svix.Webhook(secret).verify(got.body, got.headers)
    world.now += timedelta(hours=24)
    await world.happen()
    await world.send_due()
    last = world.receiver.got[-1]
    at = {**last.headers, "webhook-timestamp": last.headers["webhook-timestamp"]}
    assert len(at["webhook-signature"].split(" ")) == 1
    assert old != new


async def test_a_paused_endpoint_misses_what_happens_and_can_have_it_later(world: World) -> None:
    p = world.ports
    endpoint_id, _ = await world.endpoint()
    await world.happen()
    await world.send_due()
    await world.update(endpoint_id, active=False)
    await world.update(endpoint_id, active=False)
    began = world.now
    await world.happen(count=3)
    await world.update(endpoint_id, active=True)
    assert await world.send_due() == 0
    redeliver = {"caller": SYSTEM, "endpoint_id": endpoint_id, "since": began, "until": began + timedelta(seconds=1)}
    assert await redeliver_webhooks(p.uow, p.clock, RULES, **redeliver) == 4  # type: ignore[arg-type]
    assert await world.send_due() == 3, "what had arrived is not sent again"
    await redeliver_webhooks(p.uow, p.clock, RULES, including_sent=True, **redeliver)  # type: ignore[arg-type]
    assert await world.send_due() == 4
    assert len({got.headers["webhook-id"] for got in world.receiver.got}) == 4
    few = replace(RULES, redelivered_at_once=2)
    with pytest.raises(Invalid, match="More than 2"):
        await redeliver_webhooks(p.uow, p.clock, few, **redeliver)  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="before"):
        await redeliver_webhooks(p.uow, p.clock, RULES, **{**redeliver, "since": redeliver["until"]})  # type: ignore[arg-type]


async def test_a_removed_endpoint_gets_nothing_and_keeps_no_secret(world: World) -> None:
    p = world.ports
    endpoint_id, _ = await world.endpoint()
    await world.happen()
    ((delivery_id,),) = await world.rows("select id from webhook_deliveries")
    for _ in range(2):
        await remove_webhook_endpoint(p.uow, p.clock, caller=SYSTEM, endpoint_id=endpoint_id)
    assert await world.states() == [("dead", 0)]
    assert await world.rows("select secrets from webhook_endpoints") == [([],)]
    assert not await send_webhook(p.uow, p.clock, p.policy, p.vault, p.sender, delivery_id=delivery_id)
    with pytest.raises(EndpointRemoved):
        await ping_webhook_endpoint(p.uow, p.clock, caller=SYSTEM, endpoint_id=endpoint_id)
    with pytest.raises(NotFound):
        await redeliver_webhook(p.uow, p.clock, caller=SYSTEM, delivery_id=new_id())


async def test_a_ping_arrives_and_is_no_event(world: World) -> None:
    p = world.ports
    endpoint_id, secret = await world.endpoint(event_types=["boost.*"])
    ping = await ping_webhook_endpoint(p.uow, p.clock, caller=SYSTEM, endpoint_id=endpoint_id)
    await world.send_due()
    (got,) = world.receiver.got
    assert standardwebhooks.Webhook(secret).verify(got.body, got.headers)["type"] == "ping.v1"
    assert got.headers["webhook-id"] == str(ping.id)
    assert await world.rows("select 1 from events") == []


async def test_an_event_that_is_no_longer_kept_is_not_sent(world: World) -> None:
    await world.endpoint()
    await world.happen()
    async with world.opened.engine.begin() as connection:
        await connection.execute(sa.text("delete from events"))
    p = world.ports
    ((delivery_id,),) = await world.rows("select id from webhook_deliveries")
    assert not await send_webhook(p.uow, p.clock, p.policy, p.vault, p.sender, delivery_id=delivery_id)
    assert await world.states() == [("withheld", 0)]


async def test_a_delivery_whose_attempts_never_end_is_given_up(world: World) -> None:
    await world.endpoint()
    await world.happen()
    async with world.opened.engine.begin() as connection:
        await connection.execute(sa.text("update webhook_deliveries set attempts = 3"))
    p = world.ports
    ((delivery_id,),) = await world.rows("select id from webhook_deliveries")
    assert not await send_webhook(p.uow, p.clock, p.policy, p.vault, p.sender, delivery_id=delivery_id)
    assert await world.states() == [("dead", 3)]


async def test_an_answer_that_comes_too_late_changes_nothing(world: World) -> None:
    """The lease ran out, another worker sent it, and only then does our failure come back."""
    await world.endpoint()
    await world.happen()

    async def meanwhile(_: Got) -> bytes:
        async with world.opened.engine.begin() as connection:
            await connection.execute(sa.text("update webhook_deliveries set state = 'sent'"))
        return await status(500)(_)

    world.receiver.answer = meanwhile
    await world.send_due()
    assert await world.states() == [("sent", 1)]


async def test_what_the_vault_cannot_open_is_a_failed_attempt(world: World) -> None:
    await world.endpoint()
    await world.happen()
    p = world.ports
    ((delivery_id,),) = await world.rows("select id from webhook_deliveries")
    other = FernetVault([Fernet.generate_key().decode()], Path("/nonexistent"))
    assert await send_webhook(p.uow, p.clock, p.policy, other, p.sender, delivery_id=delivery_id)
    ((error,),) = await world.rows("select last_error from webhook_deliveries")
    assert "NOREPEAT_ENCRYPTION_KEYS" in error
    assert world.receiver.got == []


async def test_old_deliveries_are_forgotten_with_their_attempts(world: World) -> None:
    await world.endpoint()
    await world.happen()
    await world.send_due()
    world.now += timedelta(days=RULES.kept_days + 1)
    assert await forget_webhooks(world.ports.uow, world.ports.clock, RULES) == 1
    assert await world.rows("select 1 from webhook_attempts") == []


async def test_more_events_than_one_page_are_all_delivered(world: World) -> None:
    await world.endpoint()
    await world.happen(count=1100)
    assert await world.rows("select count(*) from webhook_deliveries") == [(1100,)]


async def test_a_slow_endpoint_holds_up_nobody_else(world: World) -> None:
    async with Receiver(never).listening() as slow:
        await world.endpoint(url=slow.url)
        await world.endpoint()
        await world.happen(count=20)
        dispatcher, stop = Dispatcher(world.ports), asyncio.Event()
        running = asyncio.create_task(dispatcher.run(stop))
        await dispatcher.wake()
        for _ in range(1000):
            if len(world.receiver.got) == 20:
                break
            await asyncio.sleep(0.01)
        assert len(world.receiver.got) == 20
        assert 0 < slow.most_at_once <= RULES.at_once_per_endpoint
        stop.set()
        await running


async def test_the_worker_sends_what_happens(world: World) -> None:
    await world.endpoint()
    ports, stop = replace(world.ports, clock=lambda: datetime.now(UTC)), asyncio.Event()
    task = asyncio.create_task(work(ports, world.opened.engine, world.opened.dsn, stop=stop, stamp_every=0.1))
    async with ports.uow() as u:
        await u.events.add(Event(EventType.BOOST_LIFTED, new_id(), datetime.now(UTC), "system"))
        await u.commit()
    for _ in range(500):
        if world.receiver.got:
            break
        await asyncio.sleep(0.02)
    stop.set()
    await task
    assert [envelope(got)["type"] for got in world.receiver.got] == ["boost.lifted.v1"]


# ── The vault ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_never_stored_as_it_is(tmp_path: Path) -> None:
    vault = FernetVault([], tmp_path / "data")
    sealed = vault.seal("whsec_abc")
    assert "abc" not in sealed
    assert vault.open(sealed) == "whsec_abc"
    assert FernetVault([], tmp_path / "data").open(sealed) == "whsec_abc"
    assert (tmp_path / "data" / "encryption.key").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["encryption.key"]


async def test_secrets_are_sealed_anew_with_the_newest_key(world: World) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    nowhere = Path("/nonexistent")
    world.ports = replace(world.ports, vault=FernetVault([old], nowhere))
    await world.endpoint()
    both = FernetVault([new, old], nowhere)
    assert await renew_webhook_secrets(world.ports.uow, both) == 1
    world.ports = replace(world.ports, vault=FernetVault([new], nowhere))
    await world.happen()
    assert await world.send_due() == 1
    assert await world.states() == [("sent", 1)]
    with pytest.raises(Unavailable):
        FernetVault([old], nowhere).open(FernetVault([new], nowhere).seal("x"))
    with pytest.raises(NotAKey):
        FernetVault(["short"], nowhere).seal("x")


def test_a_state_has_a_name_that_people_know() -> None:
    assert {str(state) for state in WebhookDeliveryState} == {"pending", "sent", "dead", "withheld"}
