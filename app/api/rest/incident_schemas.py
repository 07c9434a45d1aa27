"""Incidents as they go over the wire."""

from datetime import datetime
from typing import Annotated, Literal, cast
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas import (
    Body,
    Instant,
    Json,
    Line,
    Out,
    PersonRef,
    PostmortemRef,
    Ref,
    RootCauseRef,
    ServiceRef,
    Text,
    Title,
    Url,
)
from app.domain.incidents.model import (
    CauseStatus,
    Change,
    ChangeKind,
    ChangeRole,
    DetectionSource,
    ExternalRef,
    Impact,
    Mode,
    Rollout,
    Severity,
    Visibility,
)
from app.domain.incidents.use_cases import IncidentFields

SeverityName = Literal["P1", "P2", "P3", "P4", "P5"]
MomentName = Literal["started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at"]
SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,49}$")]
_SOURCES = "Where an instant comes from, such as `pagerduty`; `manual` unless said."
_STATUS = "A proposed cause counts nowhere; a confirmed one decides recurrence."


class ChangeBody(Body):
    """The recent change behind it, if any."""

    role: ChangeRole
    kind: ChangeKind | None = None
    rollout: Rollout | None = None


class ExternalRefBody(Body):
    """The incident's name elsewhere; source and id together name one incident only."""

    source: SourceName = Field(examples=["pagerduty"])
    id: Line
    url: Url | None = None


class IncidentPatch(Body):
    """Only the fields that are sent change. Times that contradict each other are kept and flagged."""

    title: Title | None = None
    summary: Text | None = None
    severity: SeverityName | None = None
    services: list[Ref] | None = Field(default=None, min_length=1, max_length=50)
    primary_service: Ref | None = Field(default=None, description="One of `services`; the first one unless said.")
    mode: Mode | None = Field(default=None, description="Only `standard` incidents count in metrics and risk.")
    started_at: Instant | None = None
    detected_at: Instant | None = None
    acknowledged_at: Instant | None = None
    mitigated_at: Instant | None = None
    resolved_at: Instant | None = Field(default=None, description="Setting it resolves the incident.")
    moment_sources: dict[MomentName, SourceName] | None = Field(default=None, description=_SOURCES)
    detection_source: DetectionSource | None = None
    customer_impact: Impact | None = None
    change: ChangeBody | None = None
    external_refs: list[ExternalRefBody] | None = Field(default=None, max_length=20)
    root_cause: Ref | None = Field(default=None, description="A new one is `proposed` unless its status is sent too.")
    root_cause_status: CauseStatus | None = Field(default=None, description=_STATUS)
    visibility: Visibility | None = Field(
        default=None, description="`restricted`: only admins and `viewers` can know that it exists."
    )
    viewers: list[Ref] | None = Field(
        default=None, max_length=200, description="Matter while it is restricted. Whoever restricts it is added."
    )

    def fields(self, *but: str) -> IncidentFields:
        given = self.changes(
            "started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at", "detection_source",
            "change", "root_cause",
        )  # fmt: skip
        if self.severity is not None:
            given["severity"] = Severity[self.severity]
        if self.change is not None:
            given["change"] = Change(self.change.role, self.change.kind, self.change.rollout)
        if self.external_refs is not None:
            given["external_refs"] = tuple(ExternalRef(ref.source, ref.id, ref.url) for ref in self.external_refs)
        return cast(IncidentFields, {name: value for name, value in given.items() if name not in but})


class IncidentCreate(IncidentPatch):
    """Something that broke."""

    title: Title
    severity: SeverityName
    services: list[Ref] = Field(min_length=1, max_length=50)


class ChangeOut(Out):
    """The recent change behind it."""

    model_config = Json
    role: ChangeRole
    kind: ChangeKind | None
    rollout: Rollout | None


class ExternalRefOut(Out):
    """The incident's name elsewhere."""

    model_config = Json
    source: str
    id: str
    url: str | None


class ResponderOut(Out):
    """Somebody who worked on it."""

    model_config = Json
    source: str
    id: str = Field(description="The id there.")
    name: str
    person_id: UUID | None = Field(description="Who that is, where a person has this handle.")


class IncidentOut(Out):
    """Something that broke."""

    id: UUID
    version: int
    title: str
    summary: str
    severity: SeverityName
    mode: Mode
    visibility: Visibility
    services: list[ServiceRef] = Field(description="The primary one first.")
    primary_service: ServiceRef
    started_at: datetime | None
    detected_at: datetime | None
    acknowledged_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    moment_sources: dict[str, str] = Field(description=_SOURCES)
    contradictions: list[str] = Field(
        description="What cannot be true, as `later<earlier` or `later>now`; metrics leave such an incident out."
    )
    detection_source: DetectionSource | None
    customer_impact: Impact
    change: ChangeOut | None
    external_refs: list[ExternalRefOut]
    responders: list[ResponderOut]
    root_cause: RootCauseRef | None
    root_cause_status: CauseStatus | None = Field(description=_STATUS)
    viewers: list[PersonRef]
    postmortem: PostmortemRef | None
    created_at: datetime
    updated_at: datetime
