"""Facts from sources: gathered within their time, kept once, and put into timelines that are still being written."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.access import Role
from app.domain.errors import Forbidden, NotFound
from app.domain.events import EventType
from app.domain.gathering import Gathered, SourceFact, TimelineSource, Window, gather
from app.domain.ids import new_id
from app.domain.incidents.model import Moments, Visibility
from app.domain.organisation.model import Service
from app.domain.policy import DeploymentPolicy, Policy
from app.domain.postmortems.content import MAX_TIMELINE, TimelineEntry, TimelineKind
from app.domain.postmortems.model import PostmortemStatus
from app.domain.postmortems.use_cases.facts import gather_timeline, take_facts, window_of
from app.domain.providers import ProviderUnavailable
from tests import make
from tests.fakes import FakeUnitOfWork
from tests.make import NOW

POLICY = Policy(deployments=DeploymentPolicy(patience=timedelta(milliseconds=20)))
MINUTE = timedelta(minutes=1)
SERVICE = make.service()


def fact(id: str, minutes: float = 0) -> SourceFact:
    return SourceFact(id, NOW - minutes * MINUTE, TimelineKind.NOTE, f"Fact {id}")


class Says:
    """A source with these facts, or this error; `hangs` never answers."""

    def __init__(self, *facts: SourceFact, error: Exception | None = None, hangs: bool = False) -> None:
        self.facts, self.error, self.hangs = facts, error, hangs
        self.asked: list[tuple[Window, tuple[str, ...]]] = []

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]:
        self.asked.append((window, tuple(service.slug for service in services)))
        if self.error is not None:
            raise self.error
        if self.hangs:
            await asyncio.Event().wait()
        return self.facts


async def test_facts_come_in_order_each_once_and_a_source_that_fails_is_named() -> None:
    sources: dict[str, TimelineSource] = {
        "a": Says(fact("a:2", 1), fact("a:1", 5), fact("a:3", 999)),
        "b": Says(fact("a:1", 5), fact("b:1", 3)),
        "slow": Says(hangs=True),
        "broken": Says(error=ProviderUnavailable("Away.")),
    }
    window = Window(NOW - 10 * MINUTE, NOW)
    gathered = await gather(sources, window, [SERVICE], patience=POLICY.deployments.patience)
    assert [one.id for one in gathered.facts] == ["a:1", "b:1", "a:2"]
    assert gathered.failed["broken"] == "Away."
    assert "did not answer" in gathered.failed["slow"]


async def test_a_source_with_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await gather({"a": Says(error=ZeroDivisionError())}, Window(NOW, NOW), [], patience=MINUTE)


class World:
    """A resolved incident with a postmortem in this status."""

    def __init__(self, status: PostmortemStatus = PostmortemStatus.REQUIRED, **fields: Any) -> None:
        self.uow, self.clock = FakeUnitOfWork(), make.FixedClock()
        self.incident = make.resolved(make.incident(SERVICE))
        self.postmortem = make.postmortem(self.incident, status=status, **fields)
        self.uow.seed(SERVICE, self.incident, self.postmortem)

    async def know(self, *facts: SourceFact) -> None:
        async with self.uow() as u:
            await u.incident_facts.add(self.incident.id, facts, NOW)
            await u.commit()

    async def take(self) -> Any:
        return await take_facts(self.uow, self.clock, incident_id=self.incident.id)

    async def gather(self, caller: Any = None, **sources: TimelineSource) -> Gathered:
        who, id = caller or make.caller(), self.postmortem.id
        return await gather_timeline(self.uow, self.clock, POLICY, sources, caller=who, postmortem_id=id)

    @property
    def now(self) -> Any:
        return self.uow.postmortems.rows[self.postmortem.id]  # type: ignore[attr-defined]

    @property
    def sources(self) -> list[str]:
        return [entry.source for entry in self.now.timeline]


async def test_facts_go_into_the_timeline_in_order_and_a_required_one_is_not_begun_by_that() -> None:
    world = World()
    await world.know(fact("p:2", 1), fact("p:1", 5))
    await world.take()
    assert (world.sources, world.now.status, world.now.author_id) == (["p:1", "p:2"], PostmortemStatus.REQUIRED, None)
    entry = world.now.timeline[0]
    assert (entry.text, entry.machine_written, entry.recorded_at) == ("Fact p:1", True, NOW)
    assert world.uow.event_types == [EventType.POSTMORTEM_UPDATED]
    assert await world.take() is None


async def test_what_a_person_takes_out_does_not_come_back() -> None:
    world = World(PostmortemStatus.DRAFT)
    await world.know(fact("p:1"))
    await world.take()
    world.uow.seed(replace(world.now, timeline=()))
    await world.know(fact("p:1"), fact("p:2"))
    await world.take()
    assert world.sources == ["p:2"]


@pytest.mark.parametrize(
    "status", [s for s in PostmortemStatus if s not in (PostmortemStatus.REQUIRED, PostmortemStatus.DRAFT)]
)
async def test_what_is_under_review_or_signed_does_not_change_under_its_readers(status: PostmortemStatus) -> None:
    world = World(status)
    await world.know(fact("p:1"))
    assert await world.take() is None
    world.uow.seed(replace(world.now, status=PostmortemStatus.DRAFT))
    await world.take()
    assert world.sources == ["p:1"]


async def test_a_full_timeline_takes_no_more_and_an_incident_without_postmortem_waits() -> None:
    entries = tuple(TimelineEntry(new_id(), NOW, NOW, TimelineKind.NOTE, "x") for _ in range(MAX_TIMELINE - 1))
    world = World(timeline=entries)
    await world.know(fact("p:1"), fact("p:2"))
    await world.take()
    assert len(world.now.timeline) == MAX_TIMELINE
    assert await world.take() is None
    assert await take_facts(world.uow, world.clock, incident_id=new_id()) is None


async def test_gathering_asks_about_the_incident_and_adds_what_is_new() -> None:
    world, source = World(), Says(fact("g:1", 30))
    gathered = await world.gather(grafana=source, broken=Says(error=ProviderUnavailable("Away.")))
    assert ([one.id for one in gathered.facts], dict(gathered.failed)) == (["g:1"], {"broken": "Away."})
    start = world.incident.moments.started_at
    assert start is not None
    assert source.asked == [(Window(start - timedelta(hours=1), NOW), ("checkout",))]
    assert world.sources == ["g:1"]
    await world.gather(grafana=source)
    assert world.sources == ["g:1"]
    assert world.uow.event_types.count(EventType.INCIDENT_FACTS_ADDED) == 1


def test_a_window_ends_a_while_after_the_incident_or_now() -> None:
    margin, start = timedelta(hours=1), NOW - timedelta(days=2)
    incident = make.incident(SERVICE, moments=Moments(started_at=start))
    assert window_of(incident, margin, NOW) == Window(start - margin, NOW)
    over = make.resolved(incident, start + margin)
    assert window_of(over, margin, NOW) == Window(start - margin, start + 2 * margin)


async def test_gathering_is_for_those_who_write_and_see_it() -> None:
    world = World()
    with pytest.raises(Forbidden):
        await world.gather(make.caller(role=Role.READER))
    world.uow.seed(replace(world.incident, visibility=Visibility.RESTRICTED))
    with pytest.raises(NotFound):
        await world.gather()
