"""Every table, as SQLModel classes that are used through Core only: no relationships, no lazy loading."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = SQLModel.metadata
METADATA.naming_convention = CONVENTION


def _at(**options: Any) -> Any:
    return Field(sa_type=sa.DateTime(timezone=True), **options)


def _json(default: str | None = None, **options: Any) -> Any:
    column = {"server_default": sa.text(f"'{default}'")} if default else {}
    return Field(sa_type=JSONB(none_as_null=True), sa_column_kwargs=column, **options)


def _ref(target: str, **options: Any) -> Any:
    return Field(foreign_key=target, **options)


def _text(**options: Any) -> Any:
    return Field(sa_type=sa.Text, **options)


class Versioned(SQLModel):
    id: UUID = Field(primary_key=True)
    version: int = 1
    created_at: datetime = _at()
    updated_at: datetime = _at()


# ── Organisation ─────────────────────────────────────────────────────────────────────────────────────────────────


class TeamRow(Versioned, table=True):
    __tablename__ = "teams"

    slug: str = _text(unique=True)
    name: str = _text()
    # Teams and people name each other, so one of the two constraints is added after both tables exist.
    lead_id: UUID | None = Field(sa_column=sa.Column(sa.Uuid, sa.ForeignKey("people.id", use_alter=True), index=True))
    chat_channel: str | None = _text()
    time_zone: str = _text()
    working_days: list[int] = Field(sa_type=ARRAY(sa.SmallInteger))
    route: dict[str, Any] | None = _json()


class PersonRow(Versioned, table=True):
    __tablename__ = "people"

    email: str = _text(unique=True)
    name: str = _text()
    role: str = _text()
    team_id: UUID | None = _ref("teams.id", index=True)
    handles: dict[str, str] = _json("{}")
    active: bool = True


class ServiceRow(Versioned, table=True):
    __tablename__ = "services"

    slug: str = _text(unique=True)
    name: str = _text()
    team_id: UUID | None = _ref("teams.id", index=True)
    revenue_per_hour_usd: float | None = None
    route: dict[str, Any] | None = _json()


class ServiceAccountRow(Versioned, table=True):
    __tablename__ = "service_accounts"

    slug: str = _text(unique=True)
    name: str = _text()
    role: str = _text()
    active: bool = True


class ApiKeyRow(SQLModel, table=True):
    __tablename__ = "api_keys"
    __table_args__ = (sa.CheckConstraint("(person_id is null) <> (service_account_id is null)", name="one_holder"),)

    id: str = _text(primary_key=True)
    secret_hash: bytes
    created_at: datetime = _at()
    person_id: UUID | None = _ref("people.id", index=True)
    service_account_id: UUID | None = _ref("service_accounts.id", index=True)
    scopes: list[str] = _json("[]")
    expires_at: datetime | None = _at()
    revoked_at: datetime | None = _at()
    last_used_at: datetime | None = _at()


# ── Causes and factors ───────────────────────────────────────────────────────────────────────────────────────────


class FactorRow(SQLModel, table=True):
    __tablename__ = "factors"

    code: str = _text(primary_key=True)
    title: str = _text()
    description: str = _text()
    sub_codes: list[str] = _json("[]")


class RootCauseRow(Versioned, table=True):
    __tablename__ = "root_causes"

    slug: str = _text(unique=True)
    title: str = _text()
    description: str = _text()
    factor_code: str | None = _ref("factors.code", sa_type=sa.Text)
    merged_into_id: UUID | None = _ref("root_causes.id", index=True)


# ── Incidents ────────────────────────────────────────────────────────────────────────────────────────────────────


class IncidentRow(Versioned, table=True):
    __tablename__ = "incidents"
    __table_args__ = (
        sa.CheckConstraint("severity between 1 and 5", name="severity"),
        sa.Index("ix_incidents_cause_started", "root_cause_id", "started_at"),
        sa.Index("ix_incidents_started", "started_at"),
    )

    title: str = _text()
    summary: str = _text()
    severity: int = Field(sa_type=sa.SmallInteger)
    mode: str = _text()
    customer_impact: str = _text()
    detection_source: str | None = _text()
    primary_service_id: UUID = _ref("services.id", index=True)
    started_at: datetime | None = _at()
    detected_at: datetime | None = _at()
    acknowledged_at: datetime | None = _at()
    mitigated_at: datetime | None = _at()
    resolved_at: datetime | None = _at()
    moment_sources: dict[str, str] = _json("{}")
    contradictions: list[str] = _json("[]")
    change_role: str | None = _text()
    change_kind: str | None = _text()
    change_rollout: str | None = _text()
    external_refs: list[dict[str, Any]] = _json("[]")
    root_cause_id: UUID | None = _ref("root_causes.id")
    root_cause_status: str | None = _text()
    restricted: bool = False


class IncidentServiceRow(SQLModel, table=True):
    __tablename__ = "incident_services"

    incident_id: UUID = _ref("incidents.id", primary_key=True, ondelete="CASCADE")
    service_id: UUID = _ref("services.id", primary_key=True, index=True)
    position: int = Field(sa_type=sa.SmallInteger)


class IncidentViewerRow(SQLModel, table=True):
    __tablename__ = "incident_viewers"

    incident_id: UUID = _ref("incidents.id", primary_key=True, ondelete="CASCADE")
    person_id: UUID = _ref("people.id", primary_key=True)


class IncidentRefRow(SQLModel, table=True):
    __tablename__ = "incident_refs"

    source: str = _text(primary_key=True)
    external_id: str = _text(primary_key=True)
    incident_id: UUID = _ref("incidents.id", index=True, ondelete="CASCADE")


# ── Postmortems ──────────────────────────────────────────────────────────────────────────────────────────────────


class PostmortemRow(Versioned, table=True):
    __tablename__ = "postmortems"

    incident_id: UUID = _ref("incidents.id", unique=True)
    status: str = Field(sa_type=sa.Text, index=True)
    tier: int = Field(sa_type=sa.SmallInteger)
    proposed_tier: int = Field(sa_type=sa.SmallInteger)
    tier_reasons: list[str] = _json("[]")
    override: dict[str, Any] | None = _json()
    author_id: UUID | None = _ref("people.id", index=True)
    facilitator_id: UUID | None = _ref("people.id")
    sections: dict[str, Any] = _json("{}")
    whys: list[dict[str, Any]] = _json("[]")
    phase_explanations: dict[str, str] = _json("{}")
    linked_item_ids: list[str] = _json("[]")
    review: dict[str, Any] | None = _json()
    waiver: dict[str, Any] | None = _json()
    due_on: date | None = Field(default=None, index=True)
    published_at: datetime | None = _at()
    published_number: int = 0


class TimelineEntryRow(SQLModel, table=True):
    __tablename__ = "timeline_entries"
    __table_args__ = (sa.Index("ix_timeline_entries_postmortem", "postmortem_id", "occurred_at", "id"),)

    id: UUID = Field(primary_key=True)
    postmortem_id: UUID = _ref("postmortems.id", ondelete="CASCADE")
    occurred_at: datetime = _at()
    recorded_at: datetime = _at()
    kind: str = _text()
    text: str = _text()
    source: str = _text()
    machine_written: bool = False
    pinned: bool = False


class PostmortemFactorRow(SQLModel, table=True):
    __tablename__ = "postmortem_factors"
    __table_args__ = (sa.Index("ix_postmortem_factors_code", "code"),)

    postmortem_id: UUID = _ref("postmortems.id", primary_key=True, ondelete="CASCADE")
    code: str = _ref("factors.code", primary_key=True, sa_type=sa.Text)
    sub_code: str | None = _text()
    why: str = _text()


class SignOffRow(SQLModel, table=True):
    __tablename__ = "sign_offs"

    id: UUID = Field(primary_key=True)
    postmortem_id: UUID = _ref("postmortems.id", index=True, ondelete="CASCADE")
    person_id: UUID = _ref("people.id")
    content_hash: str = _text()
    at: datetime = _at()


class PublicationRow(SQLModel, table=True):
    __tablename__ = "publications"

    postmortem_id: UUID = _ref("postmortems.id", primary_key=True, ondelete="CASCADE")
    number: int = Field(primary_key=True)
    content_hash: str = _text()
    content: dict[str, Any] = _json()
    audience: str = _text()
    signed_by_id: UUID = _ref("people.id")
    published_at: datetime = _at()


# ── Action items and evidence ────────────────────────────────────────────────────────────────────────────────────


class ActionItemRow(Versioned, table=True):
    __tablename__ = "action_items"
    __table_args__ = (
        sa.Index("ix_action_items_status_risk", "status", "risk"),
        sa.Index("ix_action_items_cause_service", "root_cause_id", "service_id"),
        sa.Index("ix_action_items_service", "service_id", "status"),
        sa.Index("ix_action_items_team", "team_id", "status"),
        sa.Index(
            "ix_action_items_priority_due", "priority_due_at", postgresql_where=sa.text("priority_due_at is not null")
        ),
    )

    postmortem_id: UUID | None = _ref("postmortems.id", index=True)
    incident_id: UUID | None = _ref("incidents.id", index=True)
    title: str = _text()
    description: str = _text()
    control_type: str = _text()
    systemic: bool = False
    status: str = _text()
    owner_id: UUID | None = _ref("people.id", index=True)
    team_id: UUID | None = _ref("teams.id")
    service_id: UUID | None = _ref("services.id")
    root_cause_id: UUID | None = _ref("root_causes.id")
    committed_due_on: date | None = None
    due_on: date | None = None
    slips: int = 0
    base_priority: int = Field(sa_type=sa.SmallInteger)
    effective_priority: int = Field(sa_type=sa.SmallInteger)
    boost_id: UUID | None = _ref("boosts.id")
    priority_due_at: datetime | None = _at()
    plan: dict[str, Any] | None = _json()
    opened_at: datetime | None = _at()
    implemented_at: datetime | None = _at()
    deployed_at: datetime | None = _at()
    evidence_due_on: date | None = None
    closed_at: datetime | None = _at()
    reopened_at: datetime | None = _at()
    decline: dict[str, Any] | None = _json()
    refuted_by_id: UUID | None = _ref("incidents.id")
    planned_in: str | None = _text()
    times_passed_over: int = 0
    risk: float | None = None
    risk_detail: dict[str, Any] | None = _json()
    risk_as_of: datetime | None = _at()
    cause_recurred_at: datetime | None = _at()


class ActionItemChangeRow(SQLModel, table=True):
    __tablename__ = "action_item_changes"
    __table_args__ = (sa.Index("ix_action_item_changes_item", "action_item_id", "at", "id"),)

    id: UUID = Field(primary_key=True)
    action_item_id: UUID = _ref("action_items.id", ondelete="CASCADE")
    at: datetime = _at()
    actor: str = _text()
    source: str = _text()
    field: str = _text()
    old: str | None = _text()
    new: str | None = _text()


class CheckRow(SQLModel, table=True):
    __tablename__ = "checks"
    __table_args__ = (sa.Index("ix_checks_item", "action_item_id", "ran_at", "id"),)

    id: UUID = Field(primary_key=True)
    action_item_id: UUID = _ref("action_items.id", ondelete="CASCADE")
    kind: str = _text()
    ran_at: datetime = _at()
    window_start: datetime = _at()
    window_end: datetime = _at()
    verdict: str | None = _text()
    observation: str | None = _text()
    statement: str = _text()
    link: str | None = _text()
    attested_by_id: UUID | None = _ref("people.id")
    reviewed_by_id: UUID | None = _ref("people.id")
    reviewed_at: datetime | None = _at()
    review_comment: str = _text()
    detail: dict[str, Any] = _json("{}")
    closed_item_at: datetime | None = _at()
    implemented_at: datetime | None = _at()
    deployed_at: datetime | None = _at()
    refuted_by_id: UUID | None = _ref("incidents.id", index=True)
    refuted_at: datetime | None = _at()


# ── Error budgets ────────────────────────────────────────────────────────────────────────────────────────────────

_LIVE = sa.text("state in ('active', 'stale')")


class BoostRow(SQLModel, table=True):
    __tablename__ = "boosts"
    __table_args__ = (
        sa.Index("uq_boosts_live", "service_id", "slo", "source", "signal", unique=True, postgresql_where=_LIVE),
        sa.Index("ix_boosts_key", "service_id", "slo", "source", "signal", "ended_at"),
    )

    id: UUID = Field(primary_key=True)
    version: int = 1
    created_at: datetime = _at(sa_column_kwargs={"server_default": sa.func.now()}, index=True)
    service_id: UUID = _ref("services.id")
    slo: str = _text()
    source: str = _text()
    signal: str = _text()
    levels: int = Field(sa_type=sa.SmallInteger)
    raised_at: datetime = _at()
    observed_at: datetime = _at()
    vouched_until: datetime = _at()
    raised_by: str = _text()
    measured: bool = False
    state: str = _text()
    clear_since: datetime | None = _at()
    stale_since: datetime | None = _at()
    ended_at: datetime | None = _at()
    ended_because: str = _text()
    reason: str = _text()
    burn_rate: float | None = None
    remaining: float | None = None


class BudgetReadingRow(SQLModel, table=True):
    __tablename__ = "budget_readings"
    __table_args__ = (
        sa.UniqueConstraint("service_id", "slo", "source", "bucket"),
        sa.Index("ix_budget_readings_recent", "service_id", "observed_at"),
    )

    id: UUID = Field(primary_key=True)
    service_id: UUID = _ref("services.id")
    slo: str = _text()
    source: str = _text()
    bucket: datetime = _at()
    observed_at: datetime = _at()
    remaining: float | None = None
    burn_rate: float | None = None
    rates: dict[str, float] = _json("{}")


class SloRow(Versioned, table=True):
    __tablename__ = "slos"
    __table_args__ = (sa.UniqueConstraint("service_id", "name"),)

    service_id: UUID = _ref("services.id")
    name: str = Field(sa_type=sa.Text, index=True)
    objective: float
    window_days: float
    source: str = _text()
    title: str = _text()
    description: str = _text()
    spec: dict[str, Any] = _json("{}")


# ── Tickets ──────────────────────────────────────────────────────────────────────────────────────────────────────


class TicketRow(Versioned, table=True):
    __tablename__ = "tickets"
    __table_args__ = (sa.UniqueConstraint("provider", "external_id"),)

    action_item_id: UUID = _ref("action_items.id", unique=True, ondelete="CASCADE")
    provider: str = _text()
    route: dict[str, Any] = _json()
    external_id: str | None = _text()
    key: str | None = _text()
    url: str | None = _text()
    status: str = _text()
    status_text: str = _text()
    assignee: str | None = _text()
    due_on: date | None = None
    priority: str | None = _text()
    defended_priority: str | None = _text()
    sync_state: str = _text()
    adopted: bool = False
    source_updated_at: datetime | None = _at()
    last_synced_at: datetime | None = _at()
    last_error: str | None = _text()
    dropped: list[str] = _json("[]")


class LocalTicketRow(SQLModel, table=True):
    __tablename__ = "local_tickets"

    number: int = Field(sa_column=sa.Column(sa.BigInteger, sa.Identity(), primary_key=True))
    marker: UUID = Field(unique=True)
    title: str = _text()
    body: str = _text()
    status: str = _text()
    assignee: str | None = _text()
    due_on: date | None = None
    priority: str = _text()
    labels: list[str] = _json("[]")
    comments: list[dict[str, Any]] = _json("[]")
    created_at: datetime = _at()
    updated_at: datetime = _at()


class DeliveryRow(SQLModel, table=True):
    __tablename__ = "deliveries"
    __table_args__ = (
        sa.Index("ix_deliveries_unfinished", "created_at", postgresql_where=sa.text("state in ('pending', 'sending')")),
    )

    id: UUID = Field(primary_key=True)
    key: str = _text(unique=True)
    kind: str = _text()
    ticket_id: UUID = _ref("tickets.id", index=True, ondelete="CASCADE")
    provider: str = _text()
    marker: UUID = Field(index=True)
    created_at: datetime = _at()
    state: str = _text()
    attempts: int = 0
    attempt_at: datetime | None = _at()
    lease_until: datetime | None = _at()
    not_before: datetime | None = _at()
    last_error: str | None = _text()
    update: dict[str, Any] = _json("{}")
    finished_at: datetime | None = _at()


class InboxRow(SQLModel, table=True):
    __tablename__ = "inbox"
    __table_args__ = (
        sa.UniqueConstraint("source", "delivery_id"),
        sa.Index("ix_inbox_unhandled", "received_at", postgresql_where=sa.text("handled_at is null")),
    )

    id: UUID = Field(primary_key=True)
    source: str = _text()
    delivery_id: str = _text()
    headers: dict[str, str] = _json()
    body: bytes
    received_at: datetime = _at()
    handled_at: datetime | None = _at()
    attempts: int = 0
    not_before: datetime | None = _at()
    note: str | None = _text()
    error: str | None = _text()


class RiskFitRow(SQLModel, table=True):
    __tablename__ = "risk_fits"
    __table_args__ = (sa.CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(sa_column=sa.Column(sa.SmallInteger, primary_key=True, autoincrement=False))
    fitted_at: datetime = _at()
    catalogue_shape: float | None = None
    catalogue_days: float | None = None
    shape: float


# ── Follow-through and events ────────────────────────────────────────────────────────────────────────────────────


class FindingRow(SQLModel, table=True):
    __tablename__ = "findings"
    __table_args__ = (
        sa.Index("uq_findings_open", "code", "subject_id", unique=True, postgresql_where=sa.text("closed_at is null")),
    )

    id: UUID = Field(primary_key=True)
    version: int = 1
    code: str = _text()
    subject_kind: str = _text()
    subject_id: UUID
    message: str = _text()
    remedy: str = _text()
    opened_at: datetime = _at()
    incident_id: UUID | None = _ref("incidents.id")
    team_id: UUID | None = _ref("teams.id", index=True)
    owner_id: UUID | None = _ref("people.id")
    closed_at: datetime | None = _at()
    dismissed_by_id: UUID | None = _ref("people.id")
    dismissed_reason: str | None = _text()


class EventRow(SQLModel, table=True):
    __tablename__ = "events"
    __table_args__ = (
        sa.Index("ix_events_unhandled", "id", postgresql_where=sa.text("handled_at is null")),
        sa.Index("ix_events_unstamped", "id", postgresql_where=sa.text("position is null")),
    )

    id: UUID = Field(primary_key=True)
    position: int | None = Field(default=None, sa_type=sa.BigInteger, unique=True)
    type: str = _text()
    subject_id: UUID
    incident_id: UUID | None = None
    actor: str = _text()
    data: dict[str, Any] = _json("{}")
    occurred_at: datetime = _at()
    handled_at: datetime | None = _at()
    attempts: int = 0
    not_before: datetime | None = _at()
    error: str | None = _text()
