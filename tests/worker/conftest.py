"""What tests of the worker share: an item whose ticket goes to a simulated GitHub, on the real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters.trackers.github import GitHubIssues
from app.adapters.trackers.github_webhooks import GitHubWebhooks
from app.domain.actions.evidence import CheckKind, VerificationPlan
from app.domain.actions.model import ActionItem
from app.domain.organisation.model import Provider, Route
from app.domain.policy import DeliveryPolicy, Policy
from app.domain.ports import Ports, WebhookSource
from app.domain.tracking.deliveries import Delivery
from app.domain.tracking.model import Ticket
from app.domain.tracking.routing import new_ticket
from app.wiring import Opened
from app.worker import work
from tests import make
from tests.contract.github_simulator import BOT, GitHubSimulator

ROUTE = Route(Provider.GITHUB, "acme/shop", labels=("postmortem",))
QUICK = Policy(
    delivery=DeliveryPolicy(
        lease=timedelta(seconds=3),
        settle={"github": timedelta(seconds=0.2), "local": timedelta(0)},
        backoff_first=timedelta(seconds=0.1),
        backoff_max=timedelta(seconds=0.5),
    )
)
"""The same rules with waits of a test's length."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Shop:
    """A service whose tickets go to GitHub, and its people."""

    def __init__(self, ports: Ports, engine: AsyncEngine, dsn: str, simulator: GitHubSimulator) -> None:
        self.ports, self.engine, self.dsn, self.simulator = ports, engine, dsn, simulator
        self.ada = make.person("ada", handles={"github": "ada-l"})
        self.service = make.service(route=ROUTE)

    async def open(self) -> None:
        async with self.ports.uow() as u:
            await u.people.add(self.ada)
            await u.services.add(self.service)
            await u.commit()

    async def item(self, *, route: Route = ROUTE, **fields: Any) -> tuple[ActionItem, Ticket, Delivery]:
        """An open item with a ticket that is to be created."""
        given: dict[str, Any] = {
            "owner_id": self.ada.id, "service_id": self.service.id, "plan": VerificationPlan((CheckKind.ATTESTED,), 30),
        }  # fmt: skip
        item = make.action_item(**(given | fields))
        ticket, delivery = new_ticket(item, route, utc_now())
        async with self.ports.uow() as u:
            await u.action_items.add(item)
            await u.tickets.add(ticket)
            await u.deliveries.add(delivery)
            await u.commit()
        return item, ticket, delivery

    async def ticket(self, id: UUID) -> Ticket:
        async with self.ports.uow() as u:
            return await u.tickets.get(id)

    async def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(sa.text(statement), values)]

    async def value(self, statement: str, **values: Any) -> Any:
        return (await self.rows(statement, **values))[0][0]

    @asynccontextmanager
    async def worker(self, **options: Any) -> AsyncIterator[asyncio.Event]:
        """The whole background process, in this one."""
        stop = asyncio.Event()
        given: dict[str, Any] = {"sweep_every": 0.5, "stamp_every": 0.1}
        task = asyncio.create_task(work(self.ports, self.engine, self.dsn, stop=stop, **(given | options)))
        try:
            yield stop
        finally:
            stop.set()
            await task

    async def until(self, statement: str, expected: Any, seconds: float = 15, **values: Any) -> None:
        """Wait until the statement's value is this one."""
        deadline = asyncio.get_running_loop().time() + seconds
        while (found := await self.value(statement, **values)) != expected:
            assert asyncio.get_running_loop().time() < deadline, f"{statement}: {found} instead of {expected}"
            await asyncio.sleep(0.05)


@pytest.fixture
def simulator() -> GitHubSimulator:
    return GitHubSimulator()


@pytest.fixture
async def shop(ports: Ports, opened: Opened, simulator: GitHubSimulator) -> AsyncIterator[Shop]:
    async with simulator.client() as client:
        trackers = {**ports.trackers, Provider.GITHUB: GitHubIssues(client, token="t0ken")}
        webhooks = {"github": WebhookSource(GitHubWebhooks(BOT), ("whsec-one", "whsec-two"))}
        quick = replace(ports, trackers=trackers, webhooks=webhooks, policy=QUICK)
        shop = Shop(quick, opened.engine, opened.dsn, simulator)
        await shop.open()
        yield shop
