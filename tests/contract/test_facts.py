"""The statements behind the metrics count what a second implementation counts from plain rows."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from app.domain.access import SYSTEM
from app.domain.learning.completion import ItemGroup, completion
from app.domain.learning.durations import duration_trend
from app.domain.learning.facts import FactFilter, Phase
from app.domain.learning.measures import Measure, MetricsPolicy, Window
from app.domain.learning.recurrence_rate import recurrence_rate
from app.domain.learning.severities import severity_distribution
from app.domain.learning.use_cases import metrics
from app.domain.learning.use_cases.acceptances import follow_all
from app.domain.ports import Ports
from tests import metrics_oracle as oracle

AS_OF = datetime(2026, 6, 30, 15, 30, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = MetricsPolicy()
ZONES = ["America/New_York", "Asia/Tokyo"]
CAUSES = [UUID(int=n) for n in (101, 102, 103)]
TEAMS = [UUID(int=n) for n in (201, 202)]
SERVICES = [UUID(int=n) for n in (301, 302, 303)]
EVERYTHING = FactFilter()


def id_of(kind: int, n: int) -> UUID:
    return UUID(int=kind * 10_000 + n + (hash((kind, n)) & 0xFFFFFFFF) * 2**64)


class Organisation:
    """Random records, some odd: without times or cause, tests, contradictions, dates at the edge of a day."""

    def __init__(self, seed: int, size: int = 150) -> None:
        self.dice = random.Random(seed)
        self.incidents = [self._incident(n) for n in range(size)]
        self.postmortems = [self._postmortem(n, i) for n, i in enumerate(self.incidents) if n % 3]
        self.items = [self._item(n) for n in range(size * 4)]
        self.checks = [self._check(n, item) for n, item in enumerate(self.items) if item["closed_at"] and n % 4]

    def ago(self, most: float = 400, least: float = -10) -> datetime:
        return AS_OF - self.dice.uniform(least, most) * DAY

    def maybe(self, value: Any, chance: float = 0.8) -> Any:
        return value if self.dice.random() < chance else None

    def _incident(self, n: int) -> dict[str, Any]:
        started = self.maybe(self.ago(), 0.95)
        later = [self.maybe((started or self.ago()) + self.dice.uniform(-1, 60) * DAY / 24) for _ in range(4)]
        cause = self.maybe(self.dice.choice(CAUSES))
        return {
            "id": id_of(1, n), "title": "It broke", "severity": self.dice.randint(1, 5), "created_at": self.ago(),
            "mode": "test" if n % 11 == 0 else "standard", "primary_service_id": self.dice.choice(SERVICES),
            "started_at": started, "detected_at": later[0], "acknowledged_at": later[1], "mitigated_at": later[2],
            "resolved_at": later[3], "root_cause_id": cause, "restricted": n % 7 == 0,
            "root_cause_status": None if cause is None else self.dice.choice(["confirmed", "confirmed", "proposed"]),
        }  # fmt: skip

    def _postmortem(self, n: int, incident: dict[str, Any]) -> dict[str, Any]:
        status = self.dice.choice(["published", "published", "draft", "required", "waived"])
        created = (incident["started_at"] or AS_OF - 30 * DAY) + self.dice.uniform(-2, 10) * DAY
        published = created + 5 * DAY if status == "published" else None
        return {
            "id": id_of(2, n), "incident_id": incident["id"], "status": status, "created_at": created,
            "published_at": published,
        }  # fmt: skip

    def _item(self, n: int) -> dict[str, Any]:
        created, status = (
            self.ago(300, -5),
            self.dice.choice(["candidate", "open", "implemented", "closed", "declined"]),
        )
        due = self.maybe(created.date() + self.dice.randint(5, 90) * DAY)
        # Many instants fall near the end of the day that they are measured against, where time zones decide.
        near = datetime.combine(due or created.date(), time(self.dice.randint(0, 23)), UTC)
        done = near + self.dice.choice([-20, -1, 0, 0, 1, 1, 20]) * DAY if status in ("implemented", "closed") else None
        return {
            "id": id_of(3, n), "title": "Fix it", "status": status, "created_at": created,
            "slips": self.dice.randint(0, 2),
            "team_id": self.maybe(self.dice.choice(TEAMS)), "service_id": self.maybe(self.dice.choice(SERVICES)),
            "incident_id": self.maybe(self.dice.choice(self.incidents)["id"]),
            "root_cause_id": self.maybe(self.dice.choice(CAUSES)), "committed_due_on": due,
            "due_on": due and due + self.dice.choice([0, 7]) * DAY,
            "control_type": self.dice.choice(["prevent", "detect", "mitigate", "process"]),
            "implemented_at": done, "deployed_at": done, "evidence_due_on": done and done.date() + 3 * DAY,
            "closed_at": done + self.dice.uniform(2, 5) * DAY if status == "closed" and done else None,
            "declined_at": created + self.dice.uniform(0, 60) * DAY if status == "declined" else None,
        }  # fmt: skip

    def _check(self, n: int, item: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": id_of(4, n), "action_item_id": item["id"], "closed_item_at": item["closed_at"],
            "deployed_at": self.maybe(item["deployed_at"]),
        }  # fmt: skip

    async def save(self, dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute("set session_replication_role = replica")
        named = {"version": 1, "updated_at": AS_OF, "created_at": AS_OF}
        for n, team in enumerate(TEAMS):
            row = {"id": team, "slug": f"team-{n}", "name": "T", "time_zone": ZONES[n], "working_days": [1]}
            await insert(connection, "teams", named | row)
        for n, service in enumerate(SERVICES):
            row = {"id": service, "slug": f"service-{n}", "name": "S", "team_id": TEAMS[n % 2]}
            await insert(connection, "services", named | row)
        for n, cause in enumerate(CAUSES):
            row = {"id": cause, "slug": f"cause-{n}", "title": "C", "description": ""}
            await insert(connection, "root_causes", named | row)
        for incident in self.incidents:
            await insert(connection, "incidents", named | {"summary": "", "customer_impact": "none"} | incident)
            at = {"incident_id": incident["id"], "service_id": incident["primary_service_id"], "position": 0}
            await insert(connection, "incident_services", at)
        for postmortem in self.postmortems:
            await insert(
                connection, "postmortems", named | {"tier": 2, "proposed_tier": 2, "published_number": 0} | postmortem
            )
        for item in self.items:
            await insert(connection, "action_items", named | _stored(item))
        for check in self.checks:
            ran = {"kind": "attested", "ran_at": AS_OF, "window_start": AS_OF, "window_end": AS_OF, "statement": ""}
            await insert(connection, "checks", ran | {"verdict": "passed", "review_comment": ""} | check)
        await connection.close()

    def standard(self) -> list[dict[str, Any]]:
        return [i for i in self.incidents if i["mode"] == "standard"]

    def asked_items(self) -> list[oracle.ItemRow]:
        tests = {i["id"] for i in self.incidents if i["mode"] != "standard"}
        return [
            oracle.ItemRow(
                i["created_at"], day_end(i, "committed_due_on"), day_end(i, "due_on"), day_end(i, "evidence_due_on"),
                i["implemented_at"], i["closed_at"], i["declined_at"], i["slips"],
            )
            for i in self.items
            if i["status"] != "candidate" and i["incident_id"] not in tests
        ]  # fmt: skip

    def recurrences(self, window: Window) -> Any:
        by_id = {i["id"]: i for i in self.standard()}
        asked = [
            oracle.PostmortemRow(p["created_at"], _confirmed(i), i["started_at"], i["resolved_at"])
            for p in self.postmortems
            if p["status"] not in ("required", "waived") and (i := by_id.get(p["incident_id"]))
        ]
        struck = [
            oracle.OccurrenceRow(cause, i["started_at"])
            for i in self.standard()
            if (cause := _confirmed(i)) and i["started_at"]
        ]
        return oracle.recurrences(asked, struck, window, POLICY.recurrence_days)

    def asked_incidents(self, phase: Phase) -> list[oracle.IncidentRow]:
        return [oracle.IncidentRow(i["created_at"], i["started_at"], i[phase], i["severity"]) for i in self.standard()]


def _confirmed(incident: dict[str, Any]) -> UUID | None:
    cause: UUID | None = incident["root_cause_id"]
    return cause if incident["root_cause_status"] == "confirmed" else None


def _stored(item: dict[str, Any]) -> dict[str, Any]:
    declined = item["declined_at"]
    decline = declined and '{"at": "' + declined.isoformat() + '"}'
    kept = {name: value for name, value in item.items() if name != "declined_at"}
    fixed = {"description": "", "systemic": False, "base_priority": 3, "effective_priority": 3, "times_passed_over": 0}
    return fixed | kept | {"decline": decline}


def day_end(item: dict[str, Any], name: str) -> datetime | None:
    zone = ZoneInfo(ZONES[TEAMS.index(item["team_id"])]) if item["team_id"] else UTC
    on: date | None = item[name]
    return datetime.combine(on + DAY, time(), zone).astimezone(UTC) if on else None


async def insert(connection: "asyncpg.Connection[Any]", table: str, row: dict[str, Any]) -> None:
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await connection.execute(f"insert into {table} ({', '.join(row)}) values ({places})", *row.values())


def merged(groups: Sequence[ItemGroup]) -> dict[Any, Counter[str]]:
    found: dict[Any, Counter[str]] = {}
    for g in groups:
        if g.n:
            counts = found.setdefault((g.bucket, g.committed, g.due, g.evidence), Counter())
            counts.update(n=g.n, slips=g.slips)
    return found


def same(one: Any, other: Any) -> bool:
    """Equal, numbers but for rounding."""
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-6, abs=1e-6)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


WINDOWS = [
    Window(AS_OF, 365),
    Window(AS_OF, 180, "week"),
    Window(AS_OF - 100 * DAY, 90, "quarter", ZoneInfo("Asia/Tokyo")),
]


@pytest.fixture(params=[1, 2])
async def organisation(request: pytest.FixtureRequest, ports: Ports, dsn: str) -> Organisation:
    made = Organisation(request.param)
    await made.save(dsn)
    await follow_all(ports.uow)
    return made


@pytest.mark.parametrize("window", WINDOWS, ids=["year", "weeks", "past quarter"])
async def test_every_metric_is_what_plain_rows_say(organisation: Organisation, ports: Ports, window: Window) -> None:
    facts = ports.facts
    groups = await facts.items(EVERYTHING, window)
    expected = oracle.items(organisation.asked_items(), window)
    assert merged(groups) == merged(expected)
    assert same(asdict(completion(groups, window)), asdict(completion(expected, window)))

    again = await facts.recurrences(EVERYTHING, window)
    counted = organisation.recurrences(window)
    assert same(asdict(recurrence_rate(again, window, POLICY)), asdict(recurrence_rate(counted, window, POLICY)))

    took = await facts.durations(EVERYTHING, window)
    for phase in Phase:
        plain = oracle.phase(organisation.asked_incidents(phase), window)
        assert same(asdict(duration_trend(took[phase], window, POLICY)), asdict(duration_trend(plain, window, POLICY)))

    ranks = await facts.severities(EVERYTHING, window)
    plain_ranks = oracle.severities(organisation.asked_incidents(Phase.DETECTED), window)
    assert severity_distribution(ranks, window, POLICY) == severity_distribution(plain_ranks, window, POLICY)


async def test_fixes_are_followed_from_deployment_to_the_recurrence(organisation: Organisation, ports: Ports) -> None:
    window = Window(AS_OF, 3000)
    found = await metrics.compute_effectiveness(ports.facts, POLICY, caller=SYSTEM, where=EVERYTHING, window=window)
    items = {item["id"]: item for item in organisation.items}
    tests = {i["id"] for i in organisation.incidents if i["mode"] != "standard"}
    recurred = known = missing = 0
    for check in organisation.checks:
        item = items[check["action_item_id"]]
        if not window.holds(check["closed_item_at"]) or item["incident_id"] in tests:
            continue
        if item["root_cause_id"] is None or item["service_id"] is None:
            missing += 1
            continue
        known += 1
        since = check["deployed_at"] or check["closed_item_at"]
        recurred += any(
            _confirmed(i) == item["root_cause_id"] and i["primary_service_id"] == item["service_id"]
            and i["id"] != item["incident_id"] and i["started_at"]
            and since < i["started_at"] <= min(since + 183 * DAY, AS_OF)
            for i in organisation.standard()
        )  # fmt: skip
    assert known > 20
    assert recurred > 3
    held = sum(b.held.value * b.held.n for b in found.buckets if b.held.value is not None)
    assert (round(held), sum(b.held.n for b in found.buckets)) == (known - recurred, known)
    assert found.overall.effective.n + found.overall.effective.n_missing == known + missing
    kinds = [one.effective for one in found.by_control_type.values()]
    assert sum(one.n + one.n_missing for one in kinds) == known + missing


async def test_follow_through_counts_what_is_open_whenever_it_was_created(
    organisation: Organisation, ports: Ports
) -> None:
    found = await metrics.compute_follow_through(
        ports.facts, POLICY, caller=SYSTEM, where=EVERYTHING, window=Window(AS_OF, 30)
    )
    tests = {i["id"] for i in organisation.incidents if i["mode"] != "standard"}
    still_open = [
        item
        for item in organisation.items
        if item["created_at"] < AS_OF
        and item["incident_id"] not in tests
        and (
            item["status"] in ("open", "implemented")
            or (item["status"] == "closed" and item["closed_at"] > AS_OF)
        )
    ]  # fmt: skip
    assert found.open_items == sum(group.n for group in found.open_by_age) == len(still_open)
    overdue = [
        i for i in still_open
        if (until := day_end(i, "committed_due_on")) and until <= AS_OF
        and (i["implemented_at"] is None or i["implemented_at"] > AS_OF)
    ]  # fmt: skip
    assert sum(team.n_overdue for team in found.overdue_by_team) == len(overdue)
    assert [team.team for team in found.overdue_by_team] == ["team-0", "team-1", None]
    assert found.days_to_publish.n > 0
    assert found.waived.n >= found.days_to_publish.n


def counts(found: Any) -> dict[str, int]:
    """n of every headline."""
    named = {f.name: getattr(found, f.name) for f in fields(found) if f.name != "buckets"}
    return {name: value.n + value.n_missing for name, value in named.items() if isinstance(value, Measure)}


@pytest.mark.parametrize(
    "where", [FactFilter(team="team-0"), FactFilter(service="service-1"), FactFilter(severities=(1, 2))], ids=str
)
async def test_a_filter_never_raises_a_count(organisation: Organisation, ports: Ports, where: FactFilter) -> None:
    window = Window(AS_OF, 365)
    alone, combined = where, replace(where, team=where.team or "team-1")
    levels = [
        await metrics.compute_postmortem_metrics(ports.facts, POLICY, caller=SYSTEM, where=one, window=window)
        for one in (EVERYTHING, alone, combined)
    ]
    for wide, narrow in pairwise(levels):
        for part in ("recurrence", "completion", "severity", "follow_through"):
            more, fewer = counts(getattr(wide, part)), counts(getattr(narrow, part))
            assert all(fewer[name] <= more[name] for name in more), part
        for phase in Phase:
            assert narrow.detection[phase].overall.n <= wide.detection[phase].overall.n
        assert narrow.effectiveness.overall.effective.n <= wide.effectiveness.overall.effective.n
    assert 0 < levels[1].severity.severe.n < levels[0].severity.severe.n


async def test_a_large_window_draws_the_same_points_each_time(organisation: Organisation, ports: Ports) -> None:
    few = replace(POLICY, trend_incidents=20)
    facts = type(ports.facts)(ports.facts._pool, few)  # type: ignore[attr-defined,call-arg]
    window = Window(AS_OF, 365)
    one, other = [await facts.durations(EVERYTHING, window) for _ in range(2)]
    assert sorted(one[Phase.DETECTED].points) == sorted(other[Phase.DETECTED].points)
    assert 0 < len(one[Phase.DETECTED].points) < 40 < one[Phase.DETECTED].overall.n
