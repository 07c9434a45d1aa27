"""A storm of webhooks over HTTP while the worker works: all are taken, each counts once, the tracker's state wins.

NOREPEAT_STORM_EVENTS=5000 gives the full size.
"""

import asyncio
import itertools
import os
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx2

from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.main import create_app
from app.settings import Settings
from tests import make
from tests.worker.conftest import Shop

EVENTS = int(os.environ.get("NOREPEAT_STORM_EVENTS", "400"))
REPEATS, AT_ONCE = 3, 16
Sent = tuple[dict[str, str], bytes]


def edits(shop: Shop, chance: random.Random) -> list[Sent]:
    """What people do to the issues, as GitHub tells it: to the second, so that some share their time."""
    simulator, start = shop.simulator, datetime.now(UTC).replace(microsecond=0)
    keys, sent = sorted(simulator.issues), []
    for number in range(EVENTS):
        at = start + timedelta(seconds=number // 2)
        simulator.now = lambda at=at: at  # type: ignore[misc]
        key = chance.choice(keys)
        acts = [simulator.close, simulator.close, simulator.reopen]
        if chance.random() < 0.25:
            sent.append(simulator.assign(key, chance.choice(["ada-l", "grace-h"])))
        else:
            sent.append(chance.choice(acts)(key))
    return sent


async def post_all(http: httpx2.AsyncClient, sent: list[Sent]) -> list[tuple[bool, float]]:
    """Post them, so many at a time: whether each was new, and how long it waited for its answer."""
    waiting, answers = iter(sent), list[tuple[bool, float]]()

    async def one_after_the_other() -> None:
        for headers, body in waiting:
            start = time.perf_counter()
            answer = await http.post("/v1/inbound/github", content=body, headers=headers)
            assert answer.status_code == 202, answer.text
            answers.append((answer.json()["new"], time.perf_counter() - start))

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    return answers


async def test_a_storm_of_repeated_and_shuffled_events_ends_in_the_trackers_state(
    shop: Shop, settings: Settings
) -> None:
    chance, ports = random.Random(20261123), shop.ports
    grace = make.person("grace", handles={"github": "grace-h"})
    async with ports.uow() as u:
        await u.people.add(grace)
        await u.commit()
    people = {"ada-l": shop.ada.id, "grace-h": grace.id}
    items = [await shop.item(title=f"Item {number}") for number in range(20)]
    await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers)
    sent = edits(shop, chance)
    truth = {str(issue["id"]): dict(issue) for issue in shop.simulator.issues.values()}
    shuffled = sent * REPEATS
    chance.shuffle(shuffled)
    app = create_app(settings)
    app.state.ports = ports
    async with (
        shop.worker(),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://norepeat.test") as http,
    ):
        start = time.perf_counter()
        answers = await post_all(http, shuffled)
        took = time.perf_counter() - start
        await shop.until("select count(*) from inbox where handled_at is null", 0, seconds=30 + EVENTS / 20)
        await shop.until("select count(*) from deliveries where state <> 'sent'", 0, seconds=30)
    waits = sorted(wait for _, wait in answers)
    print(f"\n{len(answers)} posts in {took:.1f} s, p99 {waits[int(len(waits) * 0.99)] * 1000:.0f} ms")
    assert sum(new for new, _ in answers) == await shop.value("select count(*) from inbox") == EVENTS
    assert await shop.value("select count(*) from inbox where error is not null or attempts <> 1") == 0

    for item, ticket, _ in items:
        now, issue = await shop.ticket(ticket.id), truth[(await shop.ticket(ticket.id)).external_id or ""]
        async with ports.uow() as u:
            (there,) = await u.action_items.find_many([item.id])
        assert (now.status, there.status) == (
            ("todo", "open") if issue["state"] == "open" else ("done", "implemented")
        )  # fmt: skip
        login = next((person["login"] for person in issue["assignees"]), None)
        assert there.owner_id == people[login or ""]

    steps = await shop.rows(
        "select action_item_id, old, new from action_item_changes where field = 'status' order by action_item_id, id"
    )
    for (one, _, reached), (other, left, _) in itertools.pairwise(steps):
        assert one != other or reached == left, "every step begins where the last one ended"
    implemented = Counter(item_id for item_id, _, new in steps if new == "implemented")
    for item, ticket, _ in items:
        said = shop.simulator.comments[(await shop.ticket(ticket.id)).key or ""]
        assert sum("closes this item when evidence" in comment["body"] for comment in said) == implemented[item.id]
