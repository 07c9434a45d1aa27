"""The example portal as a reader meets it: built, behind its proxy, on the real application, changing by itself."""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from app.adapters.db.events import stamp_positions
from app.domain.access import SYSTEM
from app.domain.actions.model import ActionItem
from app.domain.budgets.measuring import BudgetReading, Measured
from app.domain.budgets.use_cases.measurements import record_budget
from app.domain.incidents.model import Incident, Visibility
from app.domain.learning.use_cases.risk import score_open_items
from app.domain.organisation.model import Service
from app.domain.organisation.use_cases import bootstrap_admin
from app.domain.ports import Ports, UnitOfWork
from app.domain.postmortems.content import ContributingFactor, Section, SectionName, TimelineEntry, TimelineKind
from app.domain.postmortems.model import Postmortem
from app.main import create_app
from app.settings import Settings
from app.wiring import open_ports
from tests import make
from tests.conftest import ADMIN_KEY, empty

PORTAL = Path(__file__).parents[2] / "examples" / "portal"
VITE = PORTAL / "node_modules" / ".bin" / "vite"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not ((PORTAL / "dist" / "index.html").is_file() and VITE.is_file()),
        reason="The portal is not built: install npm and run `make portal`",
    ),
]
STAMPS_EVERY = 0.05
SECRET = "Keys leaked from the vault"
HOSTILE = "Set timeouts <img src=x onerror=alert(1)>"


@dataclass(frozen=True)
class World:
    """What a test needs to know to find its way."""

    checkout: Service
    postmortem_id: str
    secret_postmortem_id: str


async def settle(ports: Ports) -> World:
    """Two teams, two services, an incident with its postmortem and items, and a restricted one."""
    now = datetime.now(UTC)
    ada, cause = make.person("ada"), make.root_cause(factor_code="timeout-misconfiguration")
    payments, platform = make.team("payments"), make.team("platform")
    checkout = make.service("checkout", name="Checkout", team_id=payments.id)
    search = make.service("search", name="Search", team_id=platform.id)
    open_one = make.incident(checkout, cause=cause, title="Checkout timed out", started_at=now - timedelta(days=3))
    secret = make.incident(checkout, title=SECRET, visibility=Visibility.RESTRICTED, started_at=now - timedelta(days=2))
    told, hidden = written(open_one, now), make.postmortem(secret)
    promised = [
        make.action_item(
            told, title=title, owner_id=ada.id, service_id=service.id, team_id=service.team_id,
            root_cause_id=cause.id, due_on=(now + timedelta(days=9)).date(), created_at=now, planned_in="Sprint 12",
        )
        for title, service in ((HOSTILE, checkout), ("Alert on queue depth", search))
    ]  # fmt: skip
    async with ports.uow() as u:
        for team in (payments, platform):
            await u.teams.add(team)
        await u.people.add(ada)
        for service in (checkout, search):
            await u.services.add(service)
        await u.root_causes.add(cause)
        await _kept(u, [(open_one, told), (secret, hidden)], promised)
        await u.commit()
    await score_open_items(ports.uow, ports.clock, ports.risk_policy, causes=None)
    return World(checkout, str(told.id), str(hidden.id))


async def _kept(u: UnitOfWork, happened: list[tuple[Incident, Postmortem]], promised: list[ActionItem]) -> None:
    for incident, postmortem in happened:
        await u.incidents.add(incident)
        await u.postmortems.add(postmortem)
    for number, item in enumerate(promised):
        await u.action_items.add(item)
        await u.tickets.add(make.ticket(item, external_id=str(number), key=f"example/shop#{number}"))


def written(incident: Incident, now: datetime) -> Postmortem:
    return make.postmortem(
        incident,
        sections={SectionName.SUMMARY: Section("Requests to the bank waited for ever.")},
        factors=(ContributingFactor("timeout-misconfiguration", None, "No client had a timeout."),),
        timeline=(TimelineEntry(incident.id, now, now, TimelineKind.DETECTION, "The alert fired."),),
    )


def _apart(work: Any) -> Any:
    """In a thread: a test session has a loop of its own already."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(work)))
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    async def fill() -> World:
        async with open_ports(Settings(_env_file=None, database_url=dsn)) as opened:
            await bootstrap_admin(opened.ports.uow, opened.ports.clock, given_key=ADMIN_KEY)
            return await settle(opened.ports)

    yield _apart(fill())
    _apart(empty(dsn))


@pytest.fixture(scope="module")
def service(dsn: str, world: World) -> Iterator[str]:
    """The application on a port, and beside it what the worker does for subscriptions: events get their positions."""
    settings, stopped = Settings(_env_file=None, database_url=dsn), threading.Event()

    async def stamp() -> None:
        async with open_ports(settings) as opened:
            while not stopped.is_set():
                async with opened.engine.connect() as connection:
                    await stamp_positions(connection)
                await asyncio.sleep(STAMPS_EVERY)

    config = uvicorn.Config(create_app(settings), port=0, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    threads = [
        threading.Thread(target=server.run, daemon=True),
        threading.Thread(target=lambda: asyncio.run(stamp()), daemon=True),
    ]
    for thread in threads:
        thread.start()
    _until(lambda: server.started, "the application did not start")
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    stopped.set()
    server.should_exit = True
    for thread in threads:
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def portal(service: str) -> Iterator[str]:
    yield from _portal(service, ADMIN_KEY)


def _portal(service: str, key: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [VITE, "preview", "--host", "127.0.0.1", "--port", str(port), "--strictPort"],
        cwd=PORTAL,
        env={**os.environ, "NOREPEAT_URL": service, "NOREPEAT_KEY": key},
        stdout=subprocess.DEVNULL,
    )
    try:
        _until(lambda: _answers(port), "the portal did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _until(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--disable-gpu", "--no-first-run"])
        yield launched
        launched.close()


@pytest.fixture
def tab(browser: Browser, portal: str) -> Iterator[Page]:
    context = browser.new_context(base_url=portal, viewport={"width": 1200, "height": 800})
    yield context.new_page()
    context.close()


def test_the_feed_shows_why_and_where_and_is_narrowed_to_a_team(tab: Page) -> None:
    tab.goto("/")
    cards = tab.get_by_role("list", name="Items", exact=True).locator("> li")
    expect(cards).to_have_count(2)
    first = cards.filter(has_text="Set timeouts")
    expect(first.get_by_role("heading")).to_have_text(HOSTILE)
    expect(first.get_by_role("list")).not_to_be_empty()
    expect(first).to_contain_text("Planned in Sprint 12")
    expect(first.get_by_role("link", name="Ticket example/shop#0")).to_have_attribute(
        "href", "https://github.example/example/shop/issues/7"
    )
    tab.get_by_label("Team").select_option("platform")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("Alert on queue depth")


def test_a_boost_appears_and_goes_without_a_reload(tab: Page, service: str) -> None:
    loads: list[str] = []
    subscribed: list[str] = []
    tab.on("load", lambda page: loads.append(page.url))
    tab.on("response", lambda one: subscribed.append(one.url) if _is_stream(one) else None)
    tab.goto("/#/services/checkout")
    boosts = tab.get_by_role("list", name="Boosts")
    expect(tab.get_by_text("Nothing raises its items.")).to_be_visible()
    _wait(tab, lambda: bool(subscribed))
    with httpx2.Client(base_url=service, headers={"Authorization": f"Bearer {ADMIN_KEY}"}) as http:
        path = "/v1/services/checkout/priority-boosts"
        body = {"slo": "availability", "signal": "fast_burn", "source": "budgetd", "reason": "burns 20 times too fast"}
        raised = http.post(path, json=body).raise_for_status().json()
        expect(boosts).to_contain_text("burns 20 times too fast")
        expect(boosts).to_contain_text("Active")
        expect(tab.get_by_role("list", name="Open items").locator("> li")).to_contain_text("Urgent")
        http.delete(f"{path}/{raised['id']}").raise_for_status()
        expect(boosts).to_contain_text("Lifted")
    assert len(loads) == 1


def _is_stream(response: Response) -> bool:
    return response.headers.get("content-type", "").startswith("text/event-stream")


def _wait(page: Page, true: Callable[[], bool]) -> None:
    """Events of the browser are only heard while it is waited for."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def test_the_service_page_shows_budget_incidents_and_items_by_risk(tab: Page, dsn: str, world: World) -> None:
    async def measure() -> None:
        async with open_ports(Settings(_env_file=None, database_url=dsn)) as opened:
            ports = opened.ports
            look = BudgetReading(world.checkout.id, "latency", "prometheus", Measured(ports.clock(), 0.75, 0.5, {}))
            await record_budget(ports.uow, ports.clock, ports.policy.budgets, caller=SYSTEM, reading=look)

    _apart(measure())
    tab.goto("/#/services/checkout")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Checkout")
    expect(tab.get_by_role("meter", name="What is left of latency")).to_have_attribute("value", "0.75")
    expect(tab.get_by_role("list", name="Open items").locator("> li")).to_have_count(1)
    tab.get_by_role("list", name="Incidents").get_by_role("link", name="Postmortem").first.click()
    expect(tab.get_by_role("heading", level=1)).to_be_visible()


def test_the_postmortem_page_tells_what_happened_and_what_was_promised(tab: Page, world: World) -> None:
    tab.goto(f"/#/postmortems/{world.postmortem_id}")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Checkout timed out")
    expect(tab.get_by_text("Requests to the bank waited for ever.")).to_be_visible()
    expect(tab.get_by_text("No client had a timeout.")).to_be_visible()
    expect(tab.get_by_text("The alert fired.")).to_be_visible()
    expect(tab.get_by_role("list", name="Action items").locator("> li")).to_have_count(2)


def test_what_is_restricted_does_not_exist_for_a_key_that_may_not_see_it(
    browser: Browser, service: str, world: World
) -> None:
    with httpx2.Client(base_url=service, headers={"Authorization": f"Bearer {ADMIN_KEY}"}) as http:
        key = http.post("/v1/api-keys", json={"person": "ada@example.org"}).raise_for_status().json()["token"]
    for portal in _portal(service, key):
        page = browser.new_page(base_url=portal)
        page.goto(f"/#/postmortems/{world.secret_postmortem_id}")
        expect(page.get_by_role("heading", level=1)).to_have_text("There is no such postmortem")
        page.goto("/#/services/checkout")
        expect(page.get_by_role("list", name="Incidents")).to_contain_text("Checkout timed out")
        expect(page.get_by_role("list", name="Incidents")).not_to_contain_text(SECRET)
        page.close()


def test_a_wrong_key_is_explained_and_can_be_tried_again(browser: Browser, service: str) -> None:
    for portal in _portal(service, "nr_wrong_0123456789"):
        page = browser.new_page(base_url=portal)
        page.goto("/")
        expect(page.get_by_role("alert")).to_contain_text("The portal's key is missing or no longer valid")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        page.close()


def test_what_is_not_there_is_said(tab: Page) -> None:
    tab.goto("/#/services/nothing")
    expect(tab.get_by_role("heading", level=1)).to_contain_text("There is no service")
    tab.goto("/#/services")
    tab.get_by_label("Search").fill("zzz")
    expect(tab.get_by_text("No service has such a name.")).to_be_visible()
    tab.goto("/#/elsewhere")
    expect(tab.get_by_role("heading", level=1)).to_have_text("There is no such page")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_fits_a_phone_and_hides_the_key(
    browser: Browser, portal: str, world: World, scheme: Any
) -> None:
    page = browser.new_page(base_url=portal, color_scheme=scheme, viewport={"width": 1200, "height": 800})
    complaints: list[str] = []
    sent: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: sent.append(f"{request.url} {request.headers} {request.post_data or ''}"))
    for place in ("", "services", "services/checkout", f"postmortems/{world.postmortem_id}", "services/nothing"):
        page.goto(f"/#/{place}")
        expect(page.get_by_text("Loading…")).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        results = Axe().run(page)
        assert results.violations_count == 0, f"{place}: {results.generate_report()}"
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, place
        page.set_viewport_size({"width": 1200, "height": 800})
    page.close()
    assert complaints == []
    assert [one for one in sent if not one.startswith((portal, "data:"))] == []
    assert not any(ADMIN_KEY in one for one in sent)


def test_the_bundle_holds_no_key_and_the_lock_file_no_host() -> None:
    built = [path for path in (PORTAL / "dist").rglob("*") if path.is_file()]
    assert built
    assert not any(b"nr_" in path.read_bytes() for path in built)
    assert '"resolved"' not in (PORTAL / "package-lock.json").read_text(encoding="utf-8")
