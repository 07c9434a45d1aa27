"""Where budgets are measured, and which monitoring system a plan asks."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_HAS_METRIC = "jsonb_typeof(plan->'metric') = 'object'"


def upgrade() -> None:
    op.execute(
        "update action_items set plan = jsonb_set(plan, '{metric,backend}', '\"prometheus\"') "
        f"where {_HAS_METRIC} and not plan->'metric' ? 'backend'"
    )


def downgrade() -> None:
    op.execute(f"update action_items set plan = plan #- '{{metric,backend}}' where {_HAS_METRIC}")
