"""How far a finding has reached, and what is posted to channels of teams."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


# A zone that this PostgreSQL does not know must not keep anybody from reading.
DAY_IN = """
create function day_in(zone text) returns date language plpgsql stable as $$
begin
    return (now() at time zone zone)::date;
exception when invalid_parameter_value then
    return (now() at time zone 'UTC')::date;
end $$
"""


def upgrade() -> None:
    op.execute(DAY_IN)
    op.add_column("findings", sa.Column("step", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("findings", sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "chat_posts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("period_key", sa.Text(), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("marker", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("posted_as", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_chat_posts_team_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_posts")),
        sa.UniqueConstraint("period_key", name=op.f("uq_chat_posts_period_key")),
    )
    op.create_index(
        "ix_chat_posts_pending", "chat_posts", ["created_at"], postgresql_where=sa.text("state = 'pending'")
    )
    op.create_index(op.f("ix_chat_posts_team_id"), "chat_posts", ["team_id"])


def downgrade() -> None:
    op.drop_table("chat_posts")
    op.execute("drop function day_in(text)")
    op.drop_column("findings", "escalated_at")
    op.drop_column("findings", "step")
