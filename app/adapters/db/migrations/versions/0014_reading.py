"""Indexes in the order in which lists are read, and of what few callers may see."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_RISK = sa.text("coalesce(risk, '-1'::integer::double precision)")


def upgrade() -> None:
    for table in ("action_items", "incidents", "postmortems"):
        op.create_index(f"ix_{table}_newest", table, ["created_at", "id"], unique=False)
    op.create_index("ix_action_items_risk", "action_items", [_RISK, "id"], unique=False)
    op.create_index("ix_action_items_team_risk", "action_items", ["team_id", _RISK, "id"], unique=False)
    op.create_index(
        "ix_incidents_restricted", "incidents", ["id"], unique=False, postgresql_where=sa.text("restricted")
    )


def downgrade() -> None:
    op.drop_index("ix_incidents_restricted", table_name="incidents", postgresql_where=sa.text("restricted"))
    op.drop_index("ix_action_items_team_risk", table_name="action_items")
    op.drop_index("ix_action_items_risk", table_name="action_items")
    for table in ("postmortems", "incidents", "action_items"):
        op.drop_index(f"ix_{table}_newest", table_name=table)
