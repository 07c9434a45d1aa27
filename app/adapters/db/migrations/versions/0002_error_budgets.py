"""Error budgets: boosts, readings, SLO definitions; items name the boost that explains their priority."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LIVE = sa.text("state in ('active', 'stale')")
DUE = sa.text("priority_due_at is not null")


def upgrade() -> None:
    op.create_table(
        "boosts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("slo", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("levels", sa.SmallInteger(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vouched_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_by", sa.Text(), nullable=False),
        sa.Column("measured", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("clear_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stale_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("burn_rate", sa.Float(), nullable=True),
        sa.Column("remaining", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_boosts_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_boosts")),
    )
    op.create_index("ix_boosts_key", "boosts", ["service_id", "slo", "source", "signal", "ended_at"], unique=False)
    op.create_index(op.f("ix_boosts_created_at"), "boosts", ["created_at"], unique=False)
    op.create_index(
        "uq_boosts_live", "boosts", ["service_id", "slo", "source", "signal"], unique=True, postgresql_where=LIVE
    )
    op.create_table(
        "budget_readings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("slo", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("bucket", sa.DateTime(timezone=True), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remaining", sa.Float(), nullable=True),
        sa.Column("burn_rate", sa.Float(), nullable=True),
        sa.Column("rates", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_budget_readings_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_readings")),
        sa.UniqueConstraint(
            "service_id", "slo", "source", "bucket", name=op.f("uq_budget_readings_service_id_slo_source_bucket")
        ),
    )
    op.create_index("ix_budget_readings_recent", "budget_readings", ["service_id", "observed_at"], unique=False)
    op.create_table(
        "slos",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("objective", sa.Float(), nullable=False),
        sa.Column("window_days", sa.Float(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("spec", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_slos_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slos")),
        sa.UniqueConstraint("service_id", "name", name=op.f("uq_slos_service_id_name")),
    )
    op.create_index(op.f("ix_slos_name"), "slos", ["name"], unique=False)
    op.add_column("action_items", sa.Column("boost_id", sa.Uuid(), nullable=True))
    op.add_column("action_items", sa.Column("priority_due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_action_items_priority_due", "action_items", ["priority_due_at"], unique=False, postgresql_where=DUE
    )
    # The column is new and empty, so there is nothing to validate while the table is locked.
    op.create_foreign_key(
        op.f("fk_action_items_boost_id"), "action_items", "boosts", ["boost_id"], ["id"], postgresql_not_valid=True
    )
    op.execute("alter table action_items validate constraint fk_action_items_boost_id")


def downgrade() -> None:
    op.drop_constraint(op.f("fk_action_items_boost_id"), "action_items", type_="foreignkey")
    op.drop_index("ix_action_items_priority_due", table_name="action_items", postgresql_where=DUE)
    op.drop_column("action_items", "priority_due_at")
    op.drop_column("action_items", "boost_id")
    op.drop_index(op.f("ix_slos_name"), table_name="slos")
    op.drop_table("slos")
    op.drop_index("ix_budget_readings_recent", table_name="budget_readings")
    op.drop_table("budget_readings")
    op.drop_index("uq_boosts_live", table_name="boosts", postgresql_where=LIVE)
    op.drop_index(op.f("ix_boosts_created_at"), table_name="boosts")
    op.drop_index("ix_boosts_key", table_name="boosts")
    op.drop_table("boosts")
