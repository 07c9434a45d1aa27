"""What holds at every tracker, from HTTP to the ticket and back: who has it, what it is told, where it is planned."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from app.settings import Settings
from app.wiring import open_ports
from tests.api.callers import Person, staff
from tests.api.tracker_world import PROJECTS, PROVIDERS, Network, World, ago, day, organised

FORESEEN = {"github": None, "jira": "owner-account", "linear": "owner-account"}


@pytest.fixture(params=PROVIDERS)
async def world(
    request: pytest.FixtureRequest, settings: Settings, application: FastAPI, client: httpx2.AsyncClient
) -> AsyncIterator[World]:
    network = Network()
    async with open_ports(network.settings(settings), transport=network.transport()) as opened:
        application.state.ports = opened.ports
        transport = httpx2.ASGITransport(app=application)
        async with httpx2.AsyncClient(transport=transport, base_url="http://norepeat.test") as http:
            admin = Person(http, client.headers["authorization"])
            people = await staff(admin, "author", "reviewer", "owner")
            for name in ("author", "reviewer", "owner"):
                await admin.patch(f"/v1/people/{name}@example.org", {"handles": {}})
            world = await organised(request.param, network, opened, admin, people)
            world.knows("owner@example.org", "owner-account")
            yield world


# ── Who has it ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_owner_is_found_by_address_where_the_provider_tells(world: World) -> None:
    await world.new_item()
    await world.settle()
    ticket = (await world.found())["ticket"]
    assert (ticket["sync_state"], ticket["assignee"], world.assignee) == ("synced", *[FORESEEN[world.provider]] * 2)
    handles = (await world.admin.get("/v1/people/owner@example.org"))["handles"]
    assert handles.get(world.provider) == FORESEEN[world.provider]
    codes = {finding["code"] for finding in (await world.admin.get("/v1/findings"))["items"]}
    assert ("owner_without_handle" in codes) is (FORESEEN[world.provider] is None)


async def test_an_owner_nobody_knows_there_gives_a_ticket_without_assignee_and_a_finding(world: World) -> None:
    world.knows("another@example.org", "another-account")
    await world.new_item()
    await world.settle()
    found = await world.found()
    assert (found["ticket"]["sync_state"], found["ticket"]["last_error"], world.assignee) == ("synced", None, None)
    assert found["owner"]["email"] == "owner@example.org"
    (finding,) = (await world.admin.get("/v1/findings?code=owner_without_handle"))["items"]
    assert world.provider in finding["message"]
    assert finding["remedy"]


async def test_the_map_comes_before_the_address(world: World) -> None:
    world.knows("somebody@example.org", "from-the-map")
    await world.admin.patch("/v1/people/owner@example.org", {"handles": {world.provider: "from-the-map"}})
    await world.new_item()
    await world.settle()
    assert world.assignee == "from-the-map"


# ── What it is told ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_ticket_is_told_everything_once_though_every_answer_is_lost(world: World) -> None:
    author, reviewer, _ = world.people
    await world.new_item()
    await world.settle()
    assert world.priority == "medium"
    await author.patch(world.path, {"base_priority": "urgent"})
    await world.settle()
    assert world.priority == "urgent"
    await author.post(f"{world.path}/implement", {"deployed_at": ago(days=40)})
    await world.settle()
    seen = {
        "statement": "The bank hung twice; checkout answered within a second.", "observation": "prevented_incident",
        "window_start": ago(days=38), "window_end": ago(days=8), "link": "https://status.example.org/drill/7",
    }  # fmt: skip
    check = await author.post(f"{world.path}/evidence", seen, expect=201)
    await reviewer.post(f"{world.path}/evidence/{check['id']}/review", {"accept": True})
    await world.settle()
    assert (await world.found())["status"] == "closed"
    again = {
        "title": "Checkout hangs again", "severity": "P1", "services": ["checkout"], "started_at": ago(days=2),
        "root_cause": "no-timeout", "root_cause_status": "confirmed",
    }  # fmt: skip
    await author.post("/v1/incidents", again, expect=201)
    await world.settle()
    assert (await world.found())["status"] == "open"
    for _ in range(3):
        said = world.comments
        assert len(said) == 3
        assert "closes this item when evidence shows" in said[0]
        assert "Closed with evidence" in said[1]
        assert "the incident came back" in said[2]
        assert world.priority == "urgent"
        before = len(world.requests)
        await world.repeat_deliveries()
        assert len(world.requests) >= before + 4, "everything was sent again"
    assert len(world.tickets) == 1


# ── Where it is planned ──────────────────────────────────────────────────────────────────────────────────────────

PLANNED = """
query ($id: ID!) { actionItem(id: $id) { plannedIn timesPassedOver ticket { plannedIn route { dueField
  priorities { urgent high medium low } } } } }
"""


async def planned(world: World) -> tuple[str | None, int]:
    """Where it is planned: the same in REST, in GraphQL and in the sprint feed."""
    found = await world.found()
    answer = await world.admin.post("/graphql", {"query": PLANNED, "variables": {"id": world.item["id"]}})
    told = answer["data"]["actionItem"]
    feed = (await world.admin.get("/v1/sprint-planning"))["items"]
    (listed,) = [item for item in feed if item["id"] == world.item["id"]]
    seen = {(one["planned_in"], one["times_passed_over"]) for one in (found, listed)}
    assert seen == {(told["plannedIn"], told["timesPassedOver"])}
    return seen.pop()


async def test_the_sprint_cycle_or_milestone_is_told_by_webhook_and_read_by_resync(world: World) -> None:
    await world.new_item()
    await world.settle()
    await world.hear(world.plan(12))
    assert await planned(world) == ("Sprint 12", 0)
    world.plan(13)
    await world.people[0].post(f"{world.path}/ticket/resync")
    assert await planned(world) == ("Sprint 13", 1)
    csv = await world.admin.http.get("/v1/sprint-planning", headers={**world.admin.headers, "Accept": "text/csv"})
    assert "Sprint 13,1," in csv.text


# ── Creation and adoption ────────────────────────────────────────────────────────────────────────────────────────


async def test_the_webhook_about_the_creation_settles_it_at_once(world: World) -> None:
    """Without it Jira's index would be waited for, for two minutes."""
    await world.new_item()
    world.fails("APPLIED_502")
    await world.settle()
    pending = (await world.found())["ticket"]
    assert (pending["sync_state"], pending["key"]) == ("pending", None)
    assert "502" in pending["last_error"]
    await world.hear(world.created())
    ticket = (await world.found())["ticket"]
    assert (ticket["sync_state"], ticket["last_error"], len(world.tickets)) == ("synced", None, 1)
    assert links(world)


def links(world: World) -> list[str]:
    """The links back that the ticket carries as a thing of their own."""
    name, _ = world.only
    page = f"/action-items/{world.item['id']}"
    match world.provider:
        case "github":
            return [text for text in world.comments if page in text]
        case "jira":
            return [link["object"]["url"] for link in world.network.jira.links.values() if page in str(link)]
        case _:
            return [key for key in world.network.linear.links if key.startswith(name) and key.endswith(page)]


async def test_an_adopted_ticket_links_back_once(world: World) -> None:
    reference = world.somebody_makes_one()
    await world.new_item(accept=False)
    await world.people[0].post(f"{world.path}/ticket", {"reference": reference})
    await world.settle()
    await world.repeat_deliveries()
    assert len(links(world)) == 1
    assert len(world.comments) == (world.provider == "github")


# ── Routes ───────────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = {
    "github": {"high": "P1"},
    "jira": {"high": "Highest"},
    "linear": {"high": "Urgent"},
}


async def test_changing_a_route_touches_new_items_only(world: World) -> None:
    first = await world.new_item()
    await world.settle()
    route = {"provider": "local", "project": "norepeat"}
    await world.admin.patch("/v1/services/checkout", {"route": route})
    await world.people[0].patch(world.path, {"title": "Set a shorter timeout"})
    second = await world.new_item()
    await world.settle()
    kept, new = [await world.admin.get(f"/v1/action-items/{one['id']}") for one in (first, second)]
    assert (kept["ticket"]["provider"], new["ticket"]["provider"]) == (world.provider, "local")
    assert len(world.tickets) == 1
    assert "Set a shorter timeout" in str(world.only[1])


async def test_a_routes_priorities_are_written_shown_and_used(world: World) -> None:
    names = {"urgent": None, "medium": None, "low": None, **NAMES[world.provider]}
    route = {"provider": world.provider, "project": PROJECTS[world.provider], "priorities": NAMES[world.provider]}
    service = await world.admin.patch("/v1/services/checkout", {"route": route})
    assert (service["route"]["priorities"], service["route"]["due_field"]) == (names, None)
    await world.new_item(base_priority="high")
    await world.settle()
    assert (await world.found())["ticket"]["sync_state"] == "synced"
    answer = await world.admin.post("/graphql", {"query": PLANNED, "variables": {"id": world.item["id"]}})
    assert answer["data"]["actionItem"]["ticket"]["route"] == {"dueField": None, "priorities": names}
    labels = [label["name"] for label in world.only[1]["labels"]] if world.provider == "github" else []
    assert "P1" in labels if world.provider == "github" else world.priority == "urgent"


@pytest.mark.parametrize(
    "fields",
    [{"priorities": {"severe": "P0"}}, {"priorities": {"high": ""}}, {"due_field": ""}, {"due_field": "x" * 101}],
)
async def test_a_route_that_nobody_can_follow_is_refused(world: World, fields: dict[str, object]) -> None:
    route = {"provider": world.provider, "project": PROJECTS[world.provider], **fields}
    refused = await world.admin.patch("/v1/services/checkout", {"route": route}, expect=422)
    assert refused["code"] in ("invalid_request", "invalid_route")


async def test_a_due_field_that_the_tracker_has_no_use_for_is_refused(world: World) -> None:
    route = {"provider": world.provider, "project": PROJECTS[world.provider], "due_field": "milestone"}
    expected = 422 if world.provider == "linear" else 200
    answer = await world.admin.patch("/v1/services/checkout", {"route": route}, expect=expected)
    assert answer.get("code") == ("invalid_route" if expected == 422 else None)
    await world.new_item(due_on=day(20))
