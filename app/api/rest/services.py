"""REST: services, which can break."""

from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep, SeenVersion
from app.api.reading import (
    After,
    Limit,
    Listing,
    SortBy,
    answer_list,
    answer_one,
    id_by_ref,
    many,
    read_by_ref,
    record_response,
)
from app.api.rest.tracker_route import RouteBody, RouteOut
from app.api.schemas import Body, Out, Page, Ref, Slug, TeamRef, Title
from app.domain.organisation import use_cases
from app.domain.organisation.fields import ServiceFields
from app.domain.selection import Op

router = APIRouter(prefix="/services", tags=["services"])

MOST_DOLLARS = 1e12


class ServicePatch(Body):
    """Only the fields that are sent change."""

    name: Title | None = None
    team: Ref | None = None
    revenue_per_hour_usd: float | None = Field(
        default=None, ge=0, le=MOST_DOLLARS, description="What an hour of outage costs, in US dollars."
    )
    route: RouteBody | None = Field(default=None, description="Holds for tickets made from now on.")

    def fields(self, *but: str) -> ServiceFields:
        given = self.changes("team", "revenue_per_hour_usd", "route")
        if self.route is not None:
            given["route"] = self.route.route()
        return cast(ServiceFields, {name: value for name, value in given.items() if name not in but})


class ServiceCreate(ServicePatch):
    """Something that can break."""

    slug: Slug
    name: Title


class ServiceOut(Out):
    """Something that can break."""

    id: UUID
    version: int
    slug: str
    name: str
    team: TeamRef | None
    revenue_per_hour_usd: float | None = Field(description="What an hour of outage costs, in US dollars.")
    route: RouteOut | None = Field(description="Where its tickets go; null: where its team's go.")
    created_at: datetime
    updated_at: datetime


LISTING = Listing(
    "service",
    ServiceOut,
    ("slug", "name", "created_at", "updated_at", "revenue_per_hour_usd"),
    {"team": ("team", Op.IN), "search": ("name", Op.SEARCH)},
    "slug",
)


@router.get("", response_model=Page[ServiceOut])
async def list_services(
    ports: PortsDep,
    caller: ReaderDep,
    team: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    search: Annotated[str | None, Query(max_length=200, description="In the name.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Services, by slug unless sorted otherwise."""
    filters = {"team": many(team), "search": search}
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.post("", status_code=201, response_model=ServiceOut)
async def create_service(ports: PortsDep, caller: CallerDep, body: ServiceCreate) -> Response:
    """Add a service. Admins only."""
    service = await use_cases.create_service(
        ports.uow, ports.clock, caller=caller, slug=body.slug, name=body.name, fields=body.fields("slug", "name")
    )
    return await answer_one(ports, caller, "service", ServiceOut, service.id, status=201)


@router.get("/{service}", response_model=ServiceOut)
async def get_service(ports: PortsDep, caller: ReaderDep, service: Ref) -> Response:
    """One service, by id or slug."""
    return record_response(await read_by_ref(ports, caller, "service", ServiceOut, service, "slug"))


@router.patch("/{service}", response_model=ServiceOut)
async def update_service(
    ports: PortsDep, caller: CallerDep, seen: SeenVersion, service: Ref, body: ServicePatch
) -> Response:
    """Change a service. Admins only. Its slug stays, because others link to it."""
    id = await id_by_ref(ports, caller, "service", service, "slug")
    await use_cases.update_service(
        ports.uow, ports.clock, caller=caller, service_id=id, fields=body.fields(), expected_version=seen
    )
    return await answer_one(ports, caller, "service", ServiceOut, id)
