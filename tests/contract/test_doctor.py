"""`norepeat doctor`: what is wrong with a provider is found before a ticket finds it, and the remedy is named."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from app.adapters.diagnosis import Diagnosis
from app.adapters.trackers import linear_doctor
from app.adapters.trackers.jira_doctor import NEEDED
from app.adapters.trackers.linear_doctor import VIEWER
from app.cli import cli
from app.domain.organisation.model import Provider, Route
from app.domain.ports import Ports
from app.settings import Settings
from app.wiring.doctor import diagnose
from tests import make
from tests.contract.github_simulator import BOT, Fault, GitHubSimulator
from tests.contract.github_world import ROUTE
from tests.contract.linear_schema import checked

FINE = {"archived": False, "has_issues": True, "permissions": {"pull": True, "triage": True, "push": False}}


@pytest.fixture
def simulator() -> GitHubSimulator:
    return GitHubSimulator(repositories={ROUTE.project: dict(FINE)})


@pytest.fixture
async def configured(ports: Ports, settings: Settings) -> Settings:
    """A service whose tickets go to GitHub, and a token for it."""
    async with ports.uow() as u:
        await u.services.add(make.service(route=ROUTE))
        await u.commit()
    return settings.model_copy(update={"github_token": SecretStr("t0ken"), "github_login": BOT})


async def found(settings: Settings, transport: httpx2.AsyncBaseTransport) -> dict[str, Diagnosis]:
    return {one.subject: one async for one in diagnose(settings, transport=transport)}


async def only_wrong(settings: Settings, transport: httpx2.AsyncBaseTransport) -> Diagnosis:
    (wrong,) = [one for one in (await found(settings, transport)).values() if not one.ok]
    return wrong


async def test_when_all_is_well_it_says_so_and_writes_nothing(configured: Settings, simulator: GitHubSimulator) -> None:
    said = await found(configured, simulator.transport())
    assert all(one.ok for one in said.values()), said
    assert set(said) == {
        "database version", "database migration", "github credentials", "github acme/shop", "github clock",
        "github webhook secret",
    }  # fmt: skip
    assert {request.split()[0] for request in simulator.requests} == {"GET"}


def repository(**fields: Any) -> Callable[[GitHubSimulator], None]:
    def change(simulator: GitHubSimulator) -> None:
        simulator.repositories[ROUTE.project] |= fields

    return change


@pytest.mark.parametrize(
    ("breaks", "subject", "remedy"),
    [
        (lambda s: s.fail(Fault.UNAUTHORIZED, method="GET"), "github credentials", "Set NOREPEAT_GITHUB_TOKEN"),
        (lambda s: s.fail(Fault.REFUSED_CONNECTION, method="GET"), "github credentials", "cannot be reached"),
        (lambda s: s.repositories.clear(), "github acme/shop", "Check the project of the tracker route"),
        (repository(archived=True), "github acme/shop", "Unarchive it"),
        (repository(has_issues=False), "github acme/shop", "Switch them on"),
        (repository(permissions={"pull": True, "push": False}), "github acme/shop", "role triage or write"),
    ],
)
async def test_what_is_wrong_at_github_is_named_with_its_remedy(
    configured: Settings,
    simulator: GitHubSimulator,
    breaks: Callable[[GitHubSimulator], None],
    subject: str,
    remedy: str,
) -> None:
    breaks(simulator)
    wrong = await only_wrong(configured, simulator.transport())
    assert wrong.subject == subject
    assert remedy in wrong.said


async def test_a_token_that_may_not_see_issues_is_told_so(configured: Settings, simulator: GitHubSimulator) -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/issues"):
            return httpx2.Response(403, json={"message": "Resource not accessible by personal access token"})
        return await simulator(request)

    wrong = await only_wrong(configured, httpx2.MockTransport(answer))
    assert (wrong.subject, "Let the token write issues there" in wrong.said) == ("github acme/shop", True)


async def test_an_apps_token_has_no_account_and_that_is_right(configured: Settings, simulator: GitHubSimulator) -> None:
    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/user":
            return httpx2.Response(403, json={"message": "Resource not accessible by integration"})
        return await simulator(request)

    said = await found(configured, httpx2.MockTransport(answer))
    assert said["github credentials"] == Diagnosis("github credentials", True, "NOREPEAT_GITHUB_TOKEN is an app's.")


async def test_another_login_than_the_tokens_would_let_our_echoes_in(
    configured: Settings, simulator: GitHubSimulator
) -> None:
    other = configured.model_copy(update={"github_login": "somebody"})
    wrong = await only_wrong(other, simulator.transport())
    assert f"NOREPEAT_GITHUB_LOGIN={BOT}" in wrong.said


@pytest.mark.parametrize(("hours", "which"), [(1, "behind"), (-1, "ahead of")])
async def test_a_wrong_clock_is_seen_by_the_providers_date(
    configured: Settings, simulator: GitHubSimulator, hours: int, which: str
) -> None:
    simulator.now = lambda: datetime.now(UTC) + timedelta(hours=hours)
    wrong = await only_wrong(configured, simulator.transport())
    assert wrong.subject == "github clock"
    assert which in wrong.said


async def test_a_provider_without_secret_or_credentials_is_told_so(
    configured: Settings, simulator: GitHubSimulator
) -> None:
    closed = configured.model_copy(update={"github_webhook_secrets": []})
    assert "NOREPEAT_GITHUB_WEBHOOK_SECRETS" in (await only_wrong(closed, simulator.transport())).said
    without = configured.model_copy(update={"github_token": None})
    assert "Set NOREPEAT_GITHUB_TOKEN" in (await only_wrong(without, simulator.transport())).said


async def test_a_database_that_does_not_answer_is_told_without_its_password() -> None:
    nowhere = Settings(_env_file=None, database_url="postgresql://ada:s3cret@127.0.0.1:1/norepeat")
    (wrong,) = [one async for one in diagnose(nowhere)]
    assert (wrong.subject, wrong.ok) == ("database", False)
    assert "127.0.0.1" in wrong.said
    assert "s3cret" not in wrong.said


# ── Jira and Linear ──────────────────────────────────────────────────────────────────────────────────────────────

Answers = dict[str, Any]


def jira(answers: Answers) -> httpx2.MockTransport:
    def answer(request: httpx2.Request) -> httpx2.Response:
        status, content = answers[request.url.path.removeprefix("/rest/api/3")]
        return httpx2.Response(status, json=content)

    return httpx2.MockTransport(answer)


GRANTED = {"permissions": {name: {"havePermission": True} for name in NEEDED}}
REFUSED = {"permissions": {**GRANTED["permissions"], "CREATE_ISSUES": {"havePermission": False}}}
ME, SHOP = (200, {"displayName": "norepeat"}), (200, {"key": "SHOP"})


@pytest.mark.parametrize(
    ("answers", "remedy"),
    [
        ({"/myself": ME, "/project/SHOP": SHOP, "/mypermissions": (200, GRANTED)}, None),
        ({"/myself": (401, {})}, "Set NOREPEAT_JIRA_TOKEN"),
        ({"/myself": ME, "/project/SHOP": (404, {"errorMessages": ["No project"]})}, "Check the project"),
        ({"/myself": ME, "/project/SHOP": (200, {"archived": True})}, "Restore it"),
        ({"/myself": ME, "/project/SHOP": SHOP, "/mypermissions": (200, REFUSED)}, "lacks CREATE_ISSUES in SHOP"),
    ],
)
async def test_what_is_wrong_at_jira_is_named_with_its_remedy(
    ports: Ports, settings: Settings, answers: Answers, remedy: str | None
) -> None:
    async with ports.uow() as u:
        await u.services.add(make.service(route=Route(Provider.JIRA, "SHOP")))
        await u.commit()
    ours = settings.model_copy(
        update={
            "jira_url": "https://acme.atlassian.net", "jira_email": "bot@acme.test", "jira_token": SecretStr("t"),
            "jira_webhook_secrets": [SecretStr("s")],
        }
    )  # fmt: skip
    wrong = [one.said for one in (await found(ours, jira(answers))).values() if not one.ok]
    assert wrong == [] if remedy is None else remedy in wrong[0]


STATES = [{"type": type} for type in ("unstarted", "started", "completed", "canceled")]
TEAM = {"id": "t", "key": "ENG", "archivedAt": None, "states": {"nodes": STATES}}


@pytest.mark.parametrize(
    ("teams", "remedy"),
    [
        ([TEAM], None),
        ([], "There is no team ENG"),
        ([{**TEAM, "archivedAt": "2026-01-01T00:00:00Z"}], "Restore it"),
        ([{**TEAM, "states": {"nodes": [{"type": "started"}]}}], "completed, canceled. Add one"),
    ],
)
async def test_what_is_wrong_at_linear_is_named_with_its_remedy(
    ports: Ports, settings: Settings, teams: list[Any], remedy: str | None
) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        asked = json.loads(request.content)["query"]
        viewer = {"viewer": {"id": "1", "name": "norepeat", "email": "bot@acme.test"}}
        return httpx2.Response(200, json={"data": viewer if "viewer" in asked else {"teams": {"nodes": teams}}})

    async with ports.uow() as u:
        await u.services.add(make.service(route=Route(Provider.LINEAR, "ENG")))
        await u.commit()
    ours = settings.model_copy(
        update={"linear_token": SecretStr("lin_api_x"), "linear_webhook_secrets": [SecretStr("s")]}
    )
    wrong = [one.said for one in (await found(ours, httpx2.MockTransport(answer))).values() if not one.ok]
    assert wrong == [] if remedy is None else remedy in wrong[0]


def test_linears_schema_knows_what_is_asked_of_it() -> None:
    for document in (VIEWER, linear_doctor.TEAM):
        assert checked(document)


async def test_the_command_ends_with_one_when_something_is_wrong(ports: Ports, dsn: str, settings: Settings) -> None:
    async def run() -> Any:
        return await asyncio.to_thread(CliRunner().invoke, cli, ["doctor"], env={"DATABASE_URL": dsn})

    fine = await run()
    assert (fine.exit_code, fine.output.count("ok   ")) == (0, 2), fine.output
    async with ports.uow() as u:
        await u.services.add(make.service(route=ROUTE))
        await u.commit()
    wrong = await run()
    assert wrong.exit_code == 1
    assert "WRONG github credentials: Tickets go to acme/shop" in wrong.output
