"""Every table, as SQLModel classes that are used through Core only: no relationships, no lazy loading."""

from app.adapters.db.tables.actions import ActionItemChangeRow, ActionItemRow, CheckRow
from app.adapters.db.tables.budgets import BoostRow, BudgetReadingRow, SloRow
from app.adapters.db.tables.columns import METADATA, Versioned
from app.adapters.db.tables.follow_through import EventRow, FindingRow
from app.adapters.db.tables.incidents import (
    FactorRow,
    IncidentRefRow,
    IncidentRow,
    IncidentServiceRow,
    IncidentViewerRow,
    RootCauseRow,
)
from app.adapters.db.tables.learning import RiskFitRow
from app.adapters.db.tables.organisation import ApiKeyRow, PersonRow, ServiceAccountRow, ServiceRow, TeamRow
from app.adapters.db.tables.postmortems import (
    PostmortemFactorRow,
    PostmortemRow,
    PublicationRow,
    SignOffRow,
    TimelineEntryRow,
)
from app.adapters.db.tables.tickets import DeliveryRow, InboxRow, LocalTicketRow, TicketRow

__all__ = [
    "METADATA",
    "ActionItemChangeRow",
    "ActionItemRow",
    "ApiKeyRow",
    "BoostRow",
    "BudgetReadingRow",
    "CheckRow",
    "DeliveryRow",
    "EventRow",
    "FactorRow",
    "FindingRow",
    "InboxRow",
    "IncidentRefRow",
    "IncidentRow",
    "IncidentServiceRow",
    "IncidentViewerRow",
    "LocalTicketRow",
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
    "TeamRow",
    "TicketRow",
    "TimelineEntryRow",
    "Versioned",
]
