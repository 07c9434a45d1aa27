"""Incidents."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from app.api.graphql.fields import column, edge, edges
from app.api.graphql.records import described, record
from app.api.graphql.types.enums import SeverityName
from app.api.graphql.types.learning import RootCauseType
from app.api.graphql.types.node import VersionedType
from app.api.graphql.types.organisation import PersonType, ServiceType
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

if TYPE_CHECKING:
    from app.api.graphql.types.action_items import ActionItemType
    from app.api.graphql.types.postmortems import PostmortemType

Postmortem = Annotated["PostmortemType", strawberry.lazy("app.api.graphql.types.postmortems")]
ActionItem = Annotated["ActionItemType", strawberry.lazy("app.api.graphql.types.action_items")]


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
class MomentSourceType:
    """Where one of the incident's instants comes from."""

    moment: str = strawberry.field(description="The instant's name, such as `detected_at`.")
    source: str = strawberry.field(description="Such as `pagerduty` or `manual`.")


def _sources(given: dict[str, str]) -> list[dict[str, Any]]:
    return [{"moment": moment, "source": source} for moment, source in given.items()]


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
    moment_sources: list[MomentSourceType] = column("Where the instants come from.", shape=_sources)
    contradictions: list[str] = column("What cannot be true of the instants, such as `detected_at<started_at`.")
    change: ChangeType | None = column("The recent change behind it, if any.")
    external_refs: list[ExternalRefType] = column("Its names in other systems.")
    root_cause_status: CauseStatus | None = column("Only a confirmed cause counts.")
    root_cause: RootCauseType | None = edge("What caused it.", "root_cause")
    primary_service: ServiceType = edge("The service that broke first of all.", "service")
    services: list[ServiceType] = edges("Every service that was part of it, the primary one first.", "service")
    viewers: list[PersonType] = edges("Who may see it while it is restricted.", "person")
    postmortem: Postmortem | None = edge("What was learned.", "postmortem")
    action_items: list[ActionItem] = edges("What was promised because of it.", "action_item")
