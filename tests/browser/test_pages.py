"""The service's own pages in headless Chromium, against a small app that mounts nothing else."""

import re
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
import strawberry
import uvicorn
from fastapi import Depends, FastAPI
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from playwright.sync_api import ConsoleMessage, Page, Response, expect, sync_playwright
from starlette.testclient import TestClient
from strawberry.fastapi import GraphQLRouter
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL

from app.api.pages import GRAPHIQL, editor_page, graphql_page, pages_router

pytestmark = pytest.mark.browser

KEY = "nr_1_secretSecretSecret"
IDE = Path(__file__).parents[2] / "ide"
QUIET_CHROMIUM = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
needs_graphiql = pytest.mark.skipif(
    not (GRAPHIQL / "index.html").is_file(),
    reason="GraphiQL is not built: install npm and run `make ide`",
)


@strawberry.type
class Reason:
    text: str


@strawberry.type
class RiskDetail:
    reasons: list[Reason]


@strawberry.type
class Owner:
    name: str


@strawberry.type
class Ticket:
    url: str
    status: str


@strawberry.type
class Candidate:
    title: str
    risk: float = 0.42
    risk_detail: RiskDetail = strawberry.field(default_factory=lambda: RiskDetail(reasons=[Reason(text="recurred")]))
    owner: Owner | None = None
    ticket: Ticket | None = None


@strawberry.type
class CandidateEdge:
    node: Candidate


@strawberry.type
class CandidateConnection:
    edges: list[CandidateEdge]


def authorization(info: strawberry.Info) -> str:
    return str(info.context["request"].headers.get("authorization"))


@strawberry.type
class Query:
    @strawberry.field
    def sprint_planning(self, first: int = 10) -> CandidateConnection:
        titles = ["Alert on replication lag", "Rehearse the failover"][:first]
        nodes = [Candidate(title=title) for title in titles]
        return CandidateConnection(edges=[CandidateEdge(node=node) for node in nodes])

    caller: str = strawberry.field(resolver=authorization, description="The Authorization header as it arrived.")

    @strawberry.field
    def echo(self, word: str) -> str:
        return word


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def countdown(self, start: int) -> AsyncIterator[int]:
        for number in range(start, 0, -1):
            yield number


def make_app() -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None)
    app.include_router(pages_router(version="1.2.3"))
    app.add_route("/graphql", graphql_page)
    app.add_route("/unbuilt", lambda _: editor_page(Path("no-such-folder")))
    schema = strawberry.Schema(query=Query, subscription=Subscription)
    for path in ("/graphql", "/unbuilt"):
        app.include_router(
            GraphQLRouter(schema, path=path, graphql_ide=None, subscription_protocols=[GRAPHQL_SSE_PROTOCOL])
        )

    @app.get("/health/live")
    @app.get("/health/ready")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/caller")
    async def caller(
        credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
    ) -> str:
        return f"called with {credentials.credentials}"

    return app


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    config = uvicorn.Config(make_app(), port=0, log_level="warning", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the test server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)


@dataclass
class Visit:
    """A browser tab that notes what it asked for and what went wrong."""

    site: str
    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Response:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self.note)
        response = self.page.goto(self.site + path)
        assert response is not None
        assert response.ok
        return response

    def note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def assert_quiet_and_local(self) -> None:
        remote = [url for url in self.asked if re.match("(https?|wss?):", url)]
        assert [url for url in remote if not url.startswith(self.site + "/")] == []
        assert self.complaints == []

    def assert_fits(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 740})
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture(params=["light", "dark"])
def visit(site: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET_CHROMIUM)
        page = browser.new_page(color_scheme=request.param, viewport={"width": 1280, "height": 800})
        yield Visit(site, page)
        browser.close()


def test_start_page_links_everything_and_shows_the_health(visit: Visit) -> None:
    response = visit.open("/")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("norepeat")
    expect(visit.page.get_by_role("status")).to_have_text("Ready")
    expect(visit.page.get_by_text("Version 1.2.3")).to_be_visible()
    for name in ("docs", "graphql", "openapi.json", "health/live", "health/ready"):
        link = visit.page.get_by_role("link", name=f"/{name}")
        assert visit.page.request.get(link.evaluate("link => link.href")).ok
    assert "unsafe" not in response.headers["content-security-policy"]
    visit.assert_fits(360)
    visit.assert_quiet_and_local()


def test_start_page_says_when_the_service_is_not_ready(visit: Visit) -> None:
    visit.page.route("**/health/ready", lambda route: route.fulfill(status=503))
    visit.open("/")
    expect(visit.page.get_by_role("status")).to_have_text("Not ready (503)")


def test_rest_reference_sends_the_api_key(visit: Visit) -> None:
    response = visit.open("/docs")
    page = visit.page
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("auth-bearer-value").fill(KEY)
    page.get_by_label("Apply credentials").click()
    page.get_by_role("button", name="Close", exact=True).click()
    page.locator("#operations-default-caller_v1_caller_get").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text(f"called with {KEY}")
    assert "unsafe" not in response.headers["content-security-policy"]
    visit.assert_quiet_and_local()


def test_explorer_runs_its_example_and_a_query_with_variables(visit: Visit) -> None:
    response = visit.open("/unbuilt")
    page = visit.page
    page.get_by_role("button", name="Run").click()
    result = page.get_by_role("region", name="Result")
    expect(result).to_contain_text("Alert on replication lag")
    page.get_by_label("API key").fill(KEY)
    page.get_by_label("Query").fill("query ($word: String!) { echo(word: $word) caller }")
    page.get_by_label("Variables").fill('{"word": "again"}')
    page.keyboard.press("Control+Enter")
    expect(result).to_contain_text('"echo": "again"')
    expect(result).to_contain_text(f'"caller": "Bearer {KEY}"')
    assert KEY not in page.url
    assert "unsafe" not in response.headers["content-security-policy"]
    visit.assert_quiet_and_local()


def test_explorer_lists_and_filters_the_schema(visit: Visit) -> None:
    visit.open("/unbuilt")
    types = visit.page.get_by_role("region", name="Types")
    expect(types).to_contain_text("sprintPlanning(first: Int!): CandidateConnection!")
    expect(types).to_contain_text("The Authorization header as it arrived.")
    types.get_by_role("link", name="CandidateConnection").click()
    expect(types).to_contain_text("edges: [CandidateEdge!]!")
    visit.page.get_by_label("Schema").fill("riskdet")
    expect(types.locator("details:visible > summary")).to_have_text(
        [re.compile("Candidate "), re.compile("RiskDetail")]
    )
    expect(visit.page.get_by_text("install npm and run make ide")).to_be_visible()
    visit.assert_fits(360)
    visit.assert_quiet_and_local()


def test_explorer_explains_unreadable_variables(visit: Visit) -> None:
    visit.open("/unbuilt")
    visit.page.get_by_label("Variables").fill("{word}")
    visit.page.get_by_role("button", name="Run").click()
    expect(visit.page.get_by_role("region", name="Result")).to_contain_text("Variables: ")
    expect(visit.page.get_by_role("status")).to_have_text("Not sent")


def open_graphiql(visit: Visit) -> None:
    visit.open("/graphql")
    for part in (".graphiql-query-editor", ".graphiql-response"):
        expect(visit.page.locator(f"{part} .monaco-editor .view-lines")).to_be_attached()
    expect(visit.page.locator(".graphiql-query-editor")).to_contain_text("sprintPlanning")


def write_query(page: Page, query: str, name: str) -> None:
    """Replace what GraphiQL's editor holds; the tab shows the name once GraphiQL has read it."""
    page.locator(".graphiql-query-editor .view-lines").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(query)
    expect(page.locator(".graphiql-tab-button")).to_have_text(name)


@needs_graphiql
def test_graphiql_runs_its_example_and_sends_the_api_key(visit: Visit) -> None:
    open_graphiql(visit)
    page = visit.page
    expect(page).to_have_title("norepeat · GraphiQL")
    result = page.locator(".graphiql-response")
    page.get_by_role("button", name=re.compile("Execute query")).click()
    expect(result).to_contain_text("Alert on replication lag")
    page.get_by_label("API key").fill(KEY)
    write_query(page, "query Who { caller }", "Who")
    page.keyboard.press("Control+Enter")
    expect(result).to_contain_text(f"Bearer {KEY}")
    assert KEY not in page.url
    assert KEY not in page.evaluate("JSON.stringify(localStorage)")
    assert page.evaluate("Object.values(sessionStorage)") == [KEY]
    visit.assert_quiet_and_local()


@needs_graphiql
def test_graphiql_shows_a_subscription_as_it_arrives(visit: Visit) -> None:
    open_graphiql(visit)
    write_query(visit.page, "subscription Count { countdown(start: 3) }", "Count")
    visit.page.keyboard.press("Control+Enter")
    expect(visit.page.locator(".graphiql-response")).to_contain_text('"countdown": 1')
    visit.assert_quiet_and_local()


@needs_graphiql
def test_graphiql_knows_the_schema_in_its_reference_and_its_editor(visit: Visit) -> None:
    open_graphiql(visit)
    page = visit.page
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.locator(".graphiql-plugin")).to_contain_text("query: Query")
    write_query(page, "query Wrong { nothing }", "Wrong")
    expect(page.locator(".graphiql-query-editor .squiggly-error")).to_be_visible()
    visit.assert_quiet_and_local()


def test_explorer_and_graphiql_start_with_the_same_query() -> None:
    explorer = editor_page(Path("no-such-folder")).body
    example = (IDE / "src" / "examples.ts").read_text(encoding="utf-8").split("`")[1]
    assert f">\n{example}</textarea".encode() in bytes(explorer)


def test_a_service_without_docs_neither_links_nor_serves_them() -> None:
    app = FastAPI(docs_url=None)
    app.include_router(pages_router(version="<1>", docs_enabled=False))
    client = TestClient(app)
    start = client.get("/").text
    assert "/docs" not in start
    assert "/graphql" in start
    assert "Version &lt;1&gt;" in start
    assert client.get("/docs").status_code == 404
    assert client.get("/static/docs/swagger-ui.css").status_code == 404


@pytest.mark.parametrize("path", ["/static/docs/../__init__.py", "/static/docs/%2e%2e/__init__.py", "/static/docs/"])
def test_static_files_stay_in_their_folder(path: str) -> None:
    response = TestClient(make_app()).get(path)
    assert response.status_code == 404


@pytest.mark.parametrize("path", ["/", "/docs", "/graphql", "/static/docs/swagger-ui.css"])
def test_every_page_and_file_forbids_other_hosts_and_frames(path: str) -> None:
    headers = TestClient(make_app()).get(path).headers
    assert re.match("default-src '(none|self)'", headers["content-security-policy"])
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
