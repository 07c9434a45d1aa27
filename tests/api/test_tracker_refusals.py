"""What a tracker refuses: the ticket and the API say provider, field and remedy, and the item is never lost."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from app.settings import Settings
from app.wiring import open_ports
from tests.api.callers import Person, staff
from tests.api.tracker_world import PROVIDERS, Network, World, organised

NAMES = {"github": "GitHub", "jira": "Jira", "linear": "Linear"}


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
            people = await staff(admin, "author", "owner")
            yield await organised(request.param, network, opened, admin, people)


async def refusal(world: World) -> str:
    """What the item says after its ticket was refused; it is open, reported, and created once that is mended."""
    await world.settle()
    found = await world.found()
    ticket = found["ticket"]
    assert (found["status"], ticket["sync_state"], world.tickets) == ("open", "failed", {})
    (finding,) = (await world.admin.get("/v1/findings?code=ticket_failed"))["items"]
    assert ticket["last_error"] in finding["message"]
    (dead,) = (await world.admin.get("/v1/deliveries?state=dead"))["items"]
    assert dead["last_error"] == ticket["last_error"]
    assert NAMES[world.provider] in ticket["last_error"]
    return str(ticket["last_error"])


async def mended(world: World) -> None:
    (dead,) = (await world.admin.get("/v1/deliveries?state=dead"))["items"]
    await world.admin.post(f"/v1/deliveries/{dead['id']}/retry")
    await world.wait_long()
    assert (await world.found())["ticket"]["sync_state"] == "synced"
    assert (await world.admin.get("/v1/findings?code=ticket_failed"))["items"] == []
    assert len(world.tickets) == 1


async def test_an_unknown_project(world: World) -> None:
    elsewhere = {"github": "acme/none", "jira": "NONE", "linear": "NONE"}[world.provider]
    route = {"provider": world.provider, "project": elsewhere}
    await world.admin.patch("/v1/services/checkout", {"route": route})
    await world.new_item()
    if world.provider == "github":
        world.fails("NOT_FOUND")
    said = await refusal(world)
    assert elsewhere in said
    assert "project of the tracker route" in said


async def test_a_revoked_token(world: World) -> None:
    await world.new_item()
    world.fails("UNAUTHORIZED")
    said = await refusal(world)
    assert f"Set NOREPEAT_{world.provider.upper()}_TOKEN" in said
    await mended(world)


async def test_a_missing_scope(world: World) -> None:
    await world.new_item()
    world.fails("FORBIDDEN")
    said = await refusal(world)
    assert "forbids" in said
    assert {"github": "Let the token write issues", "jira": "permission", "linear": "permission"}[
        world.provider
    ] in said
    await mended(world)


async def test_an_archived_project(world: World) -> None:
    await world.new_item()
    world.network.jira.archived = world.network.linear.archived = True
    if world.provider == "github":
        world.fails("ARCHIVED")
    said = await refusal(world)
    assert "archived" in said
    assert "Restore it" in said or "Unarchive it" in said
    world.network.jira.archived = world.network.linear.archived = False
    await mended(world)


async def test_a_ticket_that_another_item_has(world: World) -> None:
    reference = world.somebody_makes_one()
    await world.new_item(accept=False)
    await world.people[0].post(f"{world.path}/ticket", {"reference": reference})
    first = world.item
    await world.new_item(accept=False)
    refused = await world.people[0].post(f"{world.path}/ticket", {"reference": reference}, expect=409)
    assert refused["code"] == "ticket_taken"
    assert world.provider in refused["title"]
    assert "Give another ticket" in refused["title"]
    assert [error["pointer"] for error in refused["errors"]] == ["/reference"]
    assert (await world.found())["ticket"] is None
    assert (await world.admin.get(f"/v1/action-items/{first['id']}"))["ticket"]["sync_state"] == "synced"


@pytest.mark.parametrize(
    "reference",
    ["https://tracker.evil.test/browse/SHOP-1", "https://github.com.evil.test/acme/shop/issues/1", "gopher://x", "?"],
)
async def test_a_ticket_of_an_unknown_host(world: World, reference: str) -> None:
    await world.new_item()
    refused = await world.people[0].post(f"{world.path}/ticket", {"reference": reference}, expect=422)
    assert refused["code"] == "ticket_reference_not_recognised"
    assert "github, jira, linear, local" in refused["title"]
    assert [error["pointer"] for error in refused["errors"]] == ["/reference"]
    await world.settle()
    assert (await world.found())["ticket"]["sync_state"] == "synced", "the item goes on as it would have"


async def test_a_ticket_that_is_not_there(world: World) -> None:
    await world.new_item()
    reference = {"github": "acme/shop#99", "jira": "SHOP-99", "linear": "ENG-99"}[world.provider]
    refused = await world.people[0].post(f"{world.path}/ticket", {"reference": reference}, expect=422)
    assert refused["code"] == "tracker_refused"
    assert reference in refused["title"]
