"""The worker makes drafts: asked for, cut off and taken up again, from alerts that were received and remembered."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from app.adapters.monitoring.alert_timeline import PrometheusAlerts, ReceivedAlerts
from app.domain.access import SYSTEM, Caller, Role
from app.domain.drafting.model import DraftPolicy, DraftState
from app.domain.drafting.proposal import ProposedSections
from app.domain.drafting.redaction import no_phones
from app.domain.drafting.use_cases.drafting import Drafting, cancel_draft, generate_postmortem_draft, make_draft
from app.domain.errors import Unavailable
from app.domain.gathering import SourceFact, Window
from app.domain.incidents.model import Moments
from app.domain.monitoring import Series
from app.domain.organisation.model import Service
from app.domain.ports import Ports
from app.domain.postmortems.content import TimelineKind
from app.worker.drafts import write_drafts
from tests import make
from tests.worker.conftest import Shop

START = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
WINDOW = Window(START - timedelta(hours=1), START + timedelta(hours=1))


class Gate:
    """A source that says when it is asked and answers when it may."""

    def __init__(self) -> None:
        self.asked, self.may, self.times = asyncio.Event(), asyncio.Event(), 0

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]:
        self.times += 1
        self.asked.set()
        await self.may.wait()
        return (SourceFact("deploy:abc", START, TimelineKind.NOTE, "Deployed: checkout abc"),)


async def dated_postmortem(ports: Ports, service: Service) -> UUID:
    incident = make.incident(service, moments=Moments(started_at=START))
    postmortem = make.postmortem(incident_id=incident.id)
    async with ports.uow() as u:
        await u.incidents.add(incident)
        await u.postmortems.add(postmortem)
        await u.commit()
    return postmortem.id


async def test_the_worker_makes_what_is_asked_for(shop: Shop) -> None:
    id = await dated_postmortem(shop.ports, shop.service)
    draft = await generate_postmortem_draft(shop.ports.uow, shop.ports.clock, caller=SYSTEM, postmortem_id=id)
    async with shop.worker():
        await shop.until("select state from drafts", "ready")
    async with shop.ports.uow() as u:
        made = await u.drafts.get(draft.id, SYSTEM)
    assert made.attempts == 1
    assert {"deployments", "annotations", "alertmanager"} <= {one.name for one in made.bundle.sources}


async def test_two_workers_make_a_draft_once(ports: Ports, shop: Shop) -> None:
    gate = Gate()
    ports = replace(ports, draft_sources={"gate": gate})
    id = await dated_postmortem(ports, shop.service)
    await generate_postmortem_draft(ports.uow, ports.clock, caller=SYSTEM, postmortem_id=id)
    gate.may.set()
    await asyncio.gather(*(write_drafts(ports) for _ in range(3)))
    assert gate.times == 1


async def test_a_draft_whose_maker_was_cut_off_is_taken_up_again(ports: Ports, shop: Shop) -> None:
    gate = Gate()
    ports = replace(ports, draft_sources={"gate": gate}, draft_policy=DraftPolicy(lease=timedelta(0)))
    id = await dated_postmortem(ports, shop.service)
    draft = await generate_postmortem_draft(ports.uow, ports.clock, caller=SYSTEM, postmortem_id=id)
    first = asyncio.create_task(write_drafts(ports))
    await gate.asked.wait()
    first.cancel()
    await asyncio.wait([first])
    gate.may.set()
    assert await write_drafts(ports) == 1
    async with ports.uow() as u:
        made = await u.drafts.get(draft.id, SYSTEM)
    assert (made.state, made.attempts) == (DraftState.READY, 2)


async def test_a_worker_that_is_to_stop_leaves_drafts_for_the_next(ports: Ports, shop: Shop) -> None:
    id = await dated_postmortem(ports, shop.service)
    draft = await generate_postmortem_draft(ports.uow, ports.clock, caller=SYSTEM, postmortem_id=id)
    await write_drafts(ports, lambda: False)
    async with ports.uow() as u:
        assert (await u.drafts.get(draft.id, SYSTEM)).state is DraftState.QUEUED
    await write_drafts(replace(ports, draft_sources={}))
    drafting = Drafting({}, no_phones)
    assert await make_draft(ports.uow, ports.clock, ports.policy, drafting, draft_id=draft.id) is None


async def test_a_draft_that_is_cancelled_while_it_is_made_stays_cancelled(ports: Ports, shop: Shop) -> None:
    gate = Gate()
    ports = replace(ports, draft_sources={"gate": gate})
    id = await dated_postmortem(ports, shop.service)
    draft = await generate_postmortem_draft(ports.uow, ports.clock, caller=SYSTEM, postmortem_id=id)
    making = asyncio.create_task(write_drafts(ports))
    await gate.asked.wait()
    responder = Caller(Role.RESPONDER, person_id=shop.ada.id)
    await cancel_draft(ports.uow, ports.clock, caller=responder, draft_id=draft.id)
    gate.may.set()
    await making
    async with ports.uow() as u:
        assert (await u.drafts.get(draft.id, SYSTEM)).state is DraftState.CANCELLED


class Breaking:
    """A drafter that does something first, and then fails against its port."""

    def __init__(self, first: Callable[[], Awaitable[object]]) -> None:
        self._first = first

    async def write(self, *given: object) -> ProposedSections:
        assert given
        await self._first()
        raise Unavailable("The key of ana@example.com is worn out.")


async def test_a_drafter_that_raises_fails_the_draft_unless_it_was_cancelled(ports: Ports, shop: Shop) -> None:
    id = await dated_postmortem(ports, shop.service)
    drafts = [await generate_postmortem_draft(ports.uow, ports.clock, caller=SYSTEM, postmortem_id=id)]

    async def nothing() -> None:
        return None

    async def cancel() -> None:
        await cancel_draft(ports.uow, ports.clock, caller=SYSTEM, draft_id=drafts[-1].id)

    await write_drafts(replace(ports, draft_sources={}, drafter=Breaking(nothing)))
    drafts.append(await generate_postmortem_draft(ports.uow, ports.clock, caller=SYSTEM, postmortem_id=id))
    await write_drafts(replace(ports, draft_sources={}, drafter=Breaking(cancel)))
    async with ports.uow() as u:
        failed, cancelled = [await u.drafts.get(one.id, SYSTEM) for one in drafts]
    assert (failed.state, failed.error) == (DraftState.FAILED, "The key of [email-1] is worn out.")
    assert (cancelled.state, cancelled.error) == (DraftState.CANCELLED, None)


async def test_a_draft_that_breaks_or_is_given_up_says_so(ports: Ports, shop: Shop) -> None:
    def broken(_: str) -> Sequence[tuple[int, int]]:
        raise ValueError("no such region")

    gate = Gate()
    gate.may.set()
    ports = replace(ports, draft_sources={"gate": gate}, find_phones=broken)
    id = await dated_postmortem(ports, shop.service)
    draft = await generate_postmortem_draft(ports.uow, ports.clock, caller=SYSTEM, postmortem_id=id)
    (failed,) = await asyncio.gather(write_drafts(ports), return_exceptions=True)
    assert isinstance(failed, ValueError)
    async with ports.uow() as u:
        made = await u.drafts.get(draft.id, SYSTEM)
    assert (made.state, made.error) == (DraftState.FAILED, "It stopped with ValueError; ask for another draft.")
    again = await generate_postmortem_draft(ports.uow, ports.clock, caller=SYSTEM, postmortem_id=id)
    await write_drafts(replace(ports, draft_policy=DraftPolicy(max_attempts=0)))
    async with ports.uow() as u:
        assert (await u.drafts.get(again.id, SYSTEM)).state is DraftState.FAILED


def group(*alerts: dict[str, Any]) -> bytes:
    return json.dumps({"version": "4", "alerts": list(alerts)}).encode()


def alert(service: str, *, ends: str = "0001-01-01T00:00:00Z", **fields: Any) -> dict[str, Any]:
    given = {
        "status": "firing", "labels": {"alertname": "Errors", "service": service, "severity": "page"},
        "annotations": {"summary": "Too many errors"}, "startsAt": START.isoformat(), "endsAt": ends,
        "fingerprint": "f00d", "generatorURL": "http://prometheus.example/g",
    }  # fmt: skip
    return given | fields


async def test_received_alerts_are_told_once_with_their_end(ports: Ports, shop: Shop) -> None:
    ended = (START + timedelta(minutes=9)).isoformat()
    bodies = [
        group(alert("checkout"), alert("other")), group(alert("checkout", status="resolved", ends=ended)),
        b"no json", b'{"alerts": 3}', 
        group({"labels": 1}, alert("checkout", startsAt="soon"), alert("checkout", annotations=None)),
    ]  # fmt: skip
    for body in bodies:
        await ports.inbox.put("alertmanager", str(uuid4()), {}, body)
    window = Window(START, datetime.now(UTC) + timedelta(minutes=5))
    facts = {one.id: one for one in await ReceivedAlerts(ports.uow).gather(window, [make.service("checkout")])}
    fired, resolved = facts["alert:f00d@20260504T140000Z"], facts["alert:f00d@20260504T140000Z:resolved"]
    assert len(facts) == 2
    assert "Errors (severity=page, service=checkout)" in fired.text
    assert (fired.kind, resolved.occurred_at) == (TimelineKind.DETECTION, START + timedelta(minutes=9))


class Remembering:
    """A monitoring system that remembers these stretches of firing."""

    def __init__(self, *series: Series) -> None:
        self._series = series

    async def points(self, query: str, start: datetime, end: datetime, step: float) -> tuple[Series, ...]:
        assert query.startswith("ALERTS")
        assert (end - start) / timedelta(seconds=step) <= 1000
        return self._series


async def test_remembered_alerts_are_told_by_their_stretches() -> None:
    def points(*minutes: int) -> tuple[tuple[datetime, float], ...]:
        return tuple((START + timedelta(minutes=n), 1.0) for n in minutes)

    labels = {"__name__": "ALERTS", "alertname": "Errors", "alertstate": "firing", "job": "checkout"}
    monitoring: Any = Remembering(
        Series(labels, points(0, 30)),
        Series(labels | {"instance": "b"}, points(60)),
        Series({"job": "other"}, points(1)),
    )
    facts = await PrometheusAlerts(monitoring).gather(WINDOW, [make.service("checkout")])
    assert sum("fired" in one.text for one in facts) == 3
    assert sum("stopped" in one.text for one in facts) == 2
    assert all(one.id.startswith("alert:") for one in facts)
