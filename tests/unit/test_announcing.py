"""Telling the world of a published postmortem: each place once, whatever happens in between."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.access import Role
from app.domain.announcing.model import Announcement, AnnouncementNotDead, AnnouncementState, AnnouncementTarget, Notice
from app.domain.announcing.use_cases import (
    WORN_OUT,
    announce_postmortem,
    deliver_announcement,
    deliver_announcements,
    retry_publication,
)
from app.domain.errors import Forbidden, NotFound
from app.domain.events import EventType
from app.domain.follow_through.model import FindingCode
from app.domain.incidents.model import ExternalRef, Visibility
from app.domain.incidents.use_cases import update_incident
from app.domain.policy import Policy
from app.domain.postmortems.content import Section, SectionName
from app.domain.postmortems.model import Audience, Publication, Tier
from app.domain.providers import ProviderOutcomeUnknown, ProviderRefused, ProviderUnavailable
from tests import make
from tests.fakes import FakeUnitOfWork
from tests.make import NOW

POLICY = Policy(public_url="https://norepeat.example")
PD, GRAFANA = AnnouncementTarget.PAGERDUTY, AnnouncementTarget.GRAFANA
S = AnnouncementState
TEAM = make.team()
SERVICE = make.service("checkout", team_id=TEAM.id)
REF = ExternalRef("pagerduty", "PT4KHLK")


class Crash(BaseException):
    """The process is gone; nobody catches this."""


class Board:
    """Notices in a list; `plan` says how the next posts end: an error before, or (after, error) once it is written."""

    def __init__(self, *plan: Any) -> None:
        self.notices: list[Notice] = []
        self.plan = list(plan)
        self.looks = 0

    async def find(self, notice: Notice) -> str | None:
        self.looks += 1
        found = [n for n, one in enumerate(self.notices) if one.marker == notice.marker]
        return f"note {found[0]}" if found else None

    async def post(self, notice: Notice) -> str:
        what = self.plan.pop(0) if self.plan else None
        if isinstance(what, BaseException):
            raise what
        self.notices.append(notice)
        if isinstance(what, tuple):
            raise what[1]
        return f"note {len(self.notices) - 1}"


class World:
    """A published postmortem of an incident that PagerDuty knows."""

    def __init__(self, *plan: Any, **incident: Any) -> None:
        self.uow, self.clock, self.board = FakeUnitOfWork(), make.FixedClock(), Board(*plan)
        given = {"external_refs": (REF,), "title": "Errors"} | incident
        self.incident = make.resolved(make.incident(SERVICE, **given))
        self.postmortem = make.postmortem(self.incident, published_number=1, published_at=NOW)
        frozen = {"sections": {"summary": {"text": "The pool was empty."}}}
        self.uow.seed(TEAM, SERVICE, self.incident, self.postmortem)
        self.publish(frozen)

    def publish(self, content: dict[str, object]) -> None:
        rows = self.uow.publications.rows
        version = Publication(len(rows) + 1, "hash", content, Audience.ENGINEERING, TEAM.id, NOW)
        rows[self.postmortem.id, version.number] = version

    async def announce(self, *targets: AnnouncementTarget) -> tuple[Announcement, ...]:
        id = self.postmortem.id
        return await announce_postmortem(self.uow, self.clock, targets or (PD,), postmortem_id=id)

    async def deliver(self, **boards: Any) -> int:
        given = boards or {PD: self.board}
        return await deliver_announcements(self.uow, self.clock, POLICY, given, jitter=lambda: 0.0)

    @property
    def announcement(self) -> Announcement:
        (found,) = self.uow.announcements.rows.values()
        return found

    async def retry(self, caller: Any = None, **ids: Any) -> Announcement:
        given = {"postmortem_id": self.postmortem.id, "publication_id": self.announcement.id} | ids
        return await retry_publication(self.uow, caller=caller or make.caller(), **given)

    @property
    def findings(self) -> list[FindingCode]:
        return [one.code for one in self.uow.findings.rows.values()]  # type: ignore[attr-defined]


async def test_each_configured_place_is_told_once_however_often_it_is_published() -> None:
    world = World()
    queued = await world.announce(PD, GRAFANA)
    assert {(one.target, one.place) for one in queued} == {(PD, "PT4KHLK"), (GRAFANA, "organization")}
    assert await world.announce(PD, GRAFANA) == ()
    grafana = Board()
    assert await world.deliver(**{PD: world.board, GRAFANA: grafana}) == 2
    assert await world.deliver(**{PD: world.board, GRAFANA: grafana}) == 0
    assert (len(world.board.notices), len(grafana.notices)) == (1, 1)
    assert world.uow.event_types == [EventType.POSTMORTEM_ANNOUNCED] * 2


@pytest.mark.parametrize(
    ("tier", "place"), [(Tier.FULL, "organisation"), (Tier.STANDARD, "engineering"), (Tier.SUMMARY, None)]
)
async def test_chat_is_told_by_tier(tier: Tier, place: str | None) -> None:
    world = World()
    world.uow.seed(replace(world.postmortem, proposed_tier=tier))
    queued = await world.announce(AnnouncementTarget.SLACK)
    assert [one.place for one in queued] == ([place] if place else [])


async def test_chat_is_never_told_of_a_restricted_incident() -> None:
    world = World(visibility=Visibility.RESTRICTED)
    assert await world.announce(AnnouncementTarget.SLACK) == ()


async def test_a_notice_says_what_was_published_and_not_what_is_being_written() -> None:
    world = World()
    section = {SectionName.SUMMARY: Section("Half a sentence about")}
    world.uow.seed(replace(world.postmortem, sections=section))
    await world.announce()
    await world.deliver()
    (notice,) = world.board.notices
    assert (notice.summary, notice.title, notice.severity) == ("The pool was empty.", "Errors", "P2")
    assert (notice.services, notice.place) == (("checkout",), "PT4KHLK")
    assert notice.url == f"https://norepeat.example/v1/postmortems/{world.postmortem.id}"
    assert (world.announcement.state, world.announcement.posted_as) == (S.POSTED, "note 0")


async def test_a_version_without_a_summary_is_told_too() -> None:
    world = World()
    world.publish({"sections": {}})
    await world.announce()
    await world.deliver()
    assert world.board.notices[0].summary == ""


async def test_an_incident_that_the_target_does_not_know_and_one_without_team_are_told_elsewhere_only() -> None:
    world = World(external_refs=(ExternalRef("jira", "X-1"),))
    world.uow.seed(replace(SERVICE, team_id=None))
    assert [one.target for one in await world.announce(PD, GRAFANA)] == [GRAFANA]


async def test_nothing_is_told_of_a_restricted_incident_or_before_publication() -> None:
    world = World(visibility=Visibility.RESTRICTED)
    assert await world.announce(PD, GRAFANA) == ()
    draft = World()
    draft.uow.seed(replace(draft.postmortem, published_number=0))
    assert await draft.announce(PD, GRAFANA) == ()


async def test_one_that_becomes_restricted_before_its_turn_is_withheld() -> None:
    world = World()
    await world.announce()
    world.uow.seed(replace(world.incident, visibility=Visibility.RESTRICTED))
    assert await world.deliver() == 0
    assert (world.announcement.state, world.board.notices) == (S.WITHHELD, [])


async def restrict(world: World) -> None:
    admin = make.caller(role=Role.ADMIN)
    fields: Any = {"visibility": Visibility.RESTRICTED}
    await update_incident(world.uow, world.clock, caller=admin, incident_id=world.incident.id, fields=fields)


async def test_one_that_becomes_restricted_afterwards_asks_a_person_to_take_it_back() -> None:
    world = World()
    await world.announce()
    await restrict(world)
    assert world.findings == []
    told = World()
    await told.announce()
    await told.deliver()
    await restrict(told)
    assert told.findings == [FindingCode.PUBLICATION_EXPOSED]
    told.uow.seed(replace(told.uow.incidents.rows[told.incident.id], visibility=Visibility.ORGANIZATION))  # type: ignore[attr-defined]
    await restrict(told)
    assert told.findings == [FindingCode.PUBLICATION_EXPOSED]


@pytest.mark.parametrize(
    "what",
    [
        ProviderUnavailable("Away."),
        ProviderOutcomeUnknown("No answer."),
        ("after", ProviderOutcomeUnknown("No answer.")),
        ("after", KeyError("id")),
    ],
)
async def test_whatever_happens_it_is_written_once(what: Any) -> None:
    world = World(what)
    await world.announce()
    assert await world.deliver() == 1
    waiting = world.announcement
    assert (waiting.state, waiting.attempts, waiting.lease_until) == (S.PENDING, 1, None)
    assert waiting.last_error
    assert waiting.not_before is not None
    assert await world.deliver() == 0, "not before its time"
    world.clock.now = waiting.not_before
    assert await world.deliver() == 1
    assert (world.announcement.state, world.announcement.attempts, len(world.board.notices)) == (S.POSTED, 2, 1)
    assert world.announcement.last_error is None


async def test_an_unknown_outcome_waits_until_it_would_show() -> None:
    world = World(ProviderOutcomeUnknown("No answer."))
    await world.announce()
    await world.deliver()
    assert world.announcement.not_before is not None
    assert world.announcement.not_before >= NOW + POLICY.delivery.settle["pagerduty"]


async def test_a_crash_after_writing_is_found_when_the_lease_ends() -> None:
    world = World(("after", Crash()))
    await world.announce()
    with pytest.raises(BaseExceptionGroup):
        await world.deliver()
    assert (world.announcement.attempts, world.announcement.lease_until) == (1, NOW + POLICY.delivery.lease)
    assert await world.deliver() == 0
    world.clock.now += POLICY.delivery.lease
    assert await world.deliver() == 1
    assert (world.announcement.state, len(world.board.notices)) == (S.POSTED, 1)


async def test_a_target_that_asks_to_wait_means_everybody() -> None:
    world = World(ProviderUnavailable("Busy.", retry_after=90))
    await world.announce()
    other = make.postmortem(world.incident)
    second = replace(world.announcement, id=other.id, postmortem_id=other.id, marker=other.id)
    world.uow.seed(second)
    assert await world.deliver() == 1
    rows = world.uow.announcements.rows.values()
    assert {one.not_before >= NOW + timedelta(seconds=90) for one in rows if one.not_before} == {True}
    assert sum(one.attempts for one in rows) == 1


async def test_a_refusal_is_given_up_with_a_finding_until_a_person_retries() -> None:
    world = World(ProviderRefused("PagerDuty refused the credential (401)."))
    await world.announce()
    await world.deliver()
    dead = world.announcement
    assert (dead.state, dead.last_error) == (S.DEAD, "PagerDuty refused the credential (401).")
    assert world.findings == [FindingCode.PUBLICATION_FAILED]
    assert world.uow.event_types == [EventType.POSTMORTEM_NOT_ANNOUNCED, EventType.FINDING_OPENED]
    revived = await world.retry()
    assert (revived.state, revived.attempts) == (S.PENDING, 0)
    await world.deliver()
    assert (world.announcement.state, len(world.board.notices)) == (S.POSTED, 1)
    with pytest.raises(AnnouncementNotDead):
        await world.retry()


async def test_only_those_who_write_retry_and_only_what_is_the_postmortems() -> None:
    world = World(ProviderRefused("No."))
    await world.announce()
    await world.deliver()
    with pytest.raises(Forbidden):
        await world.retry(make.caller(role=Role.READER))
    other = make.postmortem(make.incident(SERVICE))
    world.uow.seed(other)
    with pytest.raises(NotFound):
        await world.retry(postmortem_id=other.id)
    world.uow.seed(replace(world.incident, visibility=Visibility.RESTRICTED))
    with pytest.raises(NotFound):
        await world.retry()


async def test_endless_failure_ends_and_so_do_attempts_that_nobody_lived_to_report() -> None:
    most = POLICY.delivery.max_attempts
    world = World(*[ProviderUnavailable("Away.")] * most)
    await world.announce()
    for _ in range(most):
        world.clock.now += POLICY.delivery.backoff_max
        await world.deliver()
    assert (world.announcement.state, world.announcement.attempts) == (S.DEAD, most)
    lost = World()
    (told,) = await lost.announce()
    lost.uow.seed(replace(told, attempts=most))
    assert await lost.deliver() == 0
    assert (lost.announcement.state, lost.announcement.last_error) == (S.DEAD, WORN_OUT)


async def test_a_target_that_is_not_configured_any_more_says_so() -> None:
    world = World()
    await world.announce()
    await world.deliver(**{GRAFANA: Board()})
    assert (world.announcement.state, "not configured" in (world.announcement.last_error or "")) == (S.DEAD, True)


async def test_a_result_that_comes_too_late_changes_nothing_that_is_settled() -> None:
    world = World()
    (told,) = await world.announce()

    class Slow(Board):
        """Meanwhile the lease ended, and somebody else tried or was done."""

        def __init__(self, meanwhile: Announcement, *plan: Any) -> None:
            super().__init__(*plan)
            self.meanwhile = meanwhile

        async def post(self, notice: Notice) -> str:
            world.uow.seed(self.meanwhile)
            return await super().post(notice)

    async def attempt(board: Board) -> Announcement:
        world.uow.seed(told)
        await deliver_announcement(world.uow, world.clock, POLICY, {PD: board}, id=told.id)
        return world.announcement

    newer = replace(told, attempts=2)
    assert await attempt(Slow(newer, ProviderUnavailable("Away."))) == newer
    done = replace(told, attempts=2, state=S.POSTED, posted_as="note 9")
    assert await attempt(Slow(done)) == done
    assert (await attempt(Slow(newer))).posted_as == "note 0"
    world.uow.seed(done)
    assert not await deliver_announcement(world.uow, world.clock, POLICY, {}, id=told.id)
