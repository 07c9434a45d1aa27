"""The enums of the schema: those of the domain, under their names there and in REST."""

from enum import Enum, StrEnum
from inspect import getdoc

import strawberry

from app.domain.access import Role
from app.domain.actions.evidence import CheckKind, Comparison, Exercise, MetricMode, Observation, Verdict
from app.domain.actions.model import ControlType, DeclineCode, Status
from app.domain.announcing.model import AnnouncementState, AnnouncementTarget
from app.domain.budgets.measuring import Band
from app.domain.budgets.model import BoostState, Signal
from app.domain.deployments.model import DeploymentState
from app.domain.drafting.evidence import EvidenceSort, SourceState
from app.domain.drafting.model import DraftState
from app.domain.drafting.proposal import Writing
from app.domain.drafting.transcripts import TranscriptFormat
from app.domain.follow_through.model import FindingCode
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
from app.domain.learning.suggestions import SuggestionKind, SuggestionVerdict
from app.domain.learning.trend import TrendMethod, TrendVerdict
from app.domain.meta_reviews.model import BuildState, BuildStep, MetaReviewStatus
from app.domain.meta_reviews.pattern import Direction, PatternKind
from app.domain.meta_reviews.theme import ThemeStatus
from app.domain.monitoring import Backend
from app.domain.organisation.model import Provider
from app.domain.outbound.model import EndpointState, WebhookDeliveryState
from app.domain.postmortems.content import Forum, SectionName, TimelineKind
from app.domain.postmortems.model import Audience, PostmortemStatus
from app.domain.tracking.deliveries import DeliveryKind, DeliveryState
from app.domain.tracking.model import SyncState, TicketStatus


class PriorityName(StrEnum):
    """How urgent an action item is; boosts lift it towards urgent."""

    URGENT = "urgent"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class SeverityName(StrEnum):
    """How bad an incident is; P1 is the worst."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"


class PhaseName(StrEnum):
    """What makes a timeline complete."""

    DETECTION = "detection"
    RESPONSE = "response"
    MITIGATION = "mitigation"
    RESOLUTION = "resolution"


class MomentName(StrEnum):
    """An instant of an incident."""

    STARTED_AT = "started_at"
    DETECTED_AT = "detected_at"
    ACKNOWLEDGED_AT = "acknowledged_at"
    MITIGATED_AT = "mitigated_at"
    RESOLVED_AT = "resolved_at"


class HandleProvider(StrEnum):
    """Where a person can have a handle."""

    GITHUB = "github"
    JIRA = "jira"
    LINEAR = "linear"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"


class Bucketing(StrEnum):
    """Length of a bucket in a trend."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


DOMAIN: tuple[type[Enum], ...] = (
    DraftState, EvidenceSort, SourceState, TranscriptFormat, Writing,
    BuildState, BuildStep, Direction, MetaReviewStatus, PatternKind, ThemeStatus,
    AnnouncementState, AnnouncementTarget, DeploymentState,
    Role, CheckKind, Observation, Verdict, ControlType, DeclineCode, Status, FindingCode, CauseStatus, ChangeKind,
    ChangeRole, DetectionSource, Impact, Mode, Rollout, Visibility, TrendVerdict, TrendMethod, Provider, Forum,
    SectionName, TimelineKind, Audience, PostmortemStatus, DeliveryKind, DeliveryState, SyncState, TicketStatus,
    Band, Signal, BoostState, Comparison, MetricMode, Exercise, Backend, EndpointState, WebhookDeliveryState,
    SuggestionKind, SuggestionVerdict,
)  # fmt: skip
"""Their values are what the columns hold."""

BY_VALUES: dict[frozenset[str], type[StrEnum]] = {
    frozenset(enum): enum for enum in (PriorityName, SeverityName, PhaseName, MomentName, HandleProvider, Bucketing)
}
"""The enum behind a `Literal` of REST."""

for _enum in DOMAIN:
    strawberry.enum(_enum, description=getdoc(_enum))
for _named in BY_VALUES.values():
    strawberry.enum(_named, name=_named.__name__.removesuffix("Name"), description=getdoc(_named))
