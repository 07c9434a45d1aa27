"""REST: incidents."""

from typing import Annotated, get_args
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.api.deps import CallerDep, PortsDep, ReaderDep, SeenVersion
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.rest.incident_schemas import IncidentCreate, IncidentOut, IncidentPatch, SeverityName
from app.api.schemas import Instant, Page
from app.domain.incidents import use_cases
from app.domain.incidents.model import CauseStatus, Impact, Mode, Severity
from app.domain.selection import Op

router = APIRouter(prefix="/incidents", tags=["incidents"])

LISTING = Listing(
    kind="incident",
    model=IncidentOut,
    sorts=("started_at", "created_at", "updated_at", "resolved_at", "severity_rank", "title"),
    filters={
        "severity": ("severity", Op.IN),
        "mode": ("mode", Op.IN),
        "customer_impact": ("customer_impact", Op.IN),
        "service": ("service", Op.IN),
        "team": ("team", Op.IN),
        "root_cause": ("root_cause", Op.IN),
        "root_cause_status": ("root_cause_status", Op.IN),
        "resolved": ("resolved", Op.EQ),
        "contradicting": ("contradicting", Op.EQ),
        "pattern": ("pattern", Op.EQ),
        "external_id": ("external_id", Op.IN),
        "started_after": ("started_at", Op.GT),
        "started_before": ("started_at", Op.LT),
        "created_after": ("created_at", Op.GT),
        "search": ("title", Op.SEARCH),
    },
    default_sort="-started_at",
)


@router.get("", response_model=Page[IncidentOut])
async def list_incidents(
    ports: PortsDep,
    caller: ReaderDep,
    severity: Annotated[str | None, Query(description="P1 to P5, comma-separated.")] = None,
    mode: Annotated[str | None, Query(description="Comma-separated.")] = None,
    customer_impact: Annotated[str | None, Query(description="Comma-separated.")] = None,
    service: Annotated[str | None, Query(description="Slugs, comma-separated; any service of the incident.")] = None,
    team: Annotated[str | None, Query(description="Slugs, comma-separated; the primary service's team.")] = None,
    root_cause: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    root_cause_status: Annotated[str | None, Query(description="Comma-separated.")] = None,
    resolved: bool | None = None,
    contradicting: Annotated[bool | None, Query(description="Only those whose times contradict each other.")] = None,
    pattern: Annotated[UUID | None, Query(description="The id of a meta-review's pattern.")] = None,
    external_id: Annotated[str | None, Query(description="Its id elsewhere, comma-separated.")] = None,
    started_after: Instant | None = None,
    started_before: Instant | None = None,
    created_after: Instant | None = None,
    search: Annotated[str | None, Query(max_length=200, description="In the title.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Incidents, the latest start first unless sorted otherwise."""
    filters = {
        "severity": many(severity, get_args(SeverityName)), "mode": many(mode, list(Mode)),
        "customer_impact": many(customer_impact, list(Impact)), "service": many(service), "team": many(team),
        "root_cause": many(root_cause), "root_cause_status": many(root_cause_status, list(CauseStatus)),
        "resolved": None if resolved is None else [resolved],
        "contradicting": None if contradicting is None else [contradicting], "external_id": many(external_id),
        "pattern": None if pattern is None else str(pattern),
        "started_after": started_after, "started_before": started_before, "created_after": created_after,
        "search": search,
    }  # fmt: skip
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.post("", status_code=201, response_model=IncidentOut)
async def create_incident(ports: PortsDep, caller: CallerDep, body: IncidentCreate) -> Response:
    """Record an incident, over or not. One that needs a postmortem gets it when it is resolved."""
    incident = await use_cases.create_incident(
        ports.uow,
        ports.clock,
        caller=caller,
        title=body.title,
        severity=Severity[body.severity],
        services=body.services,
        fields=body.fields("title", "severity", "services"),
    )
    return await answer_one(ports, caller, "incident", IncidentOut, incident.id, status=201)


@router.get("/{incident_id}", response_model=IncidentOut)
async def get_incident(ports: PortsDep, caller: ReaderDep, incident_id: UUID) -> Response:
    """One incident; a restricted one only for admins and its viewers."""
    return await answer_one(ports, caller, "incident", IncidentOut, incident_id)


@router.patch("/{incident_id}", response_model=IncidentOut)
async def update_incident(
    ports: PortsDep, caller: CallerDep, seen: SeenVersion, incident_id: UUID, body: IncidentPatch
) -> Response:
    """Say more about an incident, resolve it, name or confirm its cause, correct it, restrict who may see it.

    A confirmed cause that equals a closed fix's reopens that fix; correcting the cause undoes that.
    """
    await use_cases.update_incident(
        ports.uow,
        ports.clock,
        caller=caller,
        incident_id=incident_id,
        fields=body.fields(),
        expected_version=seen,
    )
    return await answer_one(ports, caller, "incident", IncidentOut, incident_id)
