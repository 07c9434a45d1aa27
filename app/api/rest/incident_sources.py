"""REST: what others tell of an incident: its import from a paging system, facts, and changes before it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one
from app.api.rest.incident_schemas import IncidentOut
from app.api.schemas import Body, Line, Out, Page, Ref, Slug
from app.domain.deployments.model import ChangeHint, DeploymentState
from app.domain.deployments.use_cases import get_changes as reading_changes
from app.domain.incidents.import_incident import import_incident as importing
from app.domain.policy import DeploymentPolicy
from app.domain.postmortems.content import TimelineKind
from app.domain.selection import Op

router = APIRouter(prefix="/incidents", tags=["incidents"])
_LONGEST = DeploymentPolicy().max_hint_hours


class IncidentImport(Body):
    """Which incident of which paging system."""

    provider: Slug = Field(default="pagerduty", description="The paging system.")
    id: Line = Field(description="The incident's id or URL there.")
    services: list[Ref] = Field(
        default=[], max_length=50, description="Where it belongs, if the service there is none of ours."
    )


class IncidentFactOut(Out):
    """Something that happened, as a source tells it."""

    id: str = Field(description="The same each time the source tells it, such as `pagerduty:log:Q02JTSNZWHSEKV`.")
    occurred_at: datetime
    recorded_at: datetime
    kind: TimelineKind
    text: str
    url: str | None
    machine: bool = Field(description="No person wrote the text.")
    taken: bool = Field(description="It went into the postmortem's timeline, and does not come back once taken out.")


class ChangeHintOut(Out):
    """A deployment that the incident may come from."""

    minutes_before: float = Field(description="How long before the incident started it was done, or began.")
    deployment_id: UUID
    service_ids: list[UUID]
    state: DeploymentState
    environment: str
    revision: str | None
    repository: str | None
    url: str | None
    description: str
    started_at: datetime | None
    deployed_at: datetime | None


class ChangesOut(Out):
    """Where to look first. That one of them came before the incident does not mean that it caused it."""

    items: list[ChangeHintOut]


FACTS = Listing("incident_fact", IncidentFactOut, ("occurred_at",), {"of": ("incident_id", Op.EQ)}, "occurred_at")


@router.post("/import", status_code=201, response_model=IncidentOut, responses={200: {"model": IncidentOut}})
async def import_incident(ports: PortsDep, caller: CallerDep, body: IncidentImport) -> Response:
    """Import an incident with its log, alerts, notes and responders (201); imported again it is brought up to date
    (200), and what a person has corrected here stays."""
    brought = await importing(
        ports.uow,
        ports.clock,
        ports.policy,
        ports.paging,
        caller=caller,
        provider=body.provider,
        reference=body.id,
        services=body.services,
    )
    status = 201 if brought.is_new else 200
    return await answer_one(ports, caller, "incident", IncidentOut, brought.incident.id, status=status)


@router.get("/{incident_id}/facts", response_model=Page[IncidentFactOut])
async def list_incident_facts(
    ports: PortsDep, caller: ReaderDep, incident_id: UUID, sort: SortBy = None, limit: Limit = 50, after: After = None
) -> Response:
    """What sources tell of the incident, in order. It goes into its postmortem's timeline while that is written."""
    return await answer_list(ports, caller, FACTS, filters={"of": incident_id}, sort=sort, limit=limit, after=after)


@router.get("/{incident_id}/changes", response_model=ChangesOut)
async def get_changes(
    ports: PortsDep,
    caller: ReaderDep,
    incident_id: UUID,
    hours: Annotated[int | None, Query(ge=1, le=_LONGEST, description="How far back; 24 unless said.")] = None,
) -> ChangesOut:
    """Deployments of the incident's services to production in the hours before it started, the nearest first."""
    found = await reading_changes(
        ports.uow, ports.policy.deployments, caller=caller, incident_id=incident_id, hours=hours
    )
    return ChangesOut(items=[_change(hint) for hint in found])


def _change(hint: ChangeHint) -> ChangeHintOut:
    one = hint.deployment
    return ChangeHintOut(
        minutes_before=hint.minutes_before, deployment_id=one.id, service_ids=list(one.service_ids), state=one.state,
        environment=one.environment, revision=one.revision, repository=one.repository, url=one.url,
        description=one.description, started_at=one.started_at, deployed_at=one.deployed_at,
    )  # fmt: skip
