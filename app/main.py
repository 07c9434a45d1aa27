"""The API: one FastAPI application over the ports."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from app.api.contract import install_contract
from app.api.errors import every_code, install_error_handlers
from app.api.graphql.late import install_graphql
from app.api.inbound.route import install_inbound
from app.api.middleware import BodyLimit, RequestFrame
from app.api.pages import pages_router
from app.api.rest import (
    action_items,
    api_keys,
    budgets,
    deliveries,
    factors,
    findings,
    health,
    incidents,
    local_tickets,
    metrics,
    people,
    postmortems,
    root_causes,
    service_accounts,
    services,
    sprint_planning,
    teams,
    tickets,
    verification_plans,
)
from app.settings import Settings
from app.wiring import Opened, open_ports

VERSION = version("norepeat")
RESOURCES = (
    teams, people, services, root_causes, factors, incidents, postmortems, action_items, tickets, local_tickets,
    verification_plans, budgets, sprint_planning, metrics, findings, deliveries, service_accounts, api_keys,
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
    app.include_router(_v1())
    install_inbound(app)
    graphql = install_graphql(app, introspection=settings.docs)
    install_contract(app)
    app.include_router(pages_router(version=VERSION, docs_enabled=settings.docs))
    app.add_middleware(BodyLimit, limit=settings.body_limit)
    app.add_middleware(RequestFrame)
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
