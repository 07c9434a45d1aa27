"""Lost webhooks on the real database: one reconciliation later nothing differs that was not adopted or reported."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.domain.follow_through.model import FindingCode
from app.domain.organisation.model import Provider
from app.domain.tracking.model import SyncState, TicketStatus
from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.domain.tracking.use_cases.process_inbox import process_inbox
from app.domain.tracking.use_cases.reconcile_tickets import reconcile_tickets
from app.worker import SCHEDULES, reconcile
from tests import make
from tests.contract.github_simulator import Fault
from tests.worker.conftest import Shop

ITEMS, EDITS, LOST = 24, 120, 0.3
TODAY = datetime.now(UTC).replace(microsecond=0)
Sent = tuple[dict[str, str], bytes]


class Seconds:
    """A clock of GitHub's kind: whole seconds, going on with every edit, sometimes not."""

    def __init__(self, chance: random.Random) -> None:
        self.now, self._chance = TODAY, chance

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=self._chance.choice([0, 1, 1, 2]))
        return self.now


async def settle(shop: Shop) -> None:
    ports = shop.ports
    await process_inbox(ports.uow, ports.clock, ports.policy, ports.trackers, ports.webhooks)
    await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers)


def edit(shop: Shop, key: str, chance: random.Random) -> Sent:
    """What somebody does to an issue; deleting and transferring is rare, because nothing follows it."""
    simulator = shop.simulator
    acts: list[Callable[[], Sent]] = [
        lambda: simulator.close(key),
        lambda: simulator.close(key, "not_planned"),
        lambda: simulator.reopen(key),
        lambda: simulator.assign(key, chance.choice(["ada-l", "grace-h", "stranger"])),
    ]
    if chance.random() < 0.05:
        return simulator.delete(key)
    if chance.random() < 0.05 and key.startswith("acme/shop#"):
        return simulator.transfer(key, "acme/moved")
    return chance.choice(acts)()


async def test_with_a_third_of_the_webhooks_lost_one_reconciliation_leaves_no_difference(shop: Shop) -> None:
    chance = random.Random(20261123)
    grace = make.person("grace", handles={"github": "grace-h"})
    async with shop.ports.uow() as u:
        await u.people.add(grace)
        await u.commit()
    people = {"ada-l": shop.ada.id, "grace-h": grace.id}
    shop.simulator.now = Seconds(chance)
    items = [await shop.item(title=f"Item {number}") for number in range(ITEMS)]
    await settle(shop)
    kept: list[Sent] = []
    for _ in range(EDITS):
        key = chance.choice(sorted(shop.simulator.issues))
        sent = edit(shop, key, chance)
        if chance.random() >= LOST:
            kept.append(sent)
    chance.shuffle(kept)
    await asyncio.gather(*(shop.ports.inbox.put("github", h["x-github-delivery"], h, b) for h, b in kept))
    await settle(shop)

    done = await reconcile_tickets(shop.ports.uow, shop.ports.clock, shop.ports.trackers, recent=True)
    assert (done.doubled, done.problems) == (0, [])
    assert done.adopted > 0

    truth = {str(issue["id"]): issue for issue in shop.simulator.issues.values()}
    reported = await shop.rows("select subject_id, code from findings where closed_at is null")
    for item, ticket, _ in items:
        now = await shop.ticket(ticket.id)
        async with shop.ports.uow() as u:
            (there,) = await u.action_items.find_many([item.id])
        codes = {code for subject, code in reported if subject == item.id}
        if now.sync_state is SyncState.LOST:
            assert now.external_id not in truth
            assert FindingCode.TICKET_LOST in codes
            continue
        issue = truth[now.external_id or ""]
        assert now.key == f"{'/'.join(issue['repository_url'].split('/')[-2:])}#{issue['number']}"
        login = next((person["login"] for person in issue["assignees"]), None)
        assert there.owner_id == people.get(login or "") or FindingCode.REASSIGNED_IN_TRACKER in codes
        if issue["state"] == "open":
            assert (now.status, there.status) == (TicketStatus.TODO, "open")
        elif issue["state_reason"] == "completed":
            assert (now.status, there.status) == (TicketStatus.DONE, "implemented")
        else:
            assert now.status is TicketStatus.CANCELLED
            assert FindingCode.DECLINED_WITHOUT_REASON in codes
    again = await reconcile_tickets(shop.ports.uow, shop.ports.clock, shop.ports.trackers, recent=False)
    assert (again.adopted, again.lost, again.doubled) == (0, 0, 0)


async def test_a_ticket_that_was_made_twice_is_found_by_its_marker_and_linked(shop: Shop) -> None:
    item, ticket, delivery = await shop.item()
    await settle(shop)
    body = shop.simulator.issues["acme/shop#1"]["body"]
    assert str(delivery.marker) in body
    shop.simulator.add("acme/shop", title="The same again", body=body)
    for expected in (1, 0):
        done = await reconcile_tickets(shop.ports.uow, shop.ports.clock, shop.ports.trackers, recent=True)
        assert done.doubled == expected
    await settle(shop)
    assert (await shop.ticket(ticket.id)).key == "acme/shop#1"
    (comment,) = shop.simulator.comments["acme/shop#1"]
    assert comment["body"].startswith("acme/shop#2 was created for the same action item: https://github.com/")
    assert await shop.rows("select code, subject_id from findings") == [("ticket_doubled", item.id)]


async def test_only_tickets_that_exist_and_matter_are_compared(shop: Shop) -> None:
    waiting = (await shop.item())[1]
    known = [(await shop.item(title=str(number)))[1] for number in range(3)]
    old = TODAY - timedelta(days=3)
    async with shop.ports.uow() as u:
        for number, ticket in enumerate(known):
            there = {"external_id": str(number), "key": f"acme/shop#{number}", "sync_state": SyncState.SYNCED}
            await u.tickets.save(replace(ticket, updated_at=old, due_on=TODAY.date(), priority="high", **there))
        await u.commit()
    for ticket, status in zip(known, ("open", "closed", "declined"), strict=True):
        async with shop.engine.begin() as connection:
            await connection.exec_driver_sql(
                "update action_items set status = $1 where id = $2", (status, ticket.action_item_id)
            )
    async with shop.ports.uow() as u:
        assert [t.id for t in await u.tickets.linked(TODAY)] == [known[0].id]
        assert {t.id for t in await u.tickets.linked(old)} == {t.id for t in known}
        assert {t.id for t in await u.tickets.find_externals(Provider.GITHUB, ["0", "2", "9"])} == {
            known[0].id, known[2].id,
        }  # fmt: skip
        assert await u.tickets.find_externals(Provider.JIRA, ["0"]) == ()
        (found,) = await u.tickets.find_externals(Provider.GITHUB, ["0"])
        assert (found.due_on, found.priority, found.defended_priority) == (TODAY.date(), "high", None)
        (creation,) = await u.deliveries.unfinished_of(waiting.id)
        assert await u.deliveries.creations([creation.marker]) == (creation,)
        assert not await u.deliveries.add(creation)


async def test_the_worker_reconciles_and_goes_on_when_a_project_cannot_be_listed(shop: Shop) -> None:
    assert SCHEDULES["reconcile"] == "*/15 * * * *"
    assert "reconcile_all" in SCHEDULES
    await shop.item()
    await settle(shop)
    shop.simulator.fail(Fault.NOT_FOUND, method="GET")
    await reconcile(shop.ports, recent=True)
    assert await shop.value("select sync_state from tickets") == "synced"
    shop.simulator.close("acme/shop#1")
    shop.simulator.issues["acme/shop#1"]["updated_at"] = (datetime.now(UTC) + timedelta(minutes=1)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    await reconcile(shop.ports, recent=False)
    assert await shop.value("select status from action_items") == "implemented"
