"""What a route says of priorities and due dates, against the official contracts: written there and read back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest

from app.adapters.trackers.github import GitHubIssues
from app.adapters.trackers.jira import JiraIssues
from app.adapters.trackers.linear import LinearIssues
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.model import TicketUpdate
from tests.contract.github_simulator import GitHubSimulator
from tests.contract.github_world import draft as github_draft
from tests.contract.jira_simulator import JiraSimulator
from tests.contract.linear_simulator import LinearSimulator
from tests.contract.tickets import PAGE, START, draft, ticket_of

DUE, LATER = date(2026, 7, 1), date(2026, 8, 2)
JIRA = Route(Provider.JIRA, "SHOP", priorities={"urgent": "P0", "high": "P1", "medium": "P1", "low": "4"})
SITE = ("P0", "P1", "P2", "Minor")


@pytest.fixture
def site() -> JiraSimulator:
    return JiraSimulator(priorities=SITE, custom={"customfield_10050": "Target end"})


@pytest.fixture
async def jira(site: JiraSimulator) -> AsyncIterator[JiraIssues]:
    async with site.client() as client:
        yield JiraIssues(client, base_url=site.base_url, token="t", email="bot@acme.test")


# ── Jira ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("priority", "there", "read"),
    [("urgent", "P0", "urgent"), ("high", "P1", "high"), ("medium", "P1", "high"), ("low", "Minor", "low")],
)
async def test_jira_gets_the_routes_own_priority_by_name_or_id(
    jira: JiraIssues, site: JiraSimulator, priority: str, there: str, read: str
) -> None:
    created = await jira.create(JIRA, draft(priority=priority))
    assert site.issues[created.external_id]["fields"]["priority"]["name"] == there
    assert (created.priority, created.dropped) == (read, ())
    changed = await jira.update(ticket_of(created, JIRA), TicketUpdate(priority="urgent"), uuid4())
    assert (changed.priority, changed.dropped) == ("urgent", ())


async def test_a_priority_that_the_jira_project_does_not_have_becomes_text(
    jira: JiraIssues, site: JiraSimulator
) -> None:
    route = replace(JIRA, priorities={"high": "Showstopper"})
    created = await jira.create(route, draft())
    assert created.dropped == ("priority:high",)
    assert "Priority: high" in str(site.issues[created.external_id]["fields"]["description"])


@pytest.mark.parametrize("due_field", ["customfield_10050", "Target end", "target END"])
async def test_jira_gets_the_due_date_in_the_routes_field(
    jira: JiraIssues, site: JiraSimulator, due_field: str
) -> None:
    route = replace(JIRA, due_field=due_field)
    created = await jira.create(route, draft())
    fields = site.issues[created.external_id]["fields"]
    assert (fields["customfield_10050"], fields["duedate"], created.due_on) == ("2026-07-01", None, DUE)
    ticket = ticket_of(created, route)
    changed = await jira.update(ticket, TicketUpdate(due_on=LATER), uuid4())
    assert (fields["customfield_10050"], fields["duedate"], changed.due_on) == ("2026-08-02", None, LATER)
    assert (await jira.read(ticket)).due_on == LATER
    (listed,) = await jira.changed_since(route, START)
    assert listed.due_on == LATER


async def test_a_due_field_that_the_jira_project_lacks_or_refuses_becomes_text(
    jira: JiraIssues, site: JiraSimulator
) -> None:
    created = await jira.create(replace(JIRA, due_field="Deadline"), draft())
    assert created.dropped == ("duedate:2026-07-01",)
    site.silently_refused = ("customfield_10050",)
    route = replace(JIRA, due_field="customfield_10050")
    refused = await jira.create(route, draft(marker=uuid4()))
    assert refused.dropped == ("duedate:2026-07-01",)
    text = str(site.issues[refused.external_id]["fields"]["description"])
    assert "Due: 2026-07-01" in text
    site.silently_refused = ()
    good = await jira.create(route, draft(marker=uuid4()))
    site.silently_refused = ("customfield_10050",)
    changed = await jira.update(ticket_of(good, route), TicketUpdate(due_on=LATER, title="New"), uuid4())
    assert (changed.title, changed.due_on, changed.dropped) == ("New", DUE, ("duedate",))


async def test_who_may_only_edit_in_a_project_still_writes_the_routes_field(
    jira: JiraIssues, site: JiraSimulator
) -> None:
    route = replace(JIRA, due_field="customfield_10050")
    created = await jira.create(route, draft())
    site.move(created.external_id, "PAY")
    changed = await jira.update(ticket_of(created, route), TicketUpdate(due_on=LATER), uuid4())
    assert (changed.due_on, changed.dropped) == (LATER, ())


async def test_an_adopted_jira_issue_gets_the_link_back_once(jira: JiraIssues, site: JiraSimulator) -> None:
    there = site.add()
    ticket = ticket_of(await jira.resolve(there["key"]), JIRA)
    for _ in range(2):
        await jira.update(ticket, TicketUpdate(link_back=PAGE), uuid4())
    ((key, link),) = site.links.items()
    assert key == f"{there['id']} appId=norepeat&id={PAGE.rpartition('/')[2]}"
    assert link["object"]["url"] == PAGE
    assert site.comments[there["id"]] == []


# ── Linear ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_linear_gets_the_routes_own_priority() -> None:
    route = Route(Provider.LINEAR, "ENG", priorities={"urgent": "High", "low": "No priority"})
    simulator = LinearSimulator()
    async with simulator.client() as client:
        tracker = LinearIssues(client, token="lin_api_t")
        created = await tracker.create(route, draft(priority="urgent"))
        assert (simulator.kept[created.external_id]["priority"], created.priority) == (2, "urgent")
        changed = await tracker.update(ticket_of(created, route), TicketUpdate(priority="low"), uuid4())
        assert (simulator.kept[created.external_id]["priority"], changed.priority) == (0, "low")
        changed = await tracker.update(ticket_of(created, route), TicketUpdate(priority="medium"), uuid4())
        assert (simulator.kept[created.external_id]["priority"], changed.priority) == (3, "medium")
        simulator.touch(created.external_id, priority=1.0)
        assert (await tracker.read(ticket_of(created, route))).priority is None, "the route has no use for it"


async def test_an_adopted_linear_issue_gets_the_attachment_once() -> None:
    simulator = LinearSimulator()
    there = simulator.add()
    async with simulator.client() as client:
        tracker = LinearIssues(client, token="lin_api_t")
        ticket = ticket_of(await tracker.resolve(there["identifier"]), Route(Provider.LINEAR, "ENG"))
        for _ in range(2):
            await tracker.update(ticket, TicketUpdate(link_back=PAGE), uuid4())
        assert list(simulator.links) == [f"{there['id']} {PAGE}"]
        assert simulator.notes[there["id"]] == []
        simulator.refuses_attachments = True
        refused = await tracker.update(ticket, TicketUpdate(link_back=PAGE), uuid4())
    assert refused.dropped == ("link back",)


# ── GitHub ───────────────────────────────────────────────────────────────────────────────────────────────────────

GITHUB = Route(Provider.GITHUB, "acme/shop", labels=("postmortem",))
BY_MILESTONE, BY_FIELD = replace(GITHUB, due_field="milestone"), replace(GITHUB, due_field="target date")


@pytest.fixture
def hub() -> GitHubSimulator:
    return GitHubSimulator()


@pytest.fixture
async def github(hub: GitHubSimulator) -> AsyncIterator[GitHubIssues]:
    async with hub.client() as client:
        yield GitHubIssues(client, token="t")


def titles(hub: GitHubSimulator) -> list[str]:
    return [one["title"] for one in hub.planning.milestones.get("acme/shop", [])]


async def test_a_due_date_is_a_milestone_of_that_day_made_once(github: GitHubIssues, hub: GitHubSimulator) -> None:
    for _ in range(2):
        created = await github.create(BY_MILESTONE, github_draft(marker=uuid4()))
        assert (created.due_on, created.planned, created.dropped) == (DUE, None, ())
        assert "**Due:**" not in hub.issues[created.key]["body"]
    assert titles(hub) == ["Due 2026-07-01"]
    changed = await github.update(ticket_of(created, BY_MILESTONE), TicketUpdate(due_on=LATER), uuid4())
    assert (changed.due_on, titles(hub)) == (LATER, ["Due 2026-07-01", "Due 2026-08-02"])
    (_, listed) = sorted(await github.changed_since(BY_MILESTONE, START), key=lambda one: one.key)
    assert listed.due_on == LATER


async def test_a_milestone_that_people_made_for_that_day_is_used(github: GitHubIssues, hub: GitHubSimulator) -> None:
    hub.planning.add("acme/shop", "v1.2", "2026-07-01")
    created = await github.create(BY_MILESTONE, github_draft())
    assert (created.due_on, titles(hub)) == (DUE, ["v1.2"])
    assert created.planned is not None
    assert created.planned.name == "v1.2"


async def test_a_milestone_that_somebody_makes_at_the_same_moment_is_found(
    github: GitHubIssues, hub: GitHubSimulator
) -> None:
    hub.planning.raced = True
    created = await github.create(BY_MILESTONE, github_draft())
    assert (created.due_on, titles(hub), created.dropped) == (DUE, ["Due 2026-07-01"], ())


async def test_a_due_date_is_a_field_of_the_organisation_by_name_or_id(
    github: GitHubIssues, hub: GitHubSimulator
) -> None:
    for route in (BY_FIELD, replace(GITHUB, due_field="7")):
        created = await github.create(route, github_draft(marker=uuid4()))
        assert (created.due_on, created.dropped) == (DUE, ())
        assert "**Due:**" not in hub.issues[created.key]["body"]
        changed = await github.update(ticket_of(created, route), TicketUpdate(due_on=LATER), uuid4())
        assert (changed.due_on, changed.dropped) == (LATER, ())


@pytest.mark.parametrize("due_field", ["milestone", "Target date"])
async def test_what_github_silently_drops_of_a_due_date_is_reported(
    github: GitHubIssues, hub: GitHubSimulator, due_field: str
) -> None:
    hub.planning.silently_dropped = True
    route = replace(GITHUB, due_field=due_field)
    created = await github.create(route, github_draft())
    assert created.due_on is None
    assert [part.partition(":")[0] for part in created.dropped] == ["due date"]
    changed = await github.update(ticket_of(created, route), TicketUpdate(due_on=LATER), uuid4())
    assert [part.partition(":")[0] for part in changed.dropped] == ["due date"]


async def test_a_due_date_without_a_place_stays_a_line_and_says_why(github: GitHubIssues, hub: GitHubSimulator) -> None:
    created = await github.create(replace(GITHUB, due_field="Deadline"), github_draft())
    assert "**Due:** 2026-07-01" in hub.issues[created.key]["body"]
    assert created.dropped == ("due date:2026-07-01 (acme has no date field Deadline; change due_field in the route.)",)
    hub.planning.forbidden = True
    route = replace(GITHUB, due_field="milestone")
    refused = await github.create(route, github_draft(marker=uuid4()))
    assert "**Due:** 2026-07-01" in hub.issues[refused.key]["body"]
    assert "403" in refused.dropped[0]
    changed = await github.update(ticket_of(refused, route), TicketUpdate(due_on=LATER), uuid4())
    assert "**Due:** 2026-08-02" in hub.issues[refused.key]["body"]
    assert changed.dropped[0].startswith("due date:2026-08-02")


async def test_a_priority_is_one_label_of_the_routes(github: GitHubIssues, hub: GitHubSimulator) -> None:
    route = replace(GITHUB, priorities={"urgent": "P0", "high": "P1"})
    created = await github.create(route, github_draft())
    labels = [label["name"] for label in hub.issues[created.key]["labels"]]
    assert (labels, created.priority) == (["postmortem", "P1"], "high")
    assert "**Priority:**" not in hub.issues[created.key]["body"]
    ticket = ticket_of(created, route)
    hub.label(created.key, "postmortem", "P1", "bug")
    changed = await github.update(ticket, TicketUpdate(priority="urgent"), uuid4())
    labels = [label["name"] for label in hub.issues[created.key]["labels"]]
    assert (labels, changed.priority, changed.dropped) == (["postmortem", "bug", "P0"], "urgent", ())
    without = await github.update(ticket, TicketUpdate(priority="low"), uuid4())
    assert (without.priority, without.dropped) == (None, ())
    hub.drops_labels = True
    dropped = await github.update(ticket, TicketUpdate(priority="high"), uuid4())
    assert dropped.dropped == ("label:P1",)


async def test_an_adopted_github_issue_gets_the_link_back_as_one_comment(
    github: GitHubIssues, hub: GitHubSimulator
) -> None:
    hub.add("acme/shop", title="There already")
    ticket, marker = ticket_of(await github.resolve("acme/shop#1"), GITHUB), uuid4()
    for _ in range(2):
        await github.update(ticket, TicketUpdate(link_back=PAGE), marker)
    (comment,) = hub.comments["acme/shop#1"]
    assert comment["body"].startswith(f"Tracked by norepeat: {PAGE}")
