"""Three trackers behind one network, and an organisation whose tickets go to one of them, through HTTP."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import sqlalchemy as sa

from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.domain.tracking.use_cases.process_inbox import process_inbox
from app.settings import Settings
from app.wiring import Opened
from app.worker.reactions import handle_events
from tests.api.callers import Person
from tests.contract.github_simulator import Fault as GitHubFault
from tests.contract.github_simulator import GitHubSimulator
from tests.contract.jira_simulator import BASE_URL, JiraSimulator
from tests.contract.linear_simulator import LinearSimulator

PROJECTS = {"github": "acme/shop", "jira": "SHOP", "linear": "ENG"}
PROVIDERS = tuple(PROJECTS)
Sent = tuple[dict[str, str], bytes]
TODAY = datetime.now(UTC)


def ago(**delta: float) -> str:
    return (TODAY - timedelta(**delta)).isoformat()


def day(offset: int) -> str:
    return (TODAY + timedelta(days=offset)).date().isoformat()


@dataclass
class Network:
    """The trackers, each as its own host; their clocks go on by a second with every look."""

    github: GitHubSimulator = field(default_factory=GitHubSimulator)
    jira: JiraSimulator = field(default_factory=JiraSimulator)
    linear: LinearSimulator = field(default_factory=LinearSimulator)
    _seconds: int = 0

    def __post_init__(self) -> None:
        self.github.now = self.jira.now = self.linear.now = self._later

    def _later(self) -> datetime:
        self._seconds += 1
        return TODAY.replace(microsecond=0) + timedelta(seconds=self._seconds)

    def transport(self) -> httpx2.MockTransport:
        hosts: Mapping[str, Any] = {
            "api.github.com": self.github, "acme.atlassian.net": self.jira, "api.linear.app": self.linear,
        }  # fmt: skip

        async def network(request: httpx2.Request) -> httpx2.Response:
            answer: httpx2.Response = await hosts[request.url.host](request)
            return answer

        return httpx2.MockTransport(network)

    def settings(self, base: Settings) -> Settings:
        given: dict[str, Any] = {
            "github_token": "t", "github_webhook_secrets": ["whsec-one"], "jira_url": BASE_URL,
            "jira_email": "bot@acme.test", "jira_token": "t", "jira_webhook_secrets": ["jira-secret"],
            "linear_token": "lin_api_t", "linear_webhook_secrets": ["linear-secret"],
        }  # fmt: skip
        secret = base.database_url.get_secret_value() if base.database_url else None
        return Settings(_env_file=None, database_url=secret, **given)


@dataclass
class World:
    """Somebody who may do everything, a service on a route, and what the worker does, done by hand."""

    provider: str
    network: Network
    opened: Opened
    admin: Person
    people: list[Person]
    item: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/v1/action-items/{self.item['id']}"

    async def found(self) -> Any:
        return await self.admin.get(self.path)

    async def new_item(self, *, owner: str = "owner@example.org", accept: bool = True, **fields: Any) -> dict[str, Any]:
        """One more action item of the first incident's postmortem."""
        (postmortem, *_) = (await self.admin.get("/v1/postmortems"))["items"]
        body = {"postmortem_id": postmortem["id"], "title": "Set a timeout", "control_type": "prevent", **fields}
        self.item = await self.people[0].post("/v1/action-items", body, expect=201)
        if accept:
            await self.people[0].post(f"{self.path}/accept", {"owner": owner, "due_on": day(30)})
        return self.item

    async def settle(self) -> None:
        """Events handled, webhooks read, everything delivered that may be."""
        ports = self.opened.ports
        while await handle_events(ports):
            pass
        await process_inbox(ports.uow, ports.clock, ports.policy, ports.trackers, ports.webhooks)
        await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers)

    async def repeat_deliveries(self) -> None:
        """As if every answer had been lost long ago: all that was sent is sent again."""
        again = "update deliveries set state = 'sending', lease_until = null, not_before = null, finished_at = null,"
        async with self.opened.engine.begin() as connection:
            await connection.execute(
                sa.text(f"{again} attempt_at = now() - interval '1 day' where state = 'sent' and kind = 'update'")
            )
        await self.settle()

    async def wait_long(self) -> None:
        """As if a day had passed: nothing waits for an earlier attempt any more."""
        async with self.opened.engine.begin() as connection:
            await connection.execute(
                sa.text("update deliveries set attempt_at = attempt_at - interval '1 day', not_before = null")
            )
        await self.settle()

    async def hear(self, sent: Sent) -> None:
        headers, body = sent
        answer = await self.admin.http.post(f"/v1/inbound/{self.provider}", headers=headers, content=body)
        assert answer.status_code in (200, 202), answer.text
        await self.settle()

    async def until(self, check: Callable[[], Any]) -> None:
        async with asyncio.timeout(10):
            while not check():
                await asyncio.sleep(0.02)

    # ── The ticket as people see it there ──────────────────────────────────────────────────────────────────────────

    @property
    def tickets(self) -> dict[str, Any]:
        simulators = {
            "github": self.network.github.issues, "jira": self.network.jira.issues, "linear": self.network.linear.kept,
        }  # fmt: skip
        return simulators[self.provider]

    @property
    def requests(self) -> list[str]:
        simulators = {"github": self.network.github, "jira": self.network.jira, "linear": self.network.linear}
        return simulators[self.provider].requests  # type: ignore[attr-defined, no-any-return]

    @property
    def only(self) -> tuple[str, dict[str, Any]]:
        ((name, ticket),) = self.tickets.items()
        return name, ticket

    @property
    def comments(self) -> list[str]:
        name, _ = self.only
        match self.provider:
            case "github":
                return [comment["body"] for comment in self.network.github.comments[name]]
            case "jira":
                return [str(comment["body"]) for comment in self.network.jira.comments[name]]
            case _:
                return [note["body"] for note in self.network.linear.notes[name]]

    @property
    def priority(self) -> str:
        _, ticket = self.only
        match self.provider:
            case "github":
                return str(ticket["body"].partition("**Priority:** ")[2].partition("\n")[0])
            case "jira":
                return {"Highest": "urgent"}.get(name := ticket["fields"]["priority"]["name"], name.lower())
            case _:
                return {1: "urgent", 2: "high", 3: "medium", 4: "low"}[int(ticket["priority"])]

    @property
    def assignee(self) -> str | None:
        _, ticket = self.only
        match self.provider:
            case "github":
                return next((person["login"] for person in ticket["assignees"]), None)
            case "jira":
                user = ticket["fields"]["assignee"]
                return user["accountId"] if user else None
            case _:
                return ticket["assignee"]["id"] if ticket["assignee"] else None

    def knows(self, email: str, handle: str) -> None:
        """Somebody has an account there; GitHub tells nobody's address."""
        self.network.jira.users = {handle: email}
        self.network.linear.people = {handle: email}

    def plan(self, number: int) -> Sent:
        """Put the ticket into a sprint, cycle or milestone; the webhook that tells of it."""
        name, _ = self.only
        match self.provider:
            case "github":
                return self.network.github.plan(name, f"Sprint {number}")
            case "jira":
                self.network.jira.sprint(name, (number, "active"))
                return self.network.jira.webhook("jira:issue_updated", name)
            case _:
                linear = self.network.linear
                linear.touch(name, cycle=linear.cycle(number, name=f"Sprint {number}"))
                return linear.webhook("update", name)

    def created(self) -> Sent:
        """The webhook about the ticket's creation."""
        name, _ = self.only
        match self.provider:
            case "github":
                return self.network.github.webhook("opened", name)
            case "jira":
                return self.network.jira.webhook("jira:issue_created", name)
            case _:
                return self.network.linear.webhook("create", name)

    def somebody_makes_one(self) -> str:
        """A ticket that was there before; how a person names it."""
        match self.provider:
            case "github":
                return str(self.network.github.add("acme/shop", title="There already")["html_url"])
            case "jira":
                return f"{BASE_URL}/browse/{self.network.jira.add()['key']}"
            case _:
                return str(self.network.linear.add()["url"])

    def fails(self, fault: str, *, times: int = 1) -> None:
        """The next creations fail so: a name that the faults of every simulator have."""
        match self.provider:
            case "github":
                self.network.github.fail(GitHubFault[fault], times=times)
            case "jira":
                simulator = self.network.jira
                simulator.faults.plan(type(simulator.faults).named(fault), "POST /issue", times=times)
            case _:
                faults = self.network.linear.faults
                faults.plan(type(faults).named(fault), "issueCreate", times=times)


async def organised(provider: str, network: Network, opened: Opened, admin: Person, people: list[Person]) -> World:
    """A service on a route to this provider, and a postmortem of its first incident."""
    author = people[0]
    route = {"provider": provider, "project": PROJECTS[provider]}
    await admin.post("/v1/services", {"slug": "checkout", "name": "Checkout", "route": route}, expect=201)
    cause = {"slug": "no-timeout", "title": "No timeout", "factor_code": "timeout-misconfiguration"}
    await author.post("/v1/root-causes", cause, expect=201)
    broken = {
        "title": "Checkout hangs", "severity": "P1", "services": ["checkout"], "started_at": ago(days=60),
        "resolved_at": ago(days=59), "root_cause": "no-timeout", "root_cause_status": "confirmed",
    }  # fmt: skip
    incident = await author.post("/v1/incidents", broken, expect=201)
    world = World(provider, network, opened, admin, people)
    await world.settle()
    if not (await admin.get("/v1/postmortems"))["items"]:
        await author.post("/v1/postmortems", {"incident_id": incident["id"]}, expect=201)
    return world
