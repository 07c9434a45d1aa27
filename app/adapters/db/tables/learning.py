"""Tables of what is learnt across incidents."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, ref_column, text_column


class RiskFitRow(SQLModel, table=True):
    __tablename__ = "risk_fits"
    __table_args__ = (sa.CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(sa_column=sa.Column(sa.SmallInteger, primary_key=True, autoincrement=False))
    fitted_at: datetime = at_column()
    catalogue_shape: float | None = None
    catalogue_days: float | None = None
    shape: float


class SuggestionAnswerRow(Versioned, table=True):
    __tablename__ = "suggestion_answers"
    __table_args__ = (
        sa.Index(
            "uq_suggestion_answers_suggested",
            "incident_id",
            "factor_code",
            "root_cause_id",
            "similar_incident_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint(
            "num_nonnulls(factor_code, root_cause_id, similar_incident_id) = 1", name="exactly_one_suggested"
        ),
    )

    incident_id: UUID = ref_column("incidents.id", ondelete="CASCADE")
    kind: str = text_column()
    factor_code: str | None = ref_column("factors.code", sa_type=sa.Text)
    root_cause_id: UUID | None = ref_column("root_causes.id", index=True)
    similar_incident_id: UUID | None = ref_column("incidents.id", index=True, ondelete="CASCADE")
    verdict: str = text_column()
    confidence: float | None = None
    answered_by_id: UUID = ref_column("people.id")
