"""Tables of what metrics are read from: accepted evidence with what followed, and the last computed gauges."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import at_column, ref_column, text_column


class AcceptanceRow(SQLModel, table=True):
    __tablename__ = "acceptances"
    __table_args__ = (
        sa.Index(
            "ix_acceptances_accepted",
            "accepted_at",
            postgresql_include=[
                "since", "struck_at", "control_type", "root_cause_id", "service_id", "team_id", "incident_id",
            ],
        ),
    )  # fmt: skip

    check_id: UUID = ref_column("checks.id", primary_key=True, ondelete="CASCADE")
    accepted_at: datetime = at_column()
    since: datetime = at_column()
    control_type: str = text_column()
    root_cause_id: UUID | None = None
    service_id: UUID | None = None
    team_id: UUID | None = None
    incident_id: UUID | None = None
    struck_at: datetime | None = at_column()


class GaugeRow(SQLModel, table=True):
    __tablename__ = "gauges"

    metric: str = text_column(primary_key=True)
    team: str = text_column(primary_key=True)
    value: float | None = Field(default=None, sa_type=sa.Double)
    n: int
    n_missing: int
    computed_at: datetime = at_column()
