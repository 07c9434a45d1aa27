"""Jira and Linear from the settings to the item: a ticket there, its owner found by e-mail, its webhooks back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from app.domain.actions.model import Status
from app.domain.organisation.model import Provider, Route
from app.domain.ports import Ports
from app.domain.tracking.model import SyncState
from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.domain.tracking.use_cases.process_inbox import process_inbox
from app.main import create_app
from app.settings import Settings
from app.wiring import Opened, open_ports
from tests import make
from tests.contract.github_simulator import GitHubSimulator
from tests.contract.jira_simulator import BASE_URL, JiraSimulator
from tests.contract.jira_workflow import STATUSES
from tests.contract.linear_simulator import LinearSimulator
from tests.worker.conftest import Shop, utc_now

JIRA = Route(Provider.JIRA, "SHOP", issue_type="Bug")
LINEAR = Route(Provider.LINEAR, "ENG")


class World:
    """Both trackers behind one network, and an owner whom nobody has given a handle."""

    def __init__(self) -> None:
        self.jira = JiraSimulator(secret="jira-new")
        self.linear = LinearSimulator(secret="linear-new")
        self.grace = make.person("grace")
        self.jira.users = {"grace-account": self.grace.email}
        self.linear.people = {"grace-id": self.grace.email}

    def transport(self) -> httpx2.MockTransport:
        async def network(request: httpx2.Request) -> httpx2.Response:
            return await (self.jira if request.url.host == "acme.atlassian.net" else self.linear)(request)

        return httpx2.MockTransport(network)

    async def deliver(self, ports: Ports) -> None:
        await deliver_due(ports.uow, utc_now, ports.policy, ports.trackers)

    async def hear(self, ports: Ports, settings: Settings, source: str, sent: tuple[dict[str, str], bytes]) -> int:
        """What the sender is answered, once the webhook is acted on."""
        app = create_app(settings)
        app.state.ports = ports
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://norepeat.test") as http:
            answer = await http.post(f"/v1/inbound/{source}", headers=sent[0], content=sent[1])
        await process_inbox(ports.uow, utc_now, ports.policy, ports.trackers, ports.webhooks)
        return answer.status_code


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def configured(settings: Settings) -> Settings:
    given: dict[str, Any] = {
        "jira_url": BASE_URL, "jira_email": "bot@acme.test", "jira_token": "t0ken", "linear_token": "lin_api_t",
        "jira_webhook_secrets": ["jira-old", "jira-new"], "linear_webhook_secrets": ["linear-new"],
        "jira_declined_resolutions": ["Abandoned"],
    }  # fmt: skip
    secret = settings.database_url.get_secret_value() if settings.database_url else None
    return Settings(_env_file=None, database_url=secret, **given)


@pytest.fixture
async def there(ports: Ports, configured: Settings, world: World) -> AsyncIterator[Opened]:
    """On the emptied database of the tests."""
    async with open_ports(configured, transport=world.transport()) as opened:
        yield opened


@pytest.fixture
async def shop(there: Opened, world: World) -> Shop:
    shop = Shop(there.ports, there.engine, there.dsn, GitHubSimulator())
    await shop.open()
    async with there.ports.uow() as u:
        await u.people.add(world.grace)
        await u.commit()
    return shop


async def test_an_item_becomes_a_jira_issue_of_its_routes_type_and_is_done_with_it(
    shop: Shop, world: World, configured: Settings
) -> None:
    item, ticket, _ = await shop.item(route=JIRA, owner_id=world.grace.id)
    await world.deliver(shop.ports)
    known = await shop.ticket(ticket.id)
    assert (known.sync_state, known.key, known.assignee) == (SyncState.SYNCED, "SHOP-1", "grace-account")
    assert known.route == JIRA
    issue = world.jira.issues[str(known.external_id)]
    assert issue["fields"]["issuetype"]["name"] == "Bug"
    assert await shop.value("select handles->>'jira' from people where id = :id", id=world.grace.id) == "grace-account"
    world.jira.now = lambda: utc_now().replace(year=2099)
    world.jira.touch(issue["id"], status=STATUSES["Done"], resolution={"name": "Done"})
    sent = world.jira.webhook("jira:issue_updated", issue["id"])
    assert await world.hear(shop.ports, configured, "jira", sent) == 202
    (done,) = await shop.rows("select status from action_items where id = :id", id=item.id)
    assert done[0] == Status.IMPLEMENTED


async def test_an_item_becomes_a_linear_issue_and_is_done_with_it(
    shop: Shop, world: World, configured: Settings
) -> None:
    item, ticket, delivery = await shop.item(route=LINEAR, owner_id=world.grace.id)
    await world.deliver(shop.ports)
    known = await shop.ticket(ticket.id)
    assert (known.external_id, known.key, known.assignee) == (str(delivery.marker), "ENG-1", "grace-id")
    world.linear.now = lambda: utc_now().replace(year=2099)
    world.linear.touch(str(known.external_id), state=world.linear.state("completed"))
    sent = world.linear.webhook("update", str(known.external_id))
    assert await world.hear(shop.ports, configured, "linear", sent) == 200
    (done,) = await shop.rows("select status from action_items where id = :id", id=item.id)
    assert done[0] == Status.IMPLEMENTED


async def test_a_sites_own_word_for_not_done_is_asked_about(shop: Shop, world: World, configured: Settings) -> None:
    item, ticket, _ = await shop.item(route=JIRA, owner_id=world.grace.id)
    await world.deliver(shop.ports)
    id = str((await shop.ticket(ticket.id)).external_id)
    world.jira.now = lambda: utc_now().replace(year=2099)
    world.jira.touch(id, status=STATUSES["Done"], resolution={"name": "Abandoned"})
    await world.hear(shop.ports, configured, "jira", world.jira.webhook("jira:issue_updated", id))
    assert await shop.value("select code from findings where subject_id = :id", id=item.id) == "declined_without_reason"
    forged = world.jira.webhook("jira:issue_deleted", id)
    assert await world.hear(shop.ports, configured, "jira", (forged[0], forged[1] + b" ")) == 401


async def test_a_route_that_was_stored_before_it_had_a_type_is_read(shop: Shop) -> None:
    async with shop.ports.uow() as u:
        service = await u.services.get(shop.service.id)
        await u.services.save(replace(service, route=JIRA))
        await u.commit()
    async with shop.ports.uow() as u:
        assert (await u.services.get(shop.service.id)).route == JIRA
    async with shop.engine.begin() as connection:
        await connection.exec_driver_sql("update services set route = route - 'issue_type'")
    async with shop.ports.uow() as u:
        assert (await u.services.get(shop.service.id)).route == replace(JIRA, issue_type=None)


async def test_without_credentials_there_is_only_our_own_tracker(ports: Ports, settings: Settings) -> None:
    assert ports.trackers.keys() == {Provider.LOCAL}
    assert {name: source.accepted_status for name, source in ports.webhooks.items()} == {
        "github": 202, "jira": 202, "linear": 200,
    }  # fmt: skip
    assert ports.webhooks["jira"].secrets == ports.webhooks["linear"].secrets == ()
