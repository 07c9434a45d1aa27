"""Drafts and their evidence."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

RUNNING = sa.text("state in ('queued', 'gathering', 'writing', 'checking')")


def _json(name: str, default: str = "[]") -> "sa.Column[Any]":
    return sa.Column(name, postgresql.JSONB(none_as_null=True), server_default=sa.text(f"'{default}'"), nullable=False)


def _at(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _at("created_at"),
        _at("updated_at"),
        sa.Column("postmortem_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _at("lease_until", nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        _json("evidence"),
        _json("dropped"),
        _json("sources"),
        _json("redactions", "{}"),
        _json("timeline"),
        _json("contradictions"),
        _json("sections", "{}"),
        _json("decisions", "{}"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_drafts_incident_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["postmortem_id"], ["postmortems.id"], name=op.f("fk_drafts_postmortem_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
    )
    op.create_index(op.f("ix_drafts_incident_id"), "drafts", ["incident_id"])
    op.create_index("ix_drafts_postmortem", "drafts", ["postmortem_id", "created_at"])
    op.create_index("ix_drafts_running", "drafts", ["postmortem_id"], unique=True, postgresql_where=RUNNING)
    op.create_table(
        "transcripts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("postmortem_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        _at("created_at"),
        sa.Column("uploaded_by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        _at("starts_at"),
        _at("ends_at"),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        _json("facts"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_transcripts_incident_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["postmortem_id"], ["postmortems.id"], name=op.f("fk_transcripts_postmortem_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcripts")),
    )
    op.create_index(op.f("ix_transcripts_incident_id"), "transcripts", ["incident_id"])
    op.create_index("ix_transcripts_postmortem", "transcripts", ["postmortem_id", "created_at"])


def downgrade() -> None:
    op.drop_table("transcripts")
    op.drop_table("drafts")
