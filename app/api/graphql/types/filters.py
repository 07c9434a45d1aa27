"""What lists can be narrowed to: the filters of the REST lists, under the same names.

Several values of one field are alternatives; several fields must all hold. An absent field or null asks for nothing.
"""

from datetime import date, datetime
from inspect import getdoc
from typing import Any, TypeVar, dataclass_transform

import strawberry

from app.api.graphql.types.enums import SeverityName
from app.domain.access import Role
from app.domain.actions.model import ControlType, Status
from app.domain.deployments.model import DeploymentState
from app.domain.drafting.model import DraftState
from app.domain.follow_through.model import FindingCode
from app.domain.incidents.model import CauseStatus, Impact, Mode
from app.domain.learning.suggestions import SuggestionKind, SuggestionVerdict
from app.domain.meta_reviews.model import MetaReviewStatus
from app.domain.organisation.model import Provider
from app.domain.outbound.model import EndpointState, WebhookDeliveryState
from app.domain.postmortems.model import PostmortemStatus
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.model import TicketStatus

T = TypeVar("T", bound=type[Any])


@dataclass_transform(kw_only_default=True)
def _narrowing(cls: T) -> T:
    return strawberry.input(cls, description=getdoc(cls))


def _by(description: str) -> Any:
    return strawberry.field(description=description, default=None)


@_narrowing
class TeamFilter:
    """Which teams."""

    search: str | None = _by("Part of the name, in any case.")


@_narrowing
class PersonFilter:
    """Which people."""

    team: list[str] | None = _by("Slugs of teams.")
    role: list[Role] | None = _by("Roles.")
    active: bool | None = _by("Only people who are here, or only those who have left.")
    search: str | None = _by("Part of the name, in any case.")


@_narrowing
class ServiceAccountFilter:
    """Which programs."""

    active: bool | None = _by("Only those that are on, or only those switched off.")


@_narrowing
class ServiceFilter:
    """Which services."""

    team: list[str] | None = _by("Slugs of teams.")
    search: str | None = _by("Part of the name, in any case.")


@_narrowing
class RootCauseFilter:
    """Which root causes."""

    factor_code: list[str] | None = _by("Codes of factors.")
    merged: bool | None = _by("Only entries that were merged into others, or only those that count.")
    search: str | None = _by("Part of the title, in any case.")


@_narrowing
class IncidentFilter:
    """Which incidents."""

    severity: list[SeverityName] | None = _by("Severities.")
    mode: list[Mode] | None = _by("Modes; only standard incidents count in metrics.")
    customer_impact: list[Impact] | None = _by("How customers were affected.")
    service: list[str] | None = _by("Slugs of services, primary or not.")
    team: list[str] | None = _by("Slugs of teams that own the primary service.")
    root_cause: list[str] | None = _by("Slugs of root causes.")
    root_cause_status: list[CauseStatus] | None = _by("Proposed, confirmed.")
    resolved: bool | None = _by("Only resolved ones, or only those still going on.")
    contradicting: bool | None = _by("Only those whose times contradict each other, or only the others.")
    pattern: strawberry.ID | None = _by("The pattern of a meta-review it shows.")
    external_id: list[str] | None = _by("Ids in other systems.")
    started_after: datetime | None = _by("Started after this instant.")
    started_before: datetime | None = _by("Started before this instant.")
    created_after: datetime | None = _by("Recorded after this instant.")
    search: str | None = _by("Part of the title, in any case.")


@_narrowing
class PostmortemFilter:
    """Which postmortems."""

    status: list[PostmortemStatus] | None = _by("Statuses.")
    tier: list[int] | None = _by("Tiers, 1 to 3.")
    service: list[str] | None = _by("Slugs of services of the incident.")
    team: list[str] | None = _by("Slugs of teams that own the primary service.")
    author: list[str] | None = _by("E-mail addresses.")
    incident_id: strawberry.ID | None = _by("The incident it is about.")
    overdue: bool | None = _by("Its due date has passed and no version is published.")
    due_before: date | None = _by("Due before this date.")
    created_after: datetime | None = _by("Created after this instant.")


@_narrowing
class ActionItemFilter:
    """Which action items."""

    status: list[Status] | None = _by("Statuses.")
    control_type: list[ControlType] | None = _by("What the change does about the cause.")
    service: list[str] | None = _by("Slugs of services.")
    team: list[str] | None = _by("Slugs of teams.")
    owner: list[str] | None = _by("E-mail addresses.")
    root_cause: list[str] | None = _by("Slugs of root causes.")
    postmortem_id: strawberry.ID | None = _by("The postmortem it comes from.")
    incident_id: strawberry.ID | None = _by("The incident it comes from.")
    overdue: bool | None = _by("The committed date has passed without the item being implemented.")
    due_before: date | None = _by("Due before this date.")
    created_after: datetime | None = _by("Created after this instant.")
    search: str | None = _by("Part of the title, in any case.")


@_narrowing
class MetaReviewFilter:
    """Which meta-reviews."""

    status: list[MetaReviewStatus] | None = _by("Statuses.")
    period: list[str] | None = _by("Calendar quarters such as 2026-Q1.")


@_narrowing
class DraftFilter:
    """Which drafts."""

    postmortem_id: str | None = _by("The postmortem: a global id or a bare UUID.")
    state: list[DraftState] | None = _by("How far they are.")


@_narrowing
class DeploymentFilter:
    """Which deployments."""

    service: list[str] | None = _by("Slugs of services.")
    environment: list[str] | None = _by("Where they went.")
    state: list[DeploymentState] | None = _by("How far they are.")
    source: list[str] | None = _by("Who says so.")
    ended_after: datetime | None = _by("Done after this instant.")
    ended_before: datetime | None = _by("Done before this instant.")


@_narrowing
class AnnotationFilter:
    """Which annotations."""

    service: list[str] | None = _by("Slugs of services.")
    source: list[str] | None = _by("Who says so.")
    at_after: datetime | None = _by("Happened after this instant.")
    at_before: datetime | None = _by("Happened before this instant.")


@_narrowing
class SuggestionAnswerFilter:
    """Which answers to suggestions."""

    incident_id: strawberry.ID | None = _by("The incident it was suggested for.")
    kind: list[SuggestionKind] | None = _by("What was suggested.")
    verdict: list[SuggestionVerdict] | None = _by("Whether it holds.")


@_narrowing
class FindingFilter:
    """Which findings."""

    code: list[FindingCode] | None = _by("Rules.")
    team: list[str] | None = _by("Slugs of teams.")
    open: bool | None = _by("Only open ones, or only closed ones.")
    subject_id: strawberry.ID | None = _by("The record it is about.")


@_narrowing
class DeliveryFilter:
    """Which deliveries."""

    state: list[DeliveryState] | None = _by("States; dead ones wait for a person.")
    provider: list[Provider] | None = _by("Trackers.")


@_narrowing
class LocalTicketFilter:
    """Which tickets of our own tracker."""

    status: list[TicketStatus] | None = _by("Statuses.")


@_narrowing
class WebhookEndpointFilter:
    """Which webhook endpoints."""

    state: list[EndpointState] | None = _by("Their states.")


@_narrowing
class WebhookDeliveryFilter:
    """Which deliveries to webhook endpoints."""

    endpoint_id: strawberry.ID | None = _by("The endpoint: a global id or a bare UUID.")
    event_id: strawberry.ID | None = _by("The event: its UUID.")
    state: list[WebhookDeliveryState] | None = _by("Their states.")
    event_type: list[str] | None = _by("Types of events.")
