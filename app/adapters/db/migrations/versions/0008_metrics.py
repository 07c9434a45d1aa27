"""What lets metrics read a window without its rows: indexes, accepted evidence with what followed, the last gauges."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INDEXES: tuple[tuple[str, str, list[Any], list[str], str | None], ...] = (
    (
        "ix_incidents_begun", "incidents", [sa.text("coalesce(started_at, created_at)")],
        ["started_at", "created_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at", "severity",
         "primary_service_id", "id"],
        "mode = 'standard'",
    ),
    (
        "ix_incidents_occurrences", "incidents", ["root_cause_id", "started_at"], ["id"],
        "mode = 'standard' and root_cause_status = 'confirmed'",
    ),
    (
        "ix_incidents_facts", "incidents", ["id"],
        ["started_at", "resolved_at", "root_cause_id", "root_cause_status", "severity", "primary_service_id"],
        "mode = 'standard'",
    ),
    ("ix_incidents_not_standard", "incidents", ["id"], [], "mode <> 'standard'"),
    ("ix_postmortems_created", "postmortems", ["created_at"], ["status", "incident_id", "published_at", "id"], None),
    (
        "ix_action_items_created", "action_items", ["created_at"],
        ["status", "team_id", "service_id", "incident_id", "committed_due_on", "due_on", "evidence_due_on",
         "implemented_at", "closed_at", "slips"],
        None,
    ),
    (
        "ix_action_items_open", "action_items", ["created_at"],
        ["status", "team_id", "service_id", "incident_id", "committed_due_on", "implemented_at"],
        "status in ('open', 'in_progress', 'implemented')",
    ),
    ("ix_action_items_closed", "action_items", ["closed_at"], [], "closed_at is not null"),
    ("ix_action_items_declined", "action_items", ["updated_at"], [], "status = 'declined'"),
    ("ix_action_items_declined_created", "action_items", ["created_at"], [], "status = 'declined'"),
    ("ix_checks_closed_item", "checks", ["closed_item_at"], ["action_item_id", "deployed_at", "id"],
     "closed_item_at is not null"),
)  # fmt: skip


FOLLOWING = """
insert into acceptances (check_id, accepted_at, since, control_type, root_cause_id, service_id, team_id, incident_id,
  struck_at)
select k.id, k.closed_item_at, coalesce(k.deployed_at, k.closed_item_at), a.control_type,
  nullif(a.root_cause_id, u.id), a.service_id, a.team_id, a.incident_id, min(j.started_at)
from checks k join action_items a on a.id = k.action_item_id
left join root_causes u on u.slug = 'undetermined'
left join (incidents j join incident_services x on x.incident_id = j.id)
  on j.mode = 'standard' and j.root_cause_status = 'confirmed' and j.root_cause_id = a.root_cause_id
  and j.root_cause_id <> u.id and x.service_id = a.service_id
  and j.started_at > coalesce(k.deployed_at, k.closed_item_at) and j.id is distinct from a.incident_id
where k.closed_item_at is not null
group by k.id, a.id, u.id order by 2, 1
"""
"""As the service itself follows them from then on."""


def upgrade() -> None:
    for name, table, columns, included, where in INDEXES:
        op.create_index(
            name,
            table,
            columns,
            postgresql_include=included or None,
            postgresql_where=sa.text(where) if where else None,
        )
    op.create_table(
        "acceptances",
        sa.Column("check_id", sa.Uuid(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("control_type", sa.Text(), nullable=False),
        sa.Column("root_cause_id", sa.Uuid(), nullable=True),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("struck_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_acceptances_check_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("check_id", name=op.f("pk_acceptances")),
    )
    op.create_index(
        "ix_acceptances_accepted", "acceptances", ["accepted_at"],
        postgresql_include=["since", "struck_at", "control_type", "root_cause_id", "service_id", "team_id", "incident_id"],
    )  # fmt: skip
    op.execute(FOLLOWING)
    op.create_table(
        "gauges",
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("n_missing", sa.Integer(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("metric", "team", name=op.f("pk_gauges")),
    )


def downgrade() -> None:
    op.drop_table("gauges")
    op.drop_table("acceptances")
    for name, table, *_ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
