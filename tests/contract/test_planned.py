"""The sprint, cycle or milestone of a ticket, as each tracker answers and as its webhooks tell it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from app.adapters.trackers.github import GitHubIssues
from app.adapters.trackers.github_webhooks import GitHubWebhooks
from app.adapters.trackers.jira import JiraIssues
from app.adapters.trackers.jira_sprint import sprint_of
from app.adapters.trackers.jira_webhooks import JiraWebhooks
from app.adapters.trackers.linear import LinearIssues
from app.adapters.trackers.linear_webhooks import LinearWebhooks
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.model import Planned, RemoteTicket
from tests.contract.github_simulator import GitHubSimulator
from tests.contract.github_world import ROUTE as SHOP
from tests.contract.github_world import draft as github_draft
from tests.contract.github_world import ticket_of as github_ticket
from tests.contract.jira_simulator import JiraSimulator
from tests.contract.linear_simulator import LinearSimulator
from tests.contract.tickets import START, draft, ticket_of

JIRA, LINEAR = Route(Provider.JIRA, "SHOP"), Route(Provider.LINEAR, "ENG")
CLOSED_AT = datetime(2026, 6, 1, 10, tzinfo=UTC)


@pytest.fixture(params=[False, True], ids=["cloud", "data center"])
def site(request: pytest.FixtureRequest) -> JiraSimulator:
    return JiraSimulator(data_center=request.param)


@pytest.fixture
async def jira(site: JiraSimulator) -> AsyncIterator[JiraIssues]:
    async with site.client() as client:
        yield JiraIssues(
            client, base_url=site.base_url, token="t", email="bot@acme.test", data_center=site.data_center
        )  # fmt: skip


@pytest.mark.parametrize(
    ("sprints", "planned"),
    [
        ([], None),
        ([(12, "active")], Planned("12", "Sprint 12")),
        ([(11, "closed"), (12, "active"), (13, "future")], Planned("12", "Sprint 12")),
        ([(11, "closed"), (13, "future")], Planned("13", "Sprint 13")),
        ([(11, "closed"), (12, "closed")], Planned("12", "Sprint 12", CLOSED_AT)),
    ],
)
async def test_jiras_field_of_all_sprints_gives_the_one_that_counts(
    jira: JiraIssues, site: JiraSimulator, sprints: list[tuple[int, str]], planned: Planned | None
) -> None:
    created = await jira.create(JIRA, draft())
    assert created.planned is None
    site.sprint(created.external_id, *sprints)
    assert (await jira.read(ticket_of(created, JIRA))).planned == planned
    (listed,) = await jira.changed_since(JIRA, START)
    assert listed.planned == planned
    assert (await jira.resolve(created.key)).planned == planned
    event = JiraWebhooks().read({}, site.webhook("jira:issue_updated", created.external_id)[1])
    assert event is not None
    assert event.remote is not None
    assert event.remote.planned == planned


async def test_a_sprint_that_no_create_screen_shows_is_read_by_the_setting() -> None:
    site = JiraSimulator()
    async with site.client() as client:
        options: dict[str, Any] = {"base_url": site.base_url, "token": "t", "email": "bot@acme.test"}
        created = await JiraIssues(client, **options).create(JIRA, draft())
        site.sprint(created.external_id, (12, "active"))
        field, site.sprint_field = site.sprint_field, None
        assert (await JiraIssues(client, **options).read(ticket_of(created, JIRA))).planned is None
        told = JiraIssues(client, sprint_field=field, **options)
        assert (await told.read(ticket_of(created, JIRA))).planned == Planned("12", "Sprint 12")


async def test_who_may_not_create_issues_is_asked_about_the_screen_once() -> None:
    site = JiraSimulator()
    async with site.client() as client:
        tracker = JiraIssues(client, base_url=site.base_url, token="t", email="bot@acme.test")
        created = await tracker.create(JIRA, draft())
        moved = site.move(created.external_id, "PAY")
        site.requests.clear()
        for _ in range(3):
            await tracker.resolve(moved["key"])
    assert sum("createmeta" in name for name in site.requests) == 1


@pytest.mark.parametrize(
    "value",
    [None, [], [None], ["text"], [{"id": 1}], [{"id": 1, "name": "x", "state": "odd"}], {"state": "active"}, 7],
)
def test_other_fields_are_no_sprints(value: object) -> None:
    assert sprint_of({"customfield_1": value}) is None


def test_a_closed_sprint_without_dates_has_ended() -> None:
    told = sprint_of({"customfield_1": [{"id": "x", "name": "S", "state": "closed", "endDate": None}]})
    assert told is not None
    assert told.is_over(START)
    ended = sprint_of({"customfield_1": [{"id": 1, "name": "S", "state": "CLOSED", "endDate": "2026-05-01T00:00:00Z"}]})
    assert ended is not None
    assert ended.ends_at == datetime(2026, 5, 1, tzinfo=UTC)


# ── Linear ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_linear_cycle_is_read_and_told() -> None:
    simulator = LinearSimulator()
    async with simulator.client() as client:
        tracker = LinearIssues(client, token="lin_api_t")
        created = await tracker.create(LINEAR, draft())
        assert created.planned is None
        cycle = simulator.cycle(5, ends_at="2026-06-14T00:00:00.000Z")
        simulator.touch(created.external_id, cycle=cycle)
        expected = Planned(cycle["id"], "Cycle 5", datetime(2026, 6, 14, tzinfo=UTC))
        assert (await tracker.read(ticket_of(created, LINEAR))).planned == expected
        (listed,) = await tracker.changed_since(LINEAR, START)
        assert listed.planned == expected
    assert told_by_linear(simulator, created) == expected
    simulator.touch(created.external_id, cycle={**cycle, "name": "Hardening", "completedAt": "2026-06-10T00:00:00Z"})
    assert told_by_linear(simulator, created) == Planned(cycle["id"], "Hardening", datetime(2026, 6, 10, tzinfo=UTC))


def told_by_linear(simulator: LinearSimulator, created: RemoteTicket, **data: Any) -> Planned | None:
    said = json.loads(simulator.webhook("update", created.external_id)[1])
    said["data"] |= data
    event = LinearWebhooks().read({}, json.dumps(said).encode())
    assert event is not None
    assert event.remote is not None
    return event.remote.planned


async def test_a_linear_webhook_that_names_the_cycle_by_its_id_alone_is_not_taken_for_none() -> None:
    simulator = LinearSimulator()
    async with simulator.client() as client:
        created = await LinearIssues(client, token="lin_api_t").create(LINEAR, draft())
    assert told_by_linear(simulator, created, cycle=None, cycleId="c-5") == Planned("c-5", "Cycle")
    assert told_by_linear(simulator, created, cycle=None, cycleId=None) is None


# ── GitHub ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_github_milestone_is_read_and_told_and_over_when_it_is_closed() -> None:
    simulator = GitHubSimulator()
    async with simulator.client() as client:
        tracker = GitHubIssues(client, token="t")
        created = await tracker.create(SHOP, github_draft())
        assert created.planned is None
        _, body = simulator.plan(created.key, "v1.2")
        milestone = simulator.issues[created.key]["milestone"]
        expected = Planned(str(milestone["id"]), "v1.2")
        assert (await tracker.read(github_ticket(created))).planned == expected
        event = GitHubWebhooks().read({"x-github-event": "issues"}, body)
        assert event is not None
        assert event.remote is not None
        assert event.remote.planned == expected
        milestone |= {"state": "closed", "closed_at": "2026-06-01T10:00:00Z"}
        (listed,) = await tracker.changed_since(SHOP, START)
        assert listed.planned == Planned(str(milestone["id"]), "v1.2", CLOSED_AT)


async def test_a_milestone_that_only_stands_for_a_due_date_is_no_plan() -> None:
    simulator = GitHubSimulator()
    async with simulator.client() as client:
        tracker = GitHubIssues(client, token="t")
        created = await tracker.create(SHOP, github_draft(marker=uuid4()))
        simulator.plan(created.key, "Due 2026-07-01", "2026-07-01")
        assert (await tracker.read(github_ticket(created))).planned is None
        simulator.plan(created.key, "Due 2026-07-02", "2026-07-03")
        assert (await tracker.read(github_ticket(created))).planned is not None
