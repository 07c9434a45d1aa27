"""REST: the feed of events, for those who prefer to pull."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.deps import PortsDep, ReaderDep
from app.api.reading import Limit, many
from app.api.schemas import Json, Out
from app.domain.access import Caller
from app.domain.events import EventFilter, require_types
from app.domain.outbound.envelope import cloud_event
from app.domain.ports import EventPage, Ports

router = APIRouter(prefix="/events", tags=["events"])
LONGEST_WAIT = 30


class EventDataOut(Out):
    """Ids and the change only."""

    model_config = Json

    subject_id: UUID
    actor: str
    change: dict[str, Any]


class CloudEventOut(Out):
    """An event as CloudEvents 1.0 has it."""

    specversion: str = Field(examples=["1.0"])
    id: UUID
    source: str
    type: str = Field(examples=["action_item.closed.v1"])
    subject: UUID = Field(description="The record it is about.")
    time: datetime
    datacontenttype: str
    sequence: str = Field(description="Its position in the feed: a whole number that grows without gaps.")
    data: EventDataOut


class EventPageOut(Out):
    """Events in the order of their positions. Go on with `after=next_cursor`; it is there on an empty page too."""

    items: list[CloudEventOut]
    next_cursor: str


@router.get("", response_model=EventPageOut)
async def list_events(
    ports: PortsDep,
    caller: ReaderDep,
    after: Annotated[int | None, Query(ge=0, lt=2**63, description="A position; unset: from the end on.")] = None,
    type: Annotated[str | None, Query(max_length=2000, description="Comma-separated; `boost.*` for a prefix.")] = None,
    subject: Annotated[UUID | None, Query(description="Only events of this record.")] = None,
    wait: Annotated[int, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait where there is none yet.")] = 0,
    limit: Limit = 50,
) -> Response:
    """Events that you may see, oldest first, after a position; `after=0` is all that is kept.

    No event is missed: positions are given once an event is committed, so none appears later before one you have
    read. What derives from a restricted incident is left out, and its positions are skipped.
    """
    wanted = EventFilter(require_types(many(type) or ()), subject)
    start = await ports.feed.last() if after is None else after
    page = await ports.feed.page(wanted, caller, after=start, limit=limit)
    if wait and not page.events:
        page = await _awaited(ports, caller, wanted, page, wait=wait, limit=limit)
    source = ports.policy.public_url
    items = [cloud_event(one.event, source=source, position=one.position) for one in page.events]
    return Response(orjson.dumps({"items": items, "next_cursor": str(page.upto)}), media_type="application/json")


async def _awaited(
    ports: Ports, caller: Caller, wanted: EventFilter, page: EventPage, *, wait: float, limit: int
) -> EventPage:
    """The first page that is not empty, or the empty one that the time is up with."""
    ends = ports.clock().timestamp() + wait
    while not page.events and (left := ends - ports.clock().timestamp()) > 0:
        await ports.feed.wait(after=page.upto, seconds=left)
        page = await ports.feed.page(wanted, caller, after=page.upto, limit=limit)
    return page
