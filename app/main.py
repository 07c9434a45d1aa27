"""The API: one FastAPI application over the ports."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware

from app.adapters.process_metrics import request_finished, webhook_refused
from app.api.contract import install_contract
from app.api.errors import every_code, install_error_handlers
from app.api.graphql.late import install_graphql
from app.api.inbound.route import install_inbound
from app.api.middleware import CORS_SHOWN, CORS_TAKEN, BodyLimit, Deadline, RequestFrame, TrustedHosts
from app.api.observing import Observed
from app.api.once import AtMostOnce
from app.api.pages import pages_router
from app.api.report_pages import router as report_pages
from app.api.rest import (
    action_items,
    api_keys,
    audit_log,
    budgets,
    deliveries,
    deployments,
    digests,
    drafts,
    events,
    factors,
    findings,
    health,
    incident_sources,
    incidents,
    local_tickets,
    meta_reviews,
    metrics,
    people,
    postmortems,
    reports,
    root_causes,
    scraping,
    service_accounts,
    services,
    sprint_planning,
    suggestions,
    teams,
    tickets,
    verification_plans,
    webhook_deliveries,
    webhook_endpoints,
)
from app.api.throttle import Throttle
from app.settings import Settings
from app.wiring import Opened, open_ports
from app.wiring.documents import trusted_documents

VERSION = version("norepeat")
RESOURCES = (
    # The lists that portals poll come first: the router tries one route after the other.
    action_items, sprint_planning,
    teams, digests, people, services, root_causes, factors, suggestions, incident_sources, incidents, drafts,
    postmortems, tickets,
    local_tickets, verification_plans, budgets, deployments, metrics, meta_reviews, reports, findings, deliveries,
    service_accounts, api_keys, webhook_endpoints, webhook_deliveries, events, audit_log,
)  # fmt: skip
DESCRIPTION = """
Postmortems that change something: every action item is a real ticket, ranked by recurrence risk, and closed only
with evidence that the fix works in production.

Send `Authorization: Bearer nr_<id>_<secret>`. Lists are keyset pages (`limit`, `after`). PATCH needs `If-Match` with
the `ETag` you read. Errors are `application/problem+json` with a stable `code`:

"""


def create_app(settings: Settings, *, opened: AbstractAsyncContextManager[Opened] | None = None) -> FastAPI:
    """The application; tests hand in ports of their own, else they are opened from the settings."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened or open_ports(settings) as resources:
            app.state.ports = resources.ports
            graphql.load()
            yield

    app = FastAPI(
        title="norepeat",
        version=VERSION,
        description=DESCRIPTION + _table_of_codes(),
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    install_error_handlers(app)
    app.include_router(health.router)
    app.include_router(scraping.router)
    app.include_router(_v1())
    install_inbound(app, refused=webhook_refused)
    graphql = install_graphql(
        app, introspection=settings.docs, subscriptions=settings.subscriptions_max,
        trusted=trusted_documents(settings), trusted_only=settings.graphql_trusted_only,
    )  # fmt: skip
    app.router.routes.insert(0, action_items.HOT)
    install_contract(app)
    app.include_router(report_pages)
    app.include_router(pages_router(version=VERSION, docs_enabled=settings.docs))
    app.add_middleware(AtMostOnce)
    app.add_middleware(BodyLimit, limit=settings.body_limit)
    app.add_middleware(Deadline, seconds=settings.request_seconds)
    app.add_middleware(Throttle)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["*"], allow_headers=CORS_TAKEN,
            expose_headers=CORS_SHOWN, max_age=600,
        )  # fmt: skip
    if settings.trusted_hosts:
        app.add_middleware(TrustedHosts, hosts=settings.trusted_hosts)
    app.add_middleware(RequestFrame, https=settings.url.startswith("https:"))
    app.add_middleware(Observed, answered=request_finished, log_requests=settings.log_requests)
    return app


def _v1() -> APIRouter:
    router = APIRouter(prefix="/v1")
    for resource in RESOURCES:
        router.include_router(resource.router)
    return router


def _table_of_codes() -> str:
    rows = (f"| `{code}` | {status} | {meaning} |" for code, (status, meaning) in every_code().items())
    table = "\n".join(["| code | status | meaning |", "|---|---|---|", *rows])
    return f"<details><summary>The codes</summary>\n\n{table}\n\n</details>"
