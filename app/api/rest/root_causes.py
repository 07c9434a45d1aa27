"""REST: the catalogue of root causes."""

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
from app.api.schemas import Body, Line, Out, Page, Ref, RootCauseRef, Slug, Text, Title
from app.domain.learning.use_cases import causes
from app.domain.learning.use_cases.causes import RootCauseFields
from app.domain.selection import Op

router = APIRouter(prefix="/root-causes", tags=["root causes"])


class RootCausePatch(Body):
    """Only the fields that are sent change."""

    title: Title | None = None
    description: Text | None = None
    factor_code: Line | None = Field(default=None, description="A code of `GET /v1/factors`.")

    def fields(self, *but: str) -> RootCauseFields:
        given = {name: value for name, value in self.changes("factor_code").items() if name not in but}
        return cast(RootCauseFields, given)


class RootCauseCreate(RootCausePatch):
    """A catalogue entry. Two incidents have the same root cause if they name the same entry."""

    slug: Slug
    title: Title


class MergeBody(Body):
    """The entry that stays."""

    into: Ref


class RootCauseOut(Out):
    """A catalogue entry."""

    id: UUID
    version: int
    slug: str
    title: str
    description: str
    factor_code: str | None
    merged_into: RootCauseRef | None = Field(description="The entry that counts, if this is another name of it.")
    created_at: datetime
    updated_at: datetime


LISTING = Listing(
    "root_cause",
    RootCauseOut,
    ("slug", "title", "created_at", "updated_at"),
    {"factor_code": ("factor_code", Op.IN), "merged": ("merged", Op.EQ), "search": ("title", Op.SEARCH)},
    "slug",
)


@router.get("", response_model=Page[RootCauseOut])
async def list_root_causes(
    ports: PortsDep,
    caller: ReaderDep,
    factor_code: Annotated[str | None, Query(description="Comma-separated.")] = None,
    merged: Annotated[bool | None, Query(description="Only merged entries, or only those that count.")] = None,
    search: Annotated[str | None, Query(max_length=200, description="In the title.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Root causes, by slug unless sorted otherwise."""
    filters = {
        "factor_code": many(factor_code), "merged": None if merged is None else [merged], "search": search,
    }  # fmt: skip
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.post("", status_code=201, response_model=RootCauseOut)
async def create_root_cause(ports: PortsDep, caller: CallerDep, body: RootCauseCreate) -> Response:
    """Add an entry. Look for an existing one first: what has two names does not look like a recurrence."""
    cause = await causes.create_root_cause(
        ports.uow, ports.clock, caller=caller, slug=body.slug, title=body.title, fields=body.fields("slug", "title")
    )
    return await answer_one(ports, caller, "root_cause", RootCauseOut, cause.id, status=201)


@router.get("/{root_cause}", response_model=RootCauseOut)
async def get_root_cause(ports: PortsDep, caller: ReaderDep, root_cause: Ref) -> Response:
    """One entry, by id or slug."""
    return record_response(await read_by_ref(ports, caller, "root_cause", RootCauseOut, root_cause, "slug"))


@router.patch("/{root_cause}", response_model=RootCauseOut)
async def update_root_cause(
    ports: PortsDep, caller: CallerDep, seen: SeenVersion, root_cause: Ref, body: RootCausePatch
) -> Response:
    """Describe an entry better. The reserved entry `undetermined` and merged ones stay as they are."""
    id = await id_by_ref(ports, caller, "root_cause", root_cause, "slug")
    await causes.update_root_cause(
        ports.uow, ports.clock, caller=caller, cause_id=id, fields=body.fields(), expected_version=seen
    )
    return await answer_one(ports, caller, "root_cause", RootCauseOut, id)


@router.post("/{root_cause}/merge", response_model=RootCauseOut)
async def merge_root_causes(ports: PortsDep, caller: CallerDep, root_cause: Ref, body: MergeBody) -> Response:
    """Make this entry another name of `into`; incidents and action items follow. Reviewers only, and not undone.

    A merge refutes no fix. The answer is the entry that stays.
    """
    id = await id_by_ref(ports, caller, "root_cause", root_cause, "slug")
    kept = await causes.merge_root_causes(ports.uow, ports.clock, caller=caller, cause_id=id, into=body.into)
    return await answer_one(ports, caller, "root_cause", RootCauseOut, kept.id)
