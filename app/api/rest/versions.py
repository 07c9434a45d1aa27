"""REST: what of a postmortem was published, and a postmortem as a page of Markdown."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.api.deps import PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, answer_list, fields_of, read_one
from app.api.report_answers import html_answer, markdown_answer, shown_as
from app.api.reports.postmortem_html import postmortem_html
from app.api.reports.postmortem_markdown import postmortem_markdown
from app.api.rest.postmortem_schemas import PostmortemOut
from app.api.schemas import Out, Page, PersonRef
from app.domain.access import Action, Caller, authorize
from app.domain.errors import NotFound
from app.domain.ports import Ports
from app.domain.postmortems.model import Audience
from app.domain.selection import Filter, Op, Selection

router = APIRouter()


class VersionOut(Out):
    """A published version."""

    number: int
    content_hash: str
    audience: Audience
    signed_by: PersonRef
    published_at: datetime


class VersionDetailOut(VersionOut):
    """A published version as it was signed."""

    content: dict[str, Any] = Field(description="The record as it was, under the names of a postmortem's fields.")


VERSIONS = Listing("publication", VersionOut, ("number",), {"of": ("postmortem_id", Op.EQ)}, "-number")
VERSION = Selection(
    "publication",
    fields_of(VersionDetailOut),
    (Filter("postmortem_id", Op.EQ, "postmortem_id"), Filter("number", Op.EQ, "number")),
    single=True,
)
Number = Annotated[int, Path(ge=1, le=1_000_000)]


async def _version(ports: Ports, caller: Caller, postmortem_id: UUID, number: int) -> bytes:
    authorize(caller, Action.READ)
    read = ports.reads.prepare(VERSION)
    assert read is not None, "a version names a field without a column"
    found = await read({"postmortem_id": postmortem_id, "number": number}, caller)
    if found == b"null":
        raise NotFound(f"The postmortem {postmortem_id} has no published version {number}.")
    return found


PublishedNumber = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="A published version; else as it is now.")
]


@router.get("/{postmortem_id}.md", response_class=Response, responses=shown_as("text/markdown"))
async def get_postmortem_markdown(
    ports: PortsDep, caller: ReaderDep, postmortem_id: UUID, number: PublishedNumber = None
) -> Response:
    """The postmortem as Markdown: as it is now, or as a version was published."""
    return markdown_answer(postmortem_markdown(await _view(ports, caller, postmortem_id, number)))


@router.get("/{postmortem_id}.html", response_class=Response, responses=shown_as("text/html"))
async def get_postmortem_page(
    ports: PortsDep, caller: ReaderDep, postmortem_id: UUID, number: PublishedNumber = None
) -> Response:
    """The same as one self-contained page."""
    return html_answer(postmortem_html(await _view(ports, caller, postmortem_id, number)))


async def _view(ports: Ports, caller: Caller, postmortem_id: UUID, number: int | None) -> dict[str, Any]:
    view: dict[str, Any]
    if number is None:
        view = orjson.loads(await read_one(ports, caller, "postmortem", PostmortemOut, postmortem_id))
    else:
        version = orjson.loads(await _version(ports, caller, postmortem_id, number))
        view = {**version["content"], "status": "published", "published_at": version["published_at"]}
    return view


@router.get("/{postmortem_id}/versions", response_model=Page[VersionOut])
async def list_postmortem_versions(
    ports: PortsDep, caller: ReaderDep, postmortem_id: UUID, limit: Limit = 50, after: After = None
) -> Response:
    """The published versions, newest first."""
    return await answer_list(ports, caller, VERSIONS, filters={"of": postmortem_id}, limit=limit, after=after)


@router.get("/{postmortem_id}/versions/{number}", response_model=VersionDetailOut)
async def get_postmortem_version(ports: PortsDep, caller: ReaderDep, postmortem_id: UUID, number: Number) -> Response:
    """One published version as it was signed; it never changes."""
    return Response(await _version(ports, caller, postmortem_id, number), media_type="application/json")
