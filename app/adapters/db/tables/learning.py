"""Tables of what is learnt across incidents."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import at_column


class RiskFitRow(SQLModel, table=True):
    __tablename__ = "risk_fits"
    __table_args__ = (sa.CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(sa_column=sa.Column(sa.SmallInteger, primary_key=True, autoincrement=False))
    fitted_at: datetime = at_column()
    catalogue_shape: float | None = None
    catalogue_days: float | None = None
    shape: float
