"""REST: findings, the follow-through rules that are not met."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.schemas import Body, Line, Out, Page, PersonRef, TeamRef
from app.domain.follow_through import use_cases
from app.domain.follow_through.model import FindingCode
from app.domain.selection import Op

router = APIRouter(prefix="/findings", tags=["findings"])


class FindingOut(Out):
    """What is not as it should be, who can mend it, and how."""

    id: UUID
    version: int
    code: FindingCode
    subject_kind: str
    subject_id: UUID
    message: str
    remedy: str
    team: TeamRef | None
    owner: PersonRef | None
    incident_id: UUID | None
    opened_at: datetime
    closed_at: datetime | None
    reached: str | None = Field(description="`owner`, `team_lead` or `leadership`: how far it has been taken.")
    escalated_at: datetime | None = Field(description="When it reached them.")
    dismissed_reason: str | None


class DismissBody(Body):
    """Why this is all right after all."""

    reason: Line


LISTING = Listing(
    "finding",
    FindingOut,
    ("opened_at", "code"),
    {"code": ("code", Op.IN), "team": ("team", Op.IN), "open": ("open", Op.EQ), "subject_id": ("subject_id", Op.EQ)},
    "-opened_at",
)


@router.get("", response_model=Page[FindingOut])
async def list_findings(
    ports: PortsDep,
    caller: ReaderDep,
    code: Annotated[str | None, Query(description="Comma-separated.")] = None,
    team: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    subject_id: UUID | None = None,
    open: Annotated[bool, Query(description="Only open ones, or only closed ones.")] = True,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Findings, newest first."""
    filters = {"code": many(code), "team": many(team), "subject_id": subject_id, "open": [open]}
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.get("/{finding_id}", response_model=FindingOut)
async def get_finding(ports: PortsDep, caller: ReaderDep, finding_id: UUID) -> Response:
    """One finding."""
    return await answer_one(ports, caller, "finding", FindingOut, finding_id)


@router.post("/{finding_id}/dismiss", response_model=FindingOut)
async def dismiss_finding(ports: PortsDep, caller: CallerDep, finding_id: UUID, body: DismissBody) -> Response:
    """A person says why it is all right after all; the reason is kept."""
    await use_cases.dismiss_finding(ports.uow, ports.clock, caller=caller, finding_id=finding_id, reason=body.reason)
    return await answer_one(ports, caller, "finding", FindingOut, finding_id)
