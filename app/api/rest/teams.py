"""REST: teams."""

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
    read_by_ref,
    record_response,
)
from app.api.rest.tracker_route import RouteBody, RouteOut
from app.api.schemas import Body, Line, Out, Page, PersonRef, Ref, Slug, Title
from app.domain.organisation import use_cases
from app.domain.organisation.fields import TeamFields
from app.domain.selection import Op

router = APIRouter(prefix="/teams", tags=["teams"])


class TeamPatch(Body):
    """Only the fields that are sent change."""

    name: Title | None = None
    lead: Ref | None = None
    chat_channel: Line | None = None
    time_zone: Line | None = Field(default=None, description="IANA name, such as Europe/Berlin. UTC unless said.")
    working_days: list[int] | None = Field(
        default=None, max_length=7, description="ISO weekday numbers, Monday is 1. Monday to Friday unless said."
    )
    route: RouteBody | None = None

    def fields(self, *but: str) -> TeamFields:
        given = self.changes("lead", "chat_channel", "route")
        if self.route is not None:
            given["route"] = self.route.route()
        if self.working_days is not None:
            given["working_days"] = tuple(self.working_days)
        return cast(TeamFields, {name: value for name, value in given.items() if name not in but})


class TeamCreate(TeamPatch):
    """Who owns services and does action items."""

    slug: Slug
    name: Title


class TeamOut(Out):
    """Who owns."""

    id: UUID
    version: int
    slug: str
    name: str
    lead: PersonRef | None
    chat_channel: str | None
    time_zone: str
    working_days: list[int] = Field(description="ISO weekday numbers; business days are counted in them.")
    route: RouteOut | None = Field(description="The fall-back for services without a route of their own.")
    created_at: datetime
    updated_at: datetime


LISTING = Listing(
    "team", TeamOut, ("slug", "name", "created_at", "updated_at"), {"search": ("name", Op.SEARCH)}, "slug"
)


@router.get("", response_model=Page[TeamOut])
async def list_teams(
    ports: PortsDep,
    caller: ReaderDep,
    search: Annotated[str | None, Query(max_length=200, description="In the name.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Teams, by slug unless sorted otherwise."""
    return await answer_list(ports, caller, LISTING, filters={"search": search}, sort=sort, limit=limit, after=after)


@router.post("", status_code=201, response_model=TeamOut)
async def create_team(ports: PortsDep, caller: CallerDep, body: TeamCreate) -> Response:
    """Add a team. Admins only."""
    team = await use_cases.create_team(
        ports.uow, ports.clock, caller=caller, slug=body.slug, name=body.name, fields=body.fields("slug", "name")
    )
    return await answer_one(ports, caller, "team", TeamOut, team.id, status=201)


@router.get("/{team}", response_model=TeamOut)
async def get_team(ports: PortsDep, caller: ReaderDep, team: Ref) -> Response:
    """One team, by id or slug."""
    return record_response(await read_by_ref(ports, caller, "team", TeamOut, team, "slug"))


@router.patch("/{team}", response_model=TeamOut)
async def update_team(ports: PortsDep, caller: CallerDep, seen: SeenVersion, team: Ref, body: TeamPatch) -> Response:
    """Change a team. Admins only. Its slug stays, because others link to it."""
    id = await id_by_ref(ports, caller, "team", team, "slug")
    await use_cases.update_team(
        ports.uow, ports.clock, caller=caller, team_id=id, fields=body.fields(), expected_version=seen
    )
    return await answer_one(ports, caller, "team", TeamOut, id)
