"""Webhooks on the real database: kept once, in groups, the worker woken with them, and what they lead to."""

import asyncio
import json
import random
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from app.adapters.db.inbox import LARGEST_GROUP, SqlInbox
from app.domain.errors import Invalid, Unavailable
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.domain.tracking.use_cases.process_inbox import process_inbox
from tests.contract.github_simulator import BOT
from tests.worker.conftest import Shop

KEPT = "select count(*) from inbox"
JOBS = "select count(*) from pgqueuer where entrypoint = 'inbox'"
UNHANDLED = "select count(*) from inbox where handled_at is null"


async def put(shop: Shop, sent: tuple[dict[str, str], bytes]) -> bool:
    headers, body = sent
    return await shop.ports.inbox.put("github", headers["x-github-delivery"], headers, body)


async def test_a_delivery_is_kept_once_and_wakes_the_worker_once(shop: Shop) -> None:
    inbox = shop.ports.inbox
    assert await inbox.put("github", "1", {"x-github-event": "ping"}, b"\x00\xff")
    assert not await inbox.put("github", "1", {}, b"again")
    assert await inbox.put("linear", "1", {}, b"another source")
    assert (await shop.value(KEPT), await shop.value(JOBS)) == (2, 2)
    assert await shop.rows("select headers, body, attempts from inbox where source = 'github'") == [
        ({"x-github-event": "ping"}, b"\x00\xff", 0)
    ]


async def test_what_arrives_together_shares_a_transaction_and_a_job(shop: Shop) -> None:
    ids = [str(number % 300) for number in range(500)]
    random.Random(1).shuffle(ids)
    answers = await asyncio.gather(*(shop.ports.inbox.put("github", id, {}, b"{}") for id in ids))
    assert sum(answers) == await shop.value(KEPT) == 300
    transactions = await shop.value("select count(distinct xmin::text) from inbox")
    assert transactions == await shop.value(JOBS) <= 1 + 500 / LARGEST_GROUP


async def test_one_that_cannot_be_kept_fails_alone(shop: Shop) -> None:
    good = [shop.ports.inbox.put("github", str(number), {}, b"{}") for number in range(5)]
    bad = shop.ports.inbox.put("github", "nul\x00", {}, b"{}")
    *answers, refused = await asyncio.gather(*good, bad, return_exceptions=True)
    assert answers == [True] * 5
    assert isinstance(refused, Invalid)
    assert await shop.value(KEPT) == 5


async def test_without_a_database_the_sender_is_told_to_send_again(shop: Shop) -> None:
    pool = await asyncpg.create_pool(shop.dsn, min_size=1, max_size=1)
    inbox = SqlInbox(pool)
    await pool.close()
    with pytest.raises(Unavailable):
        await inbox.put("github", "1", {}, b"{}")


async def test_a_sender_that_hangs_up_leaves_the_others_alone(shop: Shop) -> None:
    leaving = asyncio.create_task(shop.ports.inbox.put("github", "1", {}, b"{}"))
    staying = asyncio.create_task(shop.ports.inbox.put("github", "2", {}, b"{}"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying
    assert await shop.value(KEPT) == 2


async def test_a_ticket_closed_at_github_makes_the_item_implemented_and_asks_for_evidence(shop: Shop) -> None:
    item, ticket, _ = await shop.item()
    async with shop.worker():
        await shop.until("select sync_state from tickets", "synced")
        await asyncio.sleep(1.1)  # GitHub's times are whole seconds; a tie would be asked about instead.
        await put(shop, shop.simulator.close("acme/shop#1"))
        await shop.until("select status from action_items", "implemented")
        await shop.until("select count(*) from deliveries where state = 'sent'", 2)
    (comment,) = shop.simulator.comments["acme/shop#1"]
    assert "closes this item when evidence shows" in comment["body"]
    assert (await shop.ticket(ticket.id)).status == "done"
    history = await shop.rows("select actor, source, field, new from action_item_changes where field = 'status'")
    assert history == [("tracker:github", "tracker", "status", "implemented")]
    assert await shop.value("select status from action_items where id = :id", id=item.id) != "closed"


async def test_events_three_times_each_and_shuffled_end_in_the_trackers_state(shop: Shop) -> None:
    await shop.item()
    ports, simulator = shop.ports, shop.simulator
    await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers)
    key, start = "acme/shop#1", simulator.now()
    sent = []
    for number, act in enumerate(
        (simulator.close, simulator.reopen, simulator.close, simulator.reopen, simulator.close)
    ):
        later = start.replace(year=start.year + 1, second=number)
        simulator.now = lambda at=later: at  # type: ignore[misc]
        sent += [act(key)] * 3
    random.Random(7).shuffle(sent)
    for headers, body in sent:
        await put(shop, ({**headers, "x-github-delivery": str(uuid4())}, body))
    await asyncio.gather(
        *(process_inbox(ports.uow, ports.clock, ports.policy, ports.trackers, ports.webhooks) for _ in range(3))
    )
    assert await shop.value(UNHANDLED) == 0
    assert await shop.value("select status from action_items") == "implemented"
    assert await shop.value("select status from tickets") == "done"


async def test_our_own_echo_changes_no_item(shop: Shop) -> None:
    await shop.item()
    ports = shop.ports
    await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers)
    await put(shop, shop.simulator.close("acme/shop#1", by=BOT))
    await process_inbox(ports.uow, ports.clock, ports.policy, ports.trackers, ports.webhooks)
    assert await shop.value("select status from action_items") == "open"


async def test_a_poisonous_delivery_stops_no_other_and_ends(shop: Shop) -> None:
    await put(shop, (shop.simulator.signed("issues", b"not json"), b"not json"))
    other = json.dumps({"zen": "Keep it logically awesome."}).encode()
    await put(shop, (shop.simulator.signed("ping", other), other))
    ports = shop.ports
    assert await process_inbox(ports.uow, ports.clock, ports.policy, ports.trackers, ports.webhooks) == 2
    notes = await shop.rows("select note, error, attempts from inbox order by received_at, id")
    assert notes[0][0] is None
    assert "not JSON" in notes[0][1]
    assert notes[1] == ("of no interest", None, 1)
    assert await shop.value(UNHANDLED) == 0


async def test_a_deleted_issue_makes_its_ticket_lost(shop: Shop) -> None:
    _, ticket, delivery = await shop.item()
    ports = shop.ports
    await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers)
    await put(shop, shop.simulator.delete("acme/shop#1"))
    await process_inbox(ports.uow, ports.clock, ports.policy, ports.trackers, ports.webhooks)
    assert (await shop.ticket(ticket.id)).sync_state == "lost"
    assert await shop.rows("select code from findings") == [("ticket_lost",)]
    async with ports.uow() as u:
        assert (await u.deliveries.get(delivery.id)) != replace(delivery, state=DeliveryState.PENDING)
