"""REST: people, and the caller itself."""

from datetime import datetime
from typing import Annotated, Literal, cast
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
from app.api.schemas import Body, Email, Line, Out, Page, Ref, TeamRef, Title
from app.domain.access import Role
from app.domain.organisation import use_cases
from app.domain.organisation.fields import PersonFields
from app.domain.selection import Op

router = APIRouter(tags=["people"])

HandleProvider = Literal["github", "jira", "linear", "slack", "pagerduty"]
_HANDLES = "The person's name elsewhere: GitHub login, Jira accountId, Linear user id, Slack id, PagerDuty id."


class PersonPatch(Body):
    """Only the fields that are sent change; `handles` is replaced as a whole."""

    email: Email | None = None
    name: Title | None = None
    role: Role | None = Field(default=None, description="Each role may do what the ones before it may.")
    team: Ref | None = None
    handles: dict[HandleProvider, Line] | None = Field(default=None, description=_HANDLES)
    active: bool | None = Field(default=None, description="Who is not active cannot authenticate or own anything new.")

    def fields(self, *but: str) -> PersonFields:
        given = {name: value for name, value in self.changes("team").items() if name not in but}
        return cast(PersonFields, given)


class PersonCreate(PersonPatch):
    """Somebody who does things. The role is `reader` unless said."""

    email: Email
    name: Title


class PersonOut(Out):
    """Who does."""

    id: UUID
    version: int
    email: str
    name: str
    role: Role
    team: TeamRef | None
    handles: dict[str, str] = Field(description=_HANDLES)
    active: bool
    created_at: datetime
    updated_at: datetime


class MeOut(Out):
    """The caller: one person or one service account."""

    kind: Literal["person", "service_account"]
    id: UUID
    name: str
    role: Role
    key_id: str | None = Field(description="The API key that was used.")
    scopes: list[str] = Field(description="What the key is narrowed to; empty: all that the role allows.")


LISTING = Listing(
    "person",
    PersonOut,
    ("email", "name", "created_at", "updated_at"),
    {"team": ("team", Op.IN), "role": ("role", Op.IN), "active": ("active", Op.EQ), "search": ("name", Op.SEARCH)},
    "email",
)


@router.get("/me", response_model=MeOut)
async def get_me(caller: ReaderDep) -> MeOut:
    """Who you are, as this service sees you; every credential may ask this."""
    id = caller.person_id or caller.service_account_id
    assert id is not None, "a credential belongs to a person or a service account"
    return MeOut(
        kind="person" if caller.person_id else "service_account",
        id=id,
        name=caller.name,
        role=caller.role,
        key_id=caller.key_id,
        scopes=sorted(caller.scopes),
    )


@router.get("/people", response_model=Page[PersonOut])
async def list_people(
    ports: PortsDep,
    caller: ReaderDep,
    team: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    role: Annotated[str | None, Query(description="Comma-separated.")] = None,
    active: bool | None = None,
    search: Annotated[str | None, Query(max_length=200, description="In the name.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """People, by e-mail address unless sorted otherwise."""
    filters = {"team": many(team), "role": many(role, list(Role)), "active": active, "search": search}
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.post("/people", status_code=201, response_model=PersonOut)
async def create_person(ports: PortsDep, caller: CallerDep, body: PersonCreate) -> Response:
    """Add a person. Admins only. They can call this service once they have a key."""
    person = await use_cases.create_person(
        ports.uow, ports.clock, caller=caller, email=body.email, name=body.name, fields=body.fields("email", "name")
    )
    return await answer_one(ports, caller, "person", PersonOut, person.id, status=201)


@router.get("/people/{person}", response_model=PersonOut)
async def get_person(ports: PortsDep, caller: ReaderDep, person: Ref) -> Response:
    """One person, by id or e-mail address."""
    return record_response(await read_by_ref(ports, caller, "person", PersonOut, person.lower(), "email"))


@router.patch("/people/{person}", response_model=PersonOut)
async def update_person(
    ports: PortsDep, caller: CallerDep, seen: SeenVersion, person: Ref, body: PersonPatch
) -> Response:
    """Change a person. Admins only. The last active admin can be neither demoted nor deactivated (`last_admin`)."""
    id = await id_by_ref(ports, caller, "person", person.lower(), "email")
    await use_cases.update_person(
        ports.uow, ports.clock, caller=caller, person_id=id, fields=body.fields(), expected_version=seen
    )
    return await answer_one(ports, caller, "person", PersonOut, id)
