"""REST: the sprint feed: open reliability items, sorted by recurrence risk, each with the reasons for its place."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from app.api.deps import PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, count_list, many, read_list
from app.api.report_answers import html_answer
from app.api.reports.sprint_html import sprint_html
from app.api.reports.sprint_planning import sprint_csv, sprint_markdown
from app.api.rest.action_items import PriorityName
from app.api.schemas import IncidentRef, Json, Out, PersonRef, PostmortemRef, RootCauseRef, ServiceRef, TeamRef
from app.domain.access import Caller
from app.domain.actions.model import Status
from app.domain.ports import Ports
from app.domain.selection import Op

router = APIRouter(prefix="/sprint-planning", tags=["sprint planning"])

PLANNABLE = [Status.OPEN, Status.IN_PROGRESS, Status.IMPLEMENTED]


class ReasonOut(Out):
    """A reason in plain words, with a stable code."""

    model_config = Json
    code: str
    text: str


class PriorOut(Out):
    """The Gamma prior of the rate, in incidents a day."""

    model_config = Json
    shape: float
    days: float


class RiskOut(Out):
    """What the risk is made of: `p` × `severity_weight` × `budget_factor`."""

    model_config = Json
    p: float = Field(description="Probability that the cause strikes the service again within 90 days.")
    n: int = Field(description="Recurrences in the exposure.")
    exposure_days: float
    prior: PriorOut | None
    severity_weight: float
    budget_factor: float
    reasons: list[ReasonOut]


class FeedTicketOut(Out):
    """The ticket, briefly."""

    provider: str
    key: str | None
    url: str | None
    status: str
    sync_state: str


class SprintItemOut(Out):
    """An open item and why it stands where it stands."""

    id: UUID
    title: str
    status: Status
    effective_priority: PriorityName
    base_priority: PriorityName
    risk: float | None = Field(description="A score, not a probability; null until it was computed.")
    risk_detail: RiskOut | None
    risk_as_of: datetime | None
    overdue: bool
    committed_due_on: date | None
    due_on: date | None
    slips: int
    evidence_due_on: date | None
    planned_in: str | None
    times_passed_over: int
    owner: PersonRef | None
    team: TeamRef | None
    service: ServiceRef | None
    root_cause: RootCauseRef | None
    incident: IncidentRef | None
    postmortem: PostmortemRef | None
    ticket: FeedTicketOut | None
    created_at: datetime


class SprintPlanningOut(Out):
    """A page of the feed, and how many older open items are not in it."""

    items: list[SprintItemOut]
    next_cursor: str | None
    older_open: int = Field(description="Open items outside the window that are not overdue either; counted to 1,000.")
    days: int


FEED = Listing(
    "action_item",
    SprintItemOut,
    ("risk",),
    {
        "status": ("status", Op.IN),
        "in_feed": ("in_feed", Op.EQ),
        "out_of_feed": ("out_of_feed", Op.EQ),
        "team": ("team", Op.IN),
        "service": ("service", Op.IN),
    },
    "-risk",
)
_FORMATS = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "text/markdown": {"schema": {"type": "string"}},
            "text/html": {"schema": {"type": "string"}},
        },
        "model": SprintPlanningOut,
    }
}


_ACCEPTED = "application/json, text/csv, text/markdown or text/html."


@router.get("", response_model=SprintPlanningOut, responses=_FORMATS)  # type: ignore[arg-type]
async def get_sprint_planning(
    ports: PortsDep,
    caller: ReaderDep,
    team: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    service: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    days: Annotated[int, Query(ge=1, le=730, description="Created, reopened or recurred within so many days.")] = 90,
    limit: Limit = 50,
    after: After = None,
    accept: Annotated[str, Header(description=_ACCEPTED)] = "application/json",
) -> Response:
    """Open items created, reopened or recurred in the window, plus every overdue one, the riskiest first."""
    scope = {"status": [str(s) for s in PLANNABLE], "team": many(team), "service": many(service)}
    page = await read_list(ports, caller, FEED, filters={**scope, "in_feed": [days]}, limit=limit, after=after)
    older = await count_list(ports, caller, FEED, filters={**scope, "out_of_feed": [days]}, at_most=1000)
    if "text/html" in accept:
        return html_answer(_as_page(page, days, older))
    if "text/csv" in accept:
        return Response(sprint_csv(_items(page)), media_type="text/csv; charset=utf-8")
    if "text/markdown" in accept:
        return Response(sprint_markdown(_items(page), days=days, older_open=older), media_type="text/markdown")
    return Response(page[:-1] + b',"older_open":%d,"days":%d}' % (older, days), media_type="application/json")


async def sprint_page(ports: Ports, caller: Caller, *, team: str | None, service: str | None, days: int = 90) -> str:
    """The feed's first page for a browser."""
    scope = {"status": [str(s) for s in PLANNABLE], "team": many(team), "service": many(service)}
    page = await read_list(ports, caller, FEED, filters={**scope, "in_feed": [days]}, limit=50)
    older = await count_list(ports, caller, FEED, filters={**scope, "out_of_feed": [days]}, at_most=1000)
    return _as_page(page, days, older)


def _as_page(page: bytes, days: int, older: int) -> str:
    found = orjson.loads(page)
    return sprint_html(found["items"], days=days, older_open=older, more=found["next_cursor"] is not None)


def _items(page: bytes) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = orjson.loads(page)["items"]
    return items
