"""The quarter's review: its numbers, patterns and themes; items of a pattern; keys that a sign-in made."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OF_PATTERN = sa.text("pattern_id is not null")


def _json(name: str, default: str | None = "[]") -> "sa.Column[Any]":
    kept = sa.text(f"'{default}'") if default else None
    return sa.Column(
        name, postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), server_default=kept, nullable=default is None
    )


def _at(name: str, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "meta_reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _at("created_at"),
        _at("updated_at"),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        _at("starts_at"),
        _at("ends_at"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("build_state", sa.Text(), nullable=False),
        sa.Column("build_done", sa.SmallInteger(), nullable=False),
        sa.Column("build_of", sa.SmallInteger(), nullable=False),
        sa.Column("build_step", sa.Text(), nullable=True),
        sa.Column("build_error", sa.Text(), nullable=True),
        _at("built_at", nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        _json("numbers", None),
        sa.Column("submitted_by_id", sa.Uuid(), nullable=True),
        sa.Column("published_by_id", sa.Uuid(), nullable=True),
        _at("published_at", nullable=True),
        sa.ForeignKeyConstraint(["submitted_by_id"], ["people.id"], name=op.f("fk_meta_reviews_submitted_by_id")),
        sa.ForeignKeyConstraint(["published_by_id"], ["people.id"], name=op.f("fk_meta_reviews_published_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meta_reviews")),
        sa.UniqueConstraint("period", name=op.f("uq_meta_reviews_period")),
    )
    op.create_table(
        "meta_review_patterns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("of", sa.Integer(), nullable=False),
        sa.Column("previous_n", sa.Integer(), nullable=False),
        sa.Column("previous_of", sa.Integer(), nullable=False),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("p", sa.Float(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("fix_is_edited", sa.Boolean(), nullable=False),
        sa.Column("revenue_per_hour_usd", sa.Float(), nullable=True),
        _json("parts"),
        _json("quotes"),
        _json("services"),
        sa.Column("incident_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.ForeignKeyConstraint(
            ["review_id"], ["meta_reviews.id"], name=op.f("fk_meta_review_patterns_review_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meta_review_patterns")),
        sa.UniqueConstraint("review_id", "key", name=op.f("uq_meta_review_patterns_review_id_key")),
    )
    op.create_table(
        "meta_review_themes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("phrase", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("n_elsewhere", sa.Integer(), nullable=False),
        sa.Column("z", sa.Float(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("factor_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        _at("decided_at", nullable=True),
        _json("quotes"),
        sa.Column("incident_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.ForeignKeyConstraint(["decided_by_id"], ["people.id"], name=op.f("fk_meta_review_themes_decided_by_id")),
        sa.ForeignKeyConstraint(["factor_code"], ["factors.code"], name=op.f("fk_meta_review_themes_factor_code")),
        sa.ForeignKeyConstraint(
            ["review_id"], ["meta_reviews.id"], name=op.f("fk_meta_review_themes_review_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meta_review_themes")),
        sa.UniqueConstraint("review_id", "phrase", name=op.f("uq_meta_review_themes_review_id_phrase")),
    )
    # New and empty columns: nothing to validate while the table is locked.
    op.add_column("action_items", sa.Column("pattern_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_action_items_pattern_id"),
        "action_items",
        "meta_review_patterns",
        ["pattern_id"],
        ["id"],
        postgresql_not_valid=True,
    )
    op.execute("alter table action_items validate constraint fk_action_items_pattern_id")
    op.create_index("ix_action_items_pattern", "action_items", ["pattern_id"], postgresql_where=OF_PATTERN)
    op.add_column("api_keys", sa.Column("parent_id", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_api_keys_parent_id"), "api_keys", "api_keys", ["parent_id"], ["id"], postgresql_not_valid=True
    )
    op.execute("alter table api_keys validate constraint fk_api_keys_parent_id")


def downgrade() -> None:
    op.drop_constraint(op.f("fk_api_keys_parent_id"), "api_keys", type_="foreignkey")
    op.execute("delete from api_keys where parent_id is not null")
    op.drop_column("api_keys", "parent_id")
    op.drop_index("ix_action_items_pattern", table_name="action_items", postgresql_where=OF_PATTERN)
    op.drop_constraint(op.f("fk_action_items_pattern_id"), "action_items", type_="foreignkey")
    op.drop_column("action_items", "pattern_id")
    op.drop_table("meta_review_themes")
    op.drop_table("meta_review_patterns")
    op.drop_table("meta_reviews")
