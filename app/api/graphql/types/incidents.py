"""Incidents."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Parent

from app.api.graphql.fields import Asked, column, edge, edges
from app.api.graphql.records import described, record
from app.api.graphql.types.deployments import DeploymentType
from app.api.graphql.types.enums import SeverityName
from app.api.graphql.types.learning import RootCauseType
from app.api.graphql.types.node import VersionedType
from app.api.graphql.types.organisation import PersonType, ServiceType
from app.domain.deployments.model import ChangeHint
from app.domain.deployments.use_cases import get_changes
from app.domain.errors import Invalid
from app.domain.incidents.model import (
    CauseStatus,
    ChangeKind,
    ChangeRole,
    DetectionSource,
    Impact,
    Mode,
    Rollout,
    Visibility,
)
from app.domain.postmortems.content import TimelineKind

if TYPE_CHECKING:
    from app.api.graphql.types.action_items import ActionItemType
    from app.api.graphql.types.postmortems import PostmortemType

Postmortem = Annotated["PostmortemType", strawberry.lazy("app.api.graphql.types.postmortems")]
ActionItem = Annotated["ActionItemType", strawberry.lazy("app.api.graphql.types.action_items")]


async def _hinted(hint: Parent[ChangeHint], info: Asked) -> Any:
    return await info.context.loaders.one("deployment", hint.deployment.id)


async def _changes(
    row: Parent[dict[str, Any]],
    info: Asked,
    hours: Annotated[int | None, strawberry.argument(description="How far back; 24 unless given.")] = None,
) -> Any:
    ports, caller = info.context.ports, info.context.caller
    if hours is not None and not 1 <= hours <= ports.policy.deployments.max_hint_hours:
        raise Invalid(f"`hours` is 1 to {ports.policy.deployments.max_hint_hours}.")
    policy = ports.policy.deployments
    return await get_changes(ports.uow, policy, caller=caller, incident_id=UUID(row["id"]), hours=hours)


@described
class ChangeType:
    """The recent change behind an incident."""

    role: ChangeRole = strawberry.field(description="What it had to do with the incident.")
    kind: ChangeKind | None = strawberry.field(description="What was changed.")
    rollout: Rollout | None = strawberry.field(description="How it reached production.")


@described
class ExternalRefType:
    """The incident's name in another system."""

    source: str = strawberry.field(description="The system.")
    id: str = strawberry.field(description="The id there.")
    url: str | None = strawberry.field(description="Its address there.")


@described
class ResponderType:
    """Somebody who worked on it."""

    source: str = strawberry.field(description="The system that says so.")
    id: str = strawberry.field(description="The id there.")
    name: str = strawberry.field(description="Name for people.")
    person_id: UUID | None = strawberry.field(description="Who that is, where a person has this handle.")


@record("incident_fact")
class IncidentFactType:
    """Something that happened, as a source tells it."""

    id: str = column("The same each time the source tells it.")
    occurred_at: datetime = column("When it happened.")
    recorded_at: datetime = column("When we were told.")
    kind: TimelineKind = column("What kind of fact.")
    text: str = column("What happened.")
    url: str | None = column("Where it can be seen.")
    machine: bool = column("No person wrote the text.")
    taken: bool = column("It went into the postmortem's timeline.")


@described
class ChangeHintType:
    """A deployment that the incident may come from: where to look first, not what caused it."""

    minutes_before: float = strawberry.field(description="How long before the start it was done, or began.")
    deployment: DeploymentType = strawberry.field(description="What was put where.", resolver=_hinted)


@described
class MomentSourceType:
    """Where one of the incident's instants comes from."""

    moment: str = strawberry.field(description="The instant's name, such as `detected_at`.")
    source: str = strawberry.field(description="Such as `pagerduty` or `manual`.")


@record("incident")
class IncidentType(VersionedType):
    """Something that broke."""

    title: str = column("What broke, in a line.")
    summary: str = column("What happened.")
    severity: SeverityName = column("How bad it was.")
    mode: Mode = column("Only standard incidents count.")
    visibility: Visibility = column("Who may know of it.")
    customer_impact: Impact = column("How customers were affected.")
    detection_source: DetectionSource | None = column("Who noticed first.")
    started_at: datetime | None = column("When it began.")
    detected_at: datetime | None = column("When it was noticed.")
    acknowledged_at: datetime | None = column("When somebody took it on.")
    mitigated_at: datetime | None = column("When customers felt it no more.")
    resolved_at: datetime | None = column("When it was over.")
    moment_sources: list[MomentSourceType] = column("Where the instants come from.", of="moment_source_entries")
    contradictions: list[str] = column("What cannot be true of the instants, such as `detected_at<started_at`.")
    change: ChangeType | None = column("The recent change behind it, if any.")
    external_refs: list[ExternalRefType] = column("Its names in other systems.")
    root_cause_status: CauseStatus | None = column("Only a confirmed cause counts.")
    root_cause: RootCauseType | None = edge("What caused it.", "root_cause")
    primary_service: ServiceType = edge("The service that broke first of all.", "service")
    services: list[ServiceType] = edges("Every service that was part of it, the primary one first.", "service")
    viewers: list[PersonType] = edges("Who may see it while it is restricted.", "person")
    postmortem: Postmortem | None = edge("What was learned.", "postmortem")
    responders: list[ResponderType] = column("Who worked on it, as its paging system tells.")
    facts: list[IncidentFactType] = edges("What sources tell of it.", "incident_fact", most=1000)
    changes: list[ChangeHintType] = strawberry.field(
        resolver=_changes, description="Deployments of its services in the hours before it started."
    )
    action_items: list[ActionItem] = edges("What was promised because of it.", "action_item")
