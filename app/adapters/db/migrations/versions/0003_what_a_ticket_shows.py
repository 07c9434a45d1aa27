"""What a ticket shows: its due date and priority in the tracker, so that a change there is told from ours."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("due_on", sa.Date(), nullable=True))
    op.add_column("tickets", sa.Column("priority", sa.Text(), nullable=True))
    op.add_column("tickets", sa.Column("defended_priority", sa.Text(), nullable=True))
    op.create_index(op.f("ix_deliveries_marker"), "deliveries", ["marker"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_deliveries_marker"), table_name="deliveries")
    op.drop_column("tickets", "defended_priority")
    op.drop_column("tickets", "priority")
    op.drop_column("tickets", "due_on")
