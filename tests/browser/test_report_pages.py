"""The reports in headless Chromium, on the real application: signing in, reading, printing, accessible to everybody."""

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from app.domain.organisation.use_cases import bootstrap_admin
from app.main import create_app
from app.settings import Settings
from app.wiring import open_ports
from tests.browser.report_world import World, settle
from tests.conftest import ADMIN_KEY, empty

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def world(dsn: str) -> Iterator[World]:
    async def fill() -> World:
        async with open_ports(Settings(_env_file=None, database_url=dsn)) as opened:
            await bootstrap_admin(opened.ports.uow, opened.ports.clock, given_key=ADMIN_KEY)
            return await settle(opened.ports)

    yield _apart(fill())
    _apart(empty(dsn))


def _apart(work: Any) -> Any:
    """In a thread: a test session has a loop of its own already."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(work)))
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture(scope="module")
def site(dsn: str, world: World) -> Iterator[str]:
    app = create_app(Settings(_env_file=None, database_url=dsn))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the test server did not start"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


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
def tab(browser: Browser, site: str) -> Iterator[Page]:
    context = browser.new_context(base_url=site, viewport={"width": 1200, "height": 800})
    yield context.new_page()
    context.close()


def sign_in(page: Page, path: str = "/sprint-planning", key: str = ADMIN_KEY) -> None:
    page.goto(path)
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def opened(page: Page, path: str) -> Response:
    response = page.goto(path)
    assert response is not None
    return response


PLACES = ("sprint", "effectiveness", "reviews", "review", "published", "queued", "pattern", "postmortem", "item")


def path_of(place: str, world: World) -> str:
    return {
        "sprint": "/sprint-planning",
        "effectiveness": "/effectiveness",
        "reviews": "/meta-reviews",
        "review": f"/meta-reviews/{world.draft}",
        "published": f"/meta-reviews/{world.published}",
        "queued": f"/meta-reviews/{world.queued}",
        "pattern": f"/meta-reviews/{world.draft}/patterns/missing-alerting",
        "postmortem": f"/postmortems/{world.postmortem_id}",
        "item": f"/action-items/{world.pattern_item_id}",
    }[place]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_fits_a_phone_and_loads_nothing(
    browser: Browser, site: str, world: World, scheme: Any
) -> None:
    context = browser.new_context(base_url=site, color_scheme=scheme, viewport={"width": 1200, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/login")
    assert Axe().run(page).violations_count == 0
    sign_in(page)
    for place in PLACES:
        response = opened(page, path_of(place, world))
        assert response.status == 200, place
        for element in page.locator("details").all():
            element.evaluate("one => one.open = true")
        results = Axe().run(page)
        assert results.violations_count == 0, f"{place}: {results.generate_report()}"
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, place
        page.set_viewport_size({"width": 1200, "height": 800})
    assert complaints == []
    assert [url for url in asked if not url.startswith((site, "data:"))] == []
    context.close()


def test_a_link_from_a_ticket_leads_to_the_sign_in_and_then_to_the_item(tab: Page, world: World) -> None:
    path = path_of("item", world)
    sign_in(tab, path)
    expect(tab).to_have_url(f"{tab.url.split('/action-items')[0]}{path}")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Create an alert coverage check")
    tab.get_by_role("link", name="Missing alerting").click()
    expect(tab.get_by_role("heading", level=1)).to_contain_text("Postmortem Meta-Review")


def test_a_link_on_another_site_brings_the_strict_cookie_after_one_step(tab: Page, site: str, world: World) -> None:
    sign_in(tab)
    path = path_of("postmortem", world)
    elsewhere = "http://localhost:1/"
    body = f'<a href="{site}{path}">postmortem</a>'
    tab.route(elsewhere, lambda route: route.fulfill(body=body, content_type="text/html"))
    tab.goto(elsewhere)
    tab.get_by_role("link").click()
    expect(tab.get_by_text("Postmortem published")).to_be_visible()


def test_a_wrong_key_is_refused_in_words_and_nothing_is_remembered(tab: Page) -> None:
    sign_in(tab, key="nr_wrong_" + "x" * 43)
    expect(tab.get_by_role("alert")).to_contain_text("not known")
    assert tab.context.cookies() == []


def test_signing_out_ends_the_browsers_key(tab: Page, site: str) -> None:
    sign_in(tab)
    (cookie,) = tab.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    tab.get_by_role("button", name="Sign out").click()
    expect(tab.get_by_label("API key")).to_be_visible()
    tab.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": site}])
    deadline = time.monotonic() + 10  # keys are remembered for five seconds
    while tab.goto("/sprint-planning") and tab.get_by_label("API key").count() == 0:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_hostile_texts_stay_texts(tab: Page, world: World) -> None:
    dialogs: list[str] = []
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    sign_in(tab)
    for path in (f"/meta-reviews/{world.draft}", f"/meta-reviews/{world.draft}/patterns/timeout-misconfiguration"):
        tab.goto(path)
        assert tab.locator("script").count() == 0
        assert tab.locator("a[href^='javascript']").count() == 0
    assert dialogs == []


def test_a_chart_says_what_it_shows_and_has_its_data_beside_it(tab: Page) -> None:
    sign_in(tab, "/effectiveness")
    chart = tab.locator("#recurrence")
    expect(chart.get_by_role("img", name="Recurrence over time")).to_be_visible()
    assert chart.locator(".open").count() == 1
    assert chart.locator(".hollow").count() >= 1
    chart.get_by_text("Show the data").click()
    expect(chart.get_by_role("table")).to_be_visible()
    expect(tab.locator("#detection").get_by_text("p90", exact=True).first).to_be_visible()


def test_a_review_that_is_being_counted_shows_how_far_it_is(tab: Page, world: World) -> None:
    sign_in(tab, f"/meta-reviews/{world.queued}")
    expect(tab.get_by_role("progressbar", name="Counting")).to_be_visible()
    expect(tab.get_by_role("link", name="Look again")).to_be_visible()


def test_a_page_prints_without_its_navigation(tab: Page, world: World) -> None:
    sign_in(tab, f"/meta-reviews/{world.draft}")
    tab.emulate_media(media="print")
    expect(tab.get_by_role("navigation")).to_be_hidden()
    assert len(tab.pdf()) > 10_000


def test_what_is_not_there_is_a_page_too(tab: Page) -> None:
    sign_in(tab)
    assert opened(tab, "/postmortems/nonsense").status == 404
    expect(tab.get_by_role("heading", level=1)).to_have_text("Not found")
    assert opened(tab, "/meta-reviews/2031-Q9").status == 422
