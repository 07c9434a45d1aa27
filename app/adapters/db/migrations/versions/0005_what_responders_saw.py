"""What PagerDuty, Grafana and deployments tell."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    op.create_table(
        "annotations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotations")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_annotations_source_external_id")),
    )
    op.create_index(op.f("ix_annotations_at"), "annotations", ["at"], unique=False)
    op.create_table(
        "deployments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("repository", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "references", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deployed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_deployments_source_external_id")),
    )
    op.create_index("ix_deployments_ended", "deployments", ["ended_at"], unique=False)
    op.create_table(
        "deployment_references",
        sa.Column("deployment_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployments.id"],
            name=op.f("fk_deployment_references_deployment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deployment_id", "reference", name=op.f("pk_deployment_references")),
    )
    op.create_index(op.f("ix_deployment_references_reference"), "deployment_references", ["reference"], unique=False)
    op.create_table(
        "annotation_services",
        sa.Column("annotation_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotations.id"], name=op.f("fk_annotation_services_annotation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_annotation_services_service_id")),
        sa.PrimaryKeyConstraint("annotation_id", "service_id", name=op.f("pk_annotation_services")),
    )
    op.create_index(op.f("ix_annotation_services_service_id"), "annotation_services", ["service_id"], unique=False)
    op.create_table(
        "deployment_services",
        sa.Column("deployment_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name=op.f("fk_deployment_services_deployment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_deployment_services_service_id")),
        sa.PrimaryKeyConstraint("deployment_id", "service_id", name=op.f("pk_deployment_services")),
    )
    op.create_index(op.f("ix_deployment_services_service_id"), "deployment_services", ["service_id"], unique=False)
    op.create_table(
        "incident_accounts",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("moments", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_incident_accounts_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", "source", name=op.f("pk_incident_accounts")),
    )
    op.create_table(
        "incident_facts",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("fact_id", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("machine", sa.Boolean(), nullable=False),
        sa.Column("taken", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_incident_facts_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", "fact_id", name=op.f("pk_incident_facts")),
    )
    op.create_table(
        "announcements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("postmortem_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("marker", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("posted_as", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_announcements_incident_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["postmortem_id"], ["postmortems.id"], name=op.f("fk_announcements_postmortem_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
        sa.UniqueConstraint(
            "postmortem_id", "target", "place", name=op.f("uq_announcements_postmortem_id_target_place")
        ),
    )
    op.create_index(op.f("ix_announcements_incident_id"), "announcements", ["incident_id"], unique=False)
    op.create_index(
        "ix_announcements_pending", "announcements", ["target", "created_at"], unique=False, postgresql_where=PENDING
    )
    op.add_column(
        "incidents",
        sa.Column(
            "responders", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
    )


def downgrade() -> None:
    op.drop_column("incidents", "responders")
    op.drop_index("ix_announcements_pending", table_name="announcements", postgresql_where=PENDING)
    op.drop_index(op.f("ix_announcements_incident_id"), table_name="announcements")
    op.drop_table("announcements")
    op.drop_table("incident_facts")
    op.drop_table("incident_accounts")
    op.drop_index(op.f("ix_deployment_services_service_id"), table_name="deployment_services")
    op.drop_table("deployment_services")
    op.drop_index(op.f("ix_annotation_services_service_id"), table_name="annotation_services")
    op.drop_table("annotation_services")
    op.drop_index(op.f("ix_deployment_references_reference"), table_name="deployment_references")
    op.drop_table("deployment_references")
    op.drop_index("ix_deployments_ended", table_name="deployments")
    op.drop_table("deployments")
    op.drop_index(op.f("ix_annotations_at"), table_name="annotations")
    op.drop_table("annotations")
