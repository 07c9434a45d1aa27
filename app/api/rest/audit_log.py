"""REST: the audit log, for admins: who changed what, when, from what to what."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.api.deps import PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, many, read_list
from app.api.schemas import Instant, Out, Page
from app.domain.access import Action, Caller, authorize
from app.domain.page import MAX_LIMIT
from app.domain.ports import Ports
from app.domain.selection import Op

router = APIRouter(prefix="/audit-log", tags=["audit log"])
LINES = "application/jsonl"


class AuditEntryOut(Out):
    """One change of one record. Secrets are never here; a row is sealed within a second of its commit."""

    id: int
    position: int | None
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: str
    request_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str | None


LISTING = Listing(
    "audit_entry",
    AuditEntryOut,
    ("id",),
    {
        "actor": ("actor", Op.IN),
        "action": ("action", Op.IN),
        "object_kind": ("object_kind", Op.IN),
        "object_id": ("object_id", Op.IN),
        "request_id": ("request_id", Op.IN),
        "since": ("at", Op.GTE),
        "until": ("at", Op.LT),
    },
    "-id",
)
Commas = Annotated[str | None, Query(max_length=2000, description="Comma-separated.")]


@router.get(
    "",
    response_model=Page[AuditEntryOut],
    responses={200: {"content": {LINES: {"schema": {"type": "string"}}}, "description": "A page, or all as lines."}},
)
async def list_audit_log(
    request: Request,
    ports: PortsDep,
    caller: ReaderDep,
    actor: Commas = None,
    action: Commas = None,
    object_kind: Commas = None,
    object_id: Commas = None,
    request_id: Commas = None,
    since: Instant | None = None,
    until: Instant | None = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """What was changed, newest first. Admins only. With `Accept: application/jsonl` all of it, oldest first."""
    filters = {
        "actor": many(actor), "action": many(action), "object_kind": many(object_kind), "object_id": many(object_id),
        "request_id": many(request_id), "since": since, "until": until,
    }  # fmt: skip
    authorize(caller, Action.READ_AUDIT_LOG)
    if LINES in request.headers.get("accept", ""):
        return await _lines(ports, caller, filters)
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.get(
    ".jsonl",
    response_class=StreamingResponse,
    responses={200: {"content": {LINES: {"schema": {"type": "string"}}}, "description": "One row a line."}},
)
async def export_audit_log(
    ports: PortsDep, caller: ReaderDep, since: Instant | None = None, until: Instant | None = None
) -> StreamingResponse:
    """All of it as JSON Lines, oldest first. Admins only."""
    authorize(caller, Action.READ_AUDIT_LOG)
    return await _lines(ports, caller, {"since": since, "until": until})


async def _lines(ports: Ports, caller: Caller, filters: Mapping[str, object]) -> StreamingResponse:
    """The first page is read before anything is answered, so that a refusal is still an error."""
    first = await _page(ports, caller, filters, None)
    return StreamingResponse(_written(ports, caller, filters, first), media_type=LINES)


async def _written(
    ports: Ports, caller: Caller, filters: Mapping[str, object], page: dict[str, Any]
) -> AsyncIterator[bytes]:
    while True:
        yield b"".join(orjson.dumps(row) + b"\n" for row in page["items"])
        if page["next_cursor"] is None:
            return
        page = await _page(ports, caller, filters, page["next_cursor"])


async def _page(ports: Ports, caller: Caller, filters: Mapping[str, object], after: str | None) -> dict[str, Any]:
    text = await read_list(ports, caller, LISTING, filters=filters, sort="id", limit=MAX_LIMIT, after=after)
    page: dict[str, Any] = orjson.loads(text)
    return page
