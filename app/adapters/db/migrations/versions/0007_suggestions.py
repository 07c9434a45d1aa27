"""Suggested causes and factors, and what people made of them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WORDS = "to_tsvector('english', title || ' ' || summary)"
SECTIONS = "jsonb_to_tsvector('english', sections, '[\"string\"]')"
CAUSE_WORDS = "to_tsvector('english', title || ' ' || description)"


def upgrade() -> None:
    op.create_table(
        "suggestion_answers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("factor_code", sa.Text(), nullable=True),
        sa.Column("root_cause_id", sa.Uuid(), nullable=True),
        sa.Column("similar_incident_id", sa.Uuid(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("answered_by_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(factor_code, root_cause_id, similar_incident_id) = 1",
            name=op.f("ck_suggestion_answers_exactly_one_suggested"),
        ),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_suggestion_answers_incident_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["factor_code"], ["factors.code"], name=op.f("fk_suggestion_answers_factor_code")),
        sa.ForeignKeyConstraint(["root_cause_id"], ["root_causes.id"], name=op.f("fk_suggestion_answers_root_cause_id")),
        sa.ForeignKeyConstraint(
            ["similar_incident_id"], ["incidents.id"], name=op.f("fk_suggestion_answers_similar_incident_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["answered_by_id"], ["people.id"], name=op.f("fk_suggestion_answers_answered_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestion_answers")),
    )
    op.create_index(
        "uq_suggestion_answers_suggested",
        "suggestion_answers",
        ["incident_id", "factor_code", "root_cause_id", "similar_incident_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(op.f("ix_suggestion_answers_root_cause_id"), "suggestion_answers", ["root_cause_id"])
    op.create_index(op.f("ix_suggestion_answers_similar_incident_id"), "suggestion_answers", ["similar_incident_id"])
    op.execute(f"create index ix_incidents_words on incidents using gin (({WORDS}))")
    op.execute(f"create index ix_postmortems_words on postmortems using gin (({SECTIONS}))")
    op.execute(f"create index ix_root_causes_words on root_causes using gin (({CAUSE_WORDS}))")


def downgrade() -> None:
    op.execute("drop index ix_root_causes_words")
    op.execute("drop index ix_postmortems_words")
    op.execute("drop index ix_incidents_words")
    op.drop_table("suggestion_answers")
