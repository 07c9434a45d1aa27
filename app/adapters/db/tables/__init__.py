"""Every table, as SQLModel classes that are used through Core only: no relationships, no lazy loading."""

from app.adapters.db.tables.actions import ActionItemChangeRow, ActionItemRow, CheckRow
from app.adapters.db.tables.budgets import BoostRow, BudgetReadingRow, SloRow
from app.adapters.db.tables.columns import METADATA, Versioned
from app.adapters.db.tables.drafts import DraftRow, TranscriptRow
from app.adapters.db.tables.events_out import AuditRow, WebhookAttemptRow, WebhookDeliveryRow, WebhookEndpointRow
from app.adapters.db.tables.follow_through import ChatPostRow, EventRow, FindingRow
from app.adapters.db.tables.happenings import (
    AnnotationRow,
    AnnotationServiceRow,
    AnnouncementRow,
    DeploymentReferenceRow,
    DeploymentRow,
    DeploymentServiceRow,
    IncidentAccountRow,
    IncidentFactRow,
)
from app.adapters.db.tables.incidents import (
    FactorRow,
    IncidentRefRow,
    IncidentRow,
    IncidentServiceRow,
    IncidentViewerRow,
    RootCauseRow,
)
from app.adapters.db.tables.learning import RiskFitRow, SuggestionAnswerRow
from app.adapters.db.tables.meta_reviews import MetaReviewPatternRow, MetaReviewRow, MetaReviewThemeRow
from app.adapters.db.tables.metrics import AcceptanceRow, GaugeRow
from app.adapters.db.tables.organisation import ApiKeyRow, PersonRow, ServiceAccountRow, ServiceRow, TeamRow
from app.adapters.db.tables.postmortems import (
    PostmortemFactorRow,
    PostmortemRow,
    PublicationRow,
    SignOffRow,
    TimelineEntryRow,
)
from app.adapters.db.tables.safety import IdempotencyKeyRow
from app.adapters.db.tables.tickets import DeliveryRow, InboxRow, LocalTicketRow, TicketRow

__all__ = [
    "METADATA",
    "AcceptanceRow",
    "ActionItemChangeRow",
    "ActionItemRow",
    "AnnotationRow",
    "AnnotationServiceRow",
    "AnnouncementRow",
    "ApiKeyRow",
    "AuditRow",
    "BoostRow",
    "BudgetReadingRow",
    "ChatPostRow",
    "CheckRow",
    "DeliveryRow",
    "DeploymentReferenceRow",
    "DeploymentRow",
    "DeploymentServiceRow",
    "DraftRow",
    "EventRow",
    "FactorRow",
    "FindingRow",
    "GaugeRow",
    "IdempotencyKeyRow",
    "InboxRow",
    "IncidentAccountRow",
    "IncidentFactRow",
    "IncidentRefRow",
    "IncidentRow",
    "IncidentServiceRow",
    "IncidentViewerRow",
    "LocalTicketRow",
    "MetaReviewPatternRow",
    "MetaReviewRow",
    "MetaReviewThemeRow",
    "PersonRow",
    "PostmortemFactorRow",
    "PostmortemRow",
    "PublicationRow",
    "RiskFitRow",
    "RootCauseRow",
    "ServiceAccountRow",
    "ServiceRow",
    "SignOffRow",
    "SloRow",
    "SuggestionAnswerRow",
    "TeamRow",
    "TicketRow",
    "TimelineEntryRow",
    "TranscriptRow",
    "Versioned",
    "WebhookAttemptRow",
    "WebhookDeliveryRow",
    "WebhookEndpointRow",
]
