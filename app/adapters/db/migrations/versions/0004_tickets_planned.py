"""The sprint, cycle or milestone that a ticket is planned in, and whether its end was noticed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("planned", postgresql.JSONB(), nullable=True))
    op.add_column("tickets", sa.Column("plan_seen_over", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("tickets", "plan_seen_over")
    op.drop_column("tickets", "planned")
