"""REST: action items, their steps, their evidence and their history."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep, SeenVersion
from app.api.hot_lists import HotList
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.rest.verification_plans import Plan, PlanOut
from app.api.schemas import (
    Body,
    Day,
    IncidentRef,
    Instant,
    Json,
    Line,
    Out,
    Page,
    PatternRef,
    PersonRef,
    PostmortemRef,
    Ref,
    RootCauseRef,
    ServiceRef,
    TeamRef,
    Text,
    Title,
    Url,
)
from app.domain.actions.evidence import CheckKind, Observation, Verdict
from app.domain.actions.model import ControlType, DeclineCode, Priority, Status
from app.domain.actions.use_cases import commitment, evidence, writing
from app.domain.actions.use_cases.writing import ItemFields
from app.domain.budgets.model import BoostState, Signal
from app.domain.ports import Ports
from app.domain.selection import Op

router = APIRouter(prefix="/action-items", tags=["action items"])

PriorityName = Literal["urgent", "high", "medium", "low"]


class ActionItemCreate(Body):
    """A candidate of a postmortem. Service, team and root cause come from its incident unless given."""

    postmortem_id: UUID
    title: Title = Field(description="Starts with a verb.")
    control_type: ControlType
    description: Text = ""
    systemic: bool = False
    owner: Ref | None = None
    team: Ref | None = None
    service: Ref | None = None
    due_on: Day | None = None
    base_priority: PriorityName = "medium"
    plan: Plan | None = None


class ActionItemPatch(Body):
    """Only the fields that are sent change. `committed_due_on` never moves; a later `due_on` counts as a slip."""

    title: Title | None = None
    description: Text | None = None
    control_type: ControlType | None = None
    systemic: bool | None = None
    owner: Ref | None = None
    team: Ref | None = None
    service: Ref | None = None
    root_cause: Ref | None = None
    due_on: Day | None = None
    base_priority: PriorityName | None = None
    planned_in: Line | None = None
    deployed_at: Instant | None = None


class AcceptBody(Body):
    """Owner and due date, unless the candidate has them already."""

    owner: Ref | None = None
    due_on: Day | None = None


class ImplementBody(Body):
    """When the change reached production, if known."""

    deployed_at: Instant | None = None


class DeclineBody(Body):
    """Why nothing will be done, and when that is looked at again."""

    code: DeclineCode
    reason: Line
    next_review_at: Instant


class ReasonBody(Body):
    """Why."""

    reason: Line


class AttestationBody(Body):
    """What happened in production. Without window, observation and link it is no evidence (`not_evidence`)."""

    statement: Text
    observation: Observation | None = None
    window_start: Instant | None = None
    window_end: Instant | None = None
    link: Url | None = None


class EvidenceReviewBody(Body):
    """A reviewer's word on an attestation."""

    accept: bool
    comment: Text = ""


class ExplainingBoostOut(Out):
    """The boost that explains an effective priority above the base."""

    id: UUID
    slo: str
    source: str
    signal: Signal
    state: BoostState
    levels: int
    reason: str
    raised_at: datetime


class DeclineOut(Out):
    """Why nothing is done."""

    model_config = Json
    code: DeclineCode
    reason: str
    by_id: UUID
    at: datetime
    next_review_at: datetime


class TicketOut(Out):
    """The item's face in a tracker."""

    id: UUID
    provider: str
    key: str | None
    url: str | None
    status: str
    status_text: str
    assignee: str | None
    sync_state: str
    last_synced_at: datetime | None
    last_error: str | None
    dropped: list[str] = Field(description="What the tracker silently left out.")


class EvidenceOut(Out):
    """One check of the fix, kept for ever."""

    id: UUID
    kind: CheckKind
    verdict: Verdict | None = Field(description="null while an attestation waits for its reviewer.")
    ran_at: datetime
    window_start: datetime
    window_end: datetime
    observation: Observation | None
    statement: str
    link: str | None
    attested_by: PersonRef | None
    reviewed_by: PersonRef | None
    reviewed_at: datetime | None
    review_comment: str
    detail: dict[str, Any] = Field(description="What was observed: incidents, probability of silence, reason.")
    refuted_by_id: UUID | None
    refuted_at: datetime | None


class ActionItemOut(Out):
    """A commitment to change something, with its ticket and its evidence."""

    id: UUID
    version: int
    title: str
    description: str
    status: Status
    control_type: ControlType
    systemic: bool
    owner: PersonRef | None
    team: TeamRef | None
    service: ServiceRef | None
    root_cause: RootCauseRef | None
    incident: IncidentRef | None
    postmortem: PostmortemRef | None
    pattern: PatternRef | None = Field(description="The pattern of a meta-review it comes from instead of an incident.")
    committed_due_on: date | None
    due_on: date | None
    slips: int
    overdue: bool
    base_priority: PriorityName
    effective_priority: PriorityName
    boost: ExplainingBoostOut | None = Field(description="What lifts the effective priority, if anything.")
    plan: PlanOut | None
    opened_at: datetime | None
    implemented_at: datetime | None
    deployed_at: datetime | None
    evidence_due_on: date | None
    closed_at: datetime | None
    reopened_at: datetime | None
    refuted_by_id: UUID | None = Field(description="The incident that showed that the fix does not work.")
    decline: DeclineOut | None
    planned_in: str | None
    times_passed_over: int
    risk: float | None
    risk_as_of: datetime | None
    ticket: TicketOut | None
    evidence: list[EvidenceOut]
    created_at: datetime
    updated_at: datetime


class HistoryOut(Out):
    """One change of an item."""

    id: UUID
    at: datetime
    actor: str
    source: str
    field: str
    old: str | None
    new: str | None


LISTING = Listing(
    kind="action_item",
    model=ActionItemOut,
    sorts=("created_at", "updated_at", "due_on", "risk", "priority_rank", "title"),
    filters={
        "status": ("status", Op.IN),
        "control_type": ("control_type", Op.IN),
        "service": ("service", Op.IN),
        "team": ("team", Op.IN),
        "owner": ("owner", Op.IN),
        "root_cause": ("root_cause", Op.IN),
        "postmortem_id": ("postmortem_id", Op.EQ),
        "incident_id": ("incident_id", Op.EQ),
        "overdue": ("overdue", Op.EQ),
        "due_before": ("due_on", Op.LT),
        "created_after": ("created_at", Op.GT),
        "search": ("title", Op.SEARCH),
    },
    default_sort="-created_at",
)
HOT = HotList(
    "/v1/action-items", "list_action_items", LISTING,
    ("status", "control_type", "service", "team", "owner", "root_cause"),
)  # fmt: skip
HISTORY = Listing("action_item_change", HistoryOut, ("at",), {"item": ("action_item_id", Op.EQ)}, "at")


async def _answer(ports: Ports, caller: CallerDep, id: UUID, status: int = 200) -> Response:
    return await answer_one(ports, caller, "action_item", ActionItemOut, id, status=status)


@router.get("", response_model=Page[ActionItemOut])
async def list_action_items(
    ports: PortsDep,
    caller: ReaderDep,
    status: Annotated[str | None, Query(description="Comma-separated.")] = None,
    control_type: Annotated[str | None, Query(description="Comma-separated.")] = None,
    service: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    team: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    owner: Annotated[str | None, Query(description="E-mail addresses, comma-separated.")] = None,
    root_cause: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    postmortem_id: UUID | None = None,
    incident_id: UUID | None = None,
    overdue: Annotated[bool | None, Query(description="The committed date has passed without `implemented`.")] = None,
    due_before: Day | None = None,
    created_after: Instant | None = None,
    search: Annotated[str | None, Query(max_length=200, description="In the title.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Action items, newest first unless sorted otherwise."""
    filters = {
        "status": many(status), "control_type": many(control_type), "service": many(service), "team": many(team),
        "owner": many(owner), "root_cause": many(root_cause), "postmortem_id": postmortem_id,
        "incident_id": incident_id, "overdue": None if overdue is None else [overdue], "due_before": due_before,
        "created_after": created_after, "search": search,
    }  # fmt: skip
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.post("", status_code=201, response_model=ActionItemOut)
async def create_action_item(ports: PortsDep, caller: CallerDep, body: ActionItemCreate) -> Response:
    """Add a candidate to a postmortem; accepting it makes it a commitment with a ticket."""
    item = await writing.create_action_item(
        ports.uow,
        ports.clock,
        ports.policy,
        ports.monitoring,
        caller=caller,
        postmortem_id=body.postmortem_id,
        title=body.title,
        control_type=body.control_type,
        description=body.description,
        systemic=body.systemic,
        owner=body.owner,
        team=body.team,
        service=body.service,
        due_on=body.due_on,
        base_priority=Priority[body.base_priority.upper()],
        plan=body.plan.plan() if body.plan else None,
    )
    return await _answer(ports, caller, item.id, 201)


@router.get("/{item_id}", response_model=ActionItemOut)
async def get_action_item(ports: PortsDep, caller: ReaderDep, item_id: UUID) -> Response:
    """One action item with its ticket and evidence."""
    return await _answer(ports, caller, item_id)


@router.patch("/{item_id}", response_model=ActionItemOut)
async def update_action_item(
    ports: PortsDep, caller: CallerDep, seen: SeenVersion, item_id: UUID, body: ActionItemPatch
) -> Response:
    """Edit an item. What the tracker shows too is written through to the ticket."""
    given = {name: value for name, value in body.given().items() if name != "deployed_at"}
    nullable = {"owner", "team", "root_cause", "planned_in"}
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None or name in nullable}
    if "base_priority" in fields:
        fields["base_priority"] = Priority[str(fields["base_priority"]).upper()]
    await writing.update_action_item(
        ports.uow,
        ports.clock,
        ports.policy,
        caller=caller,
        item_id=item_id,
        fields=cast(ItemFields, fields),
        deployed_at=body.deployed_at,
        expected_version=seen,
    )
    return await _answer(ports, caller, item_id)


@router.post("/{item_id}/accept", response_model=ActionItemOut)
async def accept_action_item(ports: PortsDep, caller: CallerDep, item_id: UUID, body: AcceptBody) -> Response:
    """candidate → open. The due date becomes the committed one, and the ticket is on its way."""
    await commitment.accept_action_item(
        ports.uow, ports.clock, ports.policy, caller=caller, item_id=item_id, owner=body.owner, due_on=body.due_on
    )
    return await _answer(ports, caller, item_id)


@router.post("/{item_id}/start", response_model=ActionItemOut)
async def start_action_item(ports: PortsDep, caller: CallerDep, item_id: UUID) -> Response:
    """open → in_progress."""
    await commitment.start_action_item(ports.uow, ports.clock, caller=caller, item_id=item_id)
    return await _answer(ports, caller, item_id)


@router.post("/{item_id}/stop", response_model=ActionItemOut)
async def stop_action_item(ports: PortsDep, caller: CallerDep, item_id: UUID) -> Response:
    """in_progress → open."""
    await commitment.stop_action_item(ports.uow, ports.clock, caller=caller, item_id=item_id)
    return await _answer(ports, caller, item_id)


@router.post("/{item_id}/implement", response_model=ActionItemOut)
async def implement_action_item(ports: PortsDep, caller: CallerDep, item_id: UUID, body: ImplementBody) -> Response:
    """open or in_progress → implemented: done, but not yet shown to work."""
    await commitment.implement_action_item(
        ports.uow, ports.clock, caller=caller, item_id=item_id, deployed_at=body.deployed_at
    )
    return await _answer(ports, caller, item_id)


@router.post("/{item_id}/decline", response_model=ActionItemOut)
async def decline_action_item(ports: PortsDep, caller: CallerDep, item_id: UUID, body: DeclineBody) -> Response:
    """A person decides that nothing will be done, says why, and when to look again."""
    await commitment.decline_action_item(
        ports.uow,
        ports.clock,
        caller=caller,
        item_id=item_id,
        code=body.code,
        reason=body.reason,
        next_review_at=body.next_review_at,
    )
    return await _answer(ports, caller, item_id)


@router.post("/{item_id}/reopen", response_model=ActionItemOut)
async def reopen_action_item(ports: PortsDep, caller: CallerDep, item_id: UUID, body: ReasonBody) -> Response:
    """implemented, closed or declined → open, by hand."""
    await commitment.reopen_action_item(ports.uow, ports.clock, caller=caller, item_id=item_id, reason=body.reason)
    return await _answer(ports, caller, item_id)


@router.put("/{item_id}/verification-plan", response_model=ActionItemOut)
async def set_verification_plan(ports: PortsDep, caller: CallerDep, item_id: UUID, body: Plan) -> Response:
    """Say how we will know. Once implemented, only a reviewer who is not the owner may change it."""
    await writing.set_verification_plan(
        ports.uow, ports.clock, ports.policy, ports.monitoring, caller=caller, item_id=item_id, plan=body.plan()
    )
    return await _answer(ports, caller, item_id)


@router.post("/{item_id}/checks", response_model=ActionItemOut)
async def run_checks(ports: PortsDep, caller: CallerDep, item_id: UUID) -> Response:
    """Run the planned checks that need no person, now. They also run by themselves when the window ends."""
    await evidence.run_checks(
        ports.uow, ports.clock, ports.policy, ports.risk_policy, ports.monitoring, caller=caller, item_id=item_id
    )
    return await _answer(ports, caller, item_id)


@router.post("/{item_id}/evidence", status_code=201, response_model=EvidenceOut)
async def attest_action_item(ports: PortsDep, caller: CallerDep, item_id: UUID, body: AttestationBody) -> Response:
    """A person other than the owner states what happened in production; it waits for a reviewer."""
    check = await evidence.attest_action_item(
        ports.uow,
        ports.clock,
        caller=caller,
        item_id=item_id,
        observation=body.observation,
        statement=body.statement,
        window_start=body.window_start,
        window_end=body.window_end,
        link=body.link,
    )
    return await answer_one(ports, caller, "check", EvidenceOut, check.id, status=201)


@router.post("/{item_id}/evidence/{check_id}/review", response_model=EvidenceOut)
async def review_evidence(
    ports: PortsDep, caller: CallerDep, item_id: UUID, check_id: UUID, body: EvidenceReviewBody
) -> Response:
    """A reviewer who is neither owner nor witness accepts or rejects; accepting closes the item."""
    await evidence.review_evidence(
        ports.uow,
        ports.clock,
        caller=caller,
        item_id=item_id,
        check_id=check_id,
        accept=body.accept,
        comment=body.comment,
    )
    return await answer_one(ports, caller, "check", EvidenceOut, check_id)


@router.get("/{item_id}/history", response_model=Page[HistoryOut])
async def list_action_item_history(
    ports: PortsDep, caller: ReaderDep, item_id: UUID, limit: Limit = 50, after: After = None
) -> Response:
    """Who changed what and when, oldest first."""
    return await answer_list(ports, caller, HISTORY, filters={"item": item_id}, limit=limit, after=after)
