"""What teams get in their channels, on PostgreSQL: once in each period, by their own calendar, nothing restricted."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.domain.actions.evidence import Check, CheckKind, Observation, Verdict
from app.domain.actions.model import Status
from app.domain.digests.model import Digest, GroupName, PostKind, digest_day, planning_to_announce
from app.domain.digests.use_cases import deliver_posts, plan_posts, team_digest
from app.domain.errors import NotFound
from app.domain.follow_through.rules import Calendar
from app.domain.follow_through.sweeping import apply_item_rules
from app.domain.ids import new_id
from app.domain.incidents.model import Visibility
from app.domain.policy import DeliveryPolicy, FollowThroughPolicy, Policy
from app.domain.ports import ChatRoom, Ports
from app.domain.providers import ProviderOutcomeUnknown, ProviderRefused, ProviderUnavailable
from app.wiring import Opened
from app.worker.schedules import post_digests
from tests import make

MONDAY = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = FollowThroughPolicy(
    applies_from_default=date(2026, 1, 1), plannings={"payments": date(2026, 6, 2)}, leadership_channel="#leads"
)
POLICY = Policy(follow_through=RULES, delivery=DeliveryPolicy(max_attempts=3))


class Room:
    """Digests by marker; `plan` says how the next posts end: an error before, or (after, error) once it is there."""

    def __init__(self, *plan: Any) -> None:
        self.posts: dict[UUID, tuple[str, Digest]] = {}
        self.plan = list(plan)

    async def find(self, place: str, marker: UUID, since: datetime) -> str | None:
        return f"message {marker}" if marker in self.posts else None

    async def post(self, place: str, marker: UUID, digest: Digest, public_url: str) -> str:
        what = self.plan.pop(0) if self.plan else None
        if isinstance(what, BaseException):
            raise what
        assert marker not in self.posts, "nothing is told twice"
        self.posts[marker] = place, digest
        if isinstance(what, tuple):
            raise what[1]
        return f"message {marker}"

    @property
    def kinds(self) -> list[str]:
        return sorted(digest.kind.value for _, digest in self.posts.values())


class World:
    def __init__(self, ports: Ports, opened: Opened) -> None:
        self.ports, self.engine, self.clock = ports, opened.engine, make.FixedClock(MONDAY)
        self.ada = make.person("ada")
        self.team = make.team("payments", chat_channel="#pay", time_zone="UTC")
        self.service = make.service(team_id=self.team.id)

    async def open(self) -> "World":
        async with self.ports.uow() as u:
            await u.people.add(self.ada)
            await u.teams.add(self.team)
            await u.teams.add(make.team("silent"))
            await u.services.add(self.service)
            await u.commit()
        return self

    async def item(self, title: str, *, restricted: bool = False, **fields: Any) -> UUID:
        incident = make.incident(self.service)
        if restricted:
            incident = replace(incident, visibility=Visibility.RESTRICTED)
        postmortem = make.postmortem(incident)
        given: dict[str, Any] = {
            "title": title, "owner_id": self.ada.id, "team_id": self.team.id, "status": Status.OPEN,
            "incident_id": incident.id, "opened_at": MONDAY - 60 * DAY,
        }  # fmt: skip
        item = make.action_item(postmortem, **(given | fields))
        async with self.ports.uow() as u:
            await u.incidents.add(incident)
            await u.postmortems.add(postmortem)
            await u.action_items.add(item)
            await u.tickets.add(make.ticket(item, external_id=str(item.id), key=str(item.id)))
            await u.commit()
        return item.id

    async def late(self, title: str = "Late", **fields: Any) -> UUID:
        return await self.item(title, committed_due_on=MONDAY.date() - 40 * DAY, **fields)

    async def post(self, room: ChatRoom) -> int:
        await plan_posts(self.ports.uow, self.clock, POLICY)
        return await deliver_posts(self.ports.uow, self.clock, POLICY, room, jitter=lambda: 0.0)

    async def states(self) -> list[tuple[str, str]]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(sa.text("select kind, state from chat_posts order by kind, period_key"))
            return [(kind, state) for kind, state in rows]


@pytest.fixture
async def world(ports: Ports, opened: Opened) -> World:
    return await World(ports, opened).open()


async def test_the_week_tells_what_was_achieved_and_what_is_late(world: World) -> None:
    closed = await world.item("Add a breaker", status=Status.CLOSED, closed_at=MONDAY - DAY)
    await world.late("Alert on the queue")
    await world.item("Pin the version", due_on=MONDAY.date() + 2 * DAY, committed_due_on=MONDAY.date() + 2 * DAY)
    check = Check(
        new_id(), closed, CheckKind.ATTESTED, MONDAY - DAY, MONDAY - 9 * DAY, MONDAY - DAY, Verdict.PASSED,
        Observation.PREVENTED_INCIDENT, "It opened and nobody noticed.",
    )  # fmt: skip
    async with world.ports.uow() as u:
        await u.checks.add(check)
        await u.commit()
    room = Room()
    await world.post(room)
    (digest,) = [digest for _, digest in room.posts.values() if digest.kind is PostKind.DIGEST]
    told = {group.name: [line.title for line in group.lines] for group in digest.groups}
    assert told == {
        GroupName.PREVENTED: ["Add a breaker"],
        GroupName.CLOSED: ["Add a breaker"],
        GroupName.OVERDUE: ["Alert on the queue"],
        GroupName.AT_RISK: ["Pin the version"],
    }
    assert (digest.starts_on, digest.ends_on) == (date(2026, 6, 8), date(2026, 6, 15))
    caller = make.caller(world.ada)
    seen = await team_digest(world.ports.uow, world.clock, POLICY, caller=caller, slug="payments")
    assert seen == digest
    with pytest.raises(NotFound):
        await team_digest(world.ports.uow, world.clock, POLICY, caller=caller, slug="nobody")


async def test_before_the_hour_nothing_is_planned(world: World) -> None:
    world.clock.now = MONDAY.replace(hour=5)
    assert await plan_posts(world.ports.uow, world.clock, POLICY) == 0


async def test_nothing_of_a_restricted_incident_is_told_to_anybody(world: World) -> None:
    await world.late("Secret", restricted=True)
    await apply_item_rules(world.ports.uow, world.clock, POLICY)
    room = Room()
    await world.post(room)
    assert room.posts == {}
    assert await world.states() == [("digest", "empty"), ("leadership", "empty"), ("sprint_list", "empty")]


async def test_each_post_is_made_once_in_its_period(world: World) -> None:
    await world.late()
    await apply_item_rules(world.ports.uow, world.clock, POLICY)
    room = Room()
    assert await world.post(room) == 3
    assert room.kinds == ["digest", "leadership", "sprint_list"]
    assert await world.post(room) == 0
    world.clock.now = MONDAY + DAY
    assert await world.post(room) == 0
    world.clock.now = MONDAY + 7 * DAY
    assert await world.post(room) == 2


async def test_an_answer_that_never_came_makes_no_second_post(world: World) -> None:
    await world.late()
    room = Room((None, ProviderOutcomeUnknown("?")), (None, RuntimeError("?")))
    await world.post(room)
    assert await world.post(room) == 0
    world.clock.now += timedelta(hours=1)
    await world.post(room)
    assert len(room.posts) == 2
    assert {state for kind, state in await world.states() if kind != "leadership"} == {"posted"}


async def test_who_asks_to_wait_is_asked_later_and_a_refusal_is_kept(world: World) -> None:
    await world.late()
    room = Room(ProviderUnavailable("wait", retry_after=60), ProviderRefused("not a member"))
    await world.post(room)
    assert sorted(state for _, state in await world.states()) == ["dead", "empty", "pending"]
    world.clock.now += timedelta(seconds=90)
    room.plan = [ProviderUnavailable("down")]
    await world.post(room)
    room.plan = [ProviderUnavailable("down")]
    world.clock.now += timedelta(hours=1)
    await world.post(room)
    assert sorted(state for _, state in await world.states()) == ["dead", "dead", "empty"]


async def test_a_post_that_another_process_has_in_hand_is_left_to_it(world: World) -> None:
    await world.late()

    class Racing(Room):
        async def post(self, place: str, marker: UUID, digest: Digest, public_url: str) -> str:
            assert await deliver_posts(world.ports.uow, world.clock, POLICY, Room(), jitter=lambda: 0.0) < 3
            return await super().post(place, marker, digest, public_url)

    room = Racing()
    await world.post(room)
    assert len(room.posts) <= 2


async def test_the_worker_posts_nothing_where_no_chat_is_configured(world: World) -> None:
    assert await post_digests(world.ports) == 0
    await world.late()
    assert await post_digests(replace(world.ports, chat_room=Room(), clock=world.clock)) == 1


# ── When ─────────────────────────────────────────────────────────────────────────────────────────────────────────

OFFICE, GULF = Calendar("Europe/Berlin"), Calendar("Asia/Dubai", (7, 1, 2, 3, 4))


@pytest.mark.parametrize(
    ("calendar", "at", "day"),
    [
        (OFFICE, datetime(2026, 6, 15, 6, 59, tzinfo=UTC), None),
        (OFFICE, datetime(2026, 6, 15, 7, tzinfo=UTC), date(2026, 6, 15)),
        (OFFICE, datetime(2026, 6, 17, 3, tzinfo=UTC), date(2026, 6, 15)),
        (OFFICE, datetime(2026, 6, 20, 12, tzinfo=UTC), None),
        (Calendar("UTC", (3, 4)), datetime(2026, 6, 15, 12, tzinfo=UTC), None),
        (Calendar("UTC", (3, 4)), datetime(2026, 6, 17, 12, tzinfo=UTC), date(2026, 6, 17)),
    ],
)
def test_the_digest_comes_on_the_first_working_day_of_the_week(
    calendar: Calendar, at: datetime, day: date | None
) -> None:
    assert digest_day(calendar, at, RULES) == day


def test_a_team_that_works_on_no_day_after_the_digests_gets_none() -> None:
    late = FollowThroughPolicy(digest_weekday=6)
    assert digest_day(OFFICE, MONDAY, late) is None


@pytest.mark.parametrize(
    ("at", "planning"),
    [
        (datetime(2026, 6, 12, 12, tzinfo=UTC), date(2026, 6, 15)),  # Friday, for Monday
        (datetime(2026, 6, 11, 12, tzinfo=UTC), None),
        (datetime(2026, 6, 13, 12, tzinfo=UTC), None),
        (datetime(2026, 6, 12, 1, tzinfo=UTC), None),
        (datetime(2026, 6, 26, 12, tzinfo=UTC), date(2026, 6, 29)),
        (datetime(2026, 5, 1, 12, tzinfo=UTC), None),
    ],
)
def test_the_list_comes_on_the_last_working_day_before_planning(at: datetime, planning: date | None) -> None:
    assert planning_to_announce(OFFICE, date(2026, 6, 15), at, RULES) == planning
