"""The first tables, with row-level security, append-only history, the balanced ledger and the audit chain.

Revision ID: 0001
Revises:
Create Date: 2026-11-22 05:15:09.431379
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import guards

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = [
    "practices",
    "api_keys",
    "audit_log",
    "batches",
    "clinicians",
    "control_numbers",
    "events",
    "fees",
    "inbound_files",
    "locations",
    "outbox",
    "patients",
    "payers",
    "episodes",
    "inbound_copies",
    "plans",
    "remittances",
    "users",
    "authorizations",
    "coverages",
    "encounters",
    "orders",
    "plan_terms",
    "plans_of_care",
    "progress_reports",
    "sessions",
    "authorization_uses",
    "claims",
    "encounter_versions",
    "evaluations",
    "ledger_transactions",
    "claim_versions",
    "ledger_entries",
    "acknowledgements",
    "claim_lines",
    "remittance_claims",
    "adjustments",
    "denials",
    "appeals",
    "work_items",
    "decisions",
    "work_item_notes",
]


def upgrade() -> None:
    op.create_table(
        "practices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("profile", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practices")),
        sa.UniqueConstraint("external_id", name=op.f("uq_practices_external_id")),
    )
    op.create_table(
        "api_keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_api_keys_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
        sa.UniqueConstraint("practice_id", "name", name=op.f("uq_api_keys_practice_id_name")),
    )
    op.create_index(op.f("ix_api_keys_practice_id"), "api_keys", ["practice_id"], unique=False)
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_audit_log_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_chain", "audit_log", ["practice_id", "id"])
    op.create_index(op.f("ix_audit_log_practice_id"), "audit_log", ["practice_id"], unique=False)
    op.create_table(
        "batches",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("interchange_control_number", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("claim_count", sa.Integer(), nullable=False),
        sa.Column("total_charge", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_batches_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint(
            "practice_id",
            "connection",
            "interchange_control_number",
            name=op.f("uq_batches_practice_id_connection_interchange_control_number"),
        ),
        sa.UniqueConstraint("practice_id", "file_name", name=op.f("uq_batches_practice_id_file_name")),
    )
    op.create_index(op.f("ix_batches_practice_id"), "batches", ["practice_id"], unique=False)
    op.create_table(
        "clinicians",
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("discipline", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_clinicians_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinicians")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_clinicians_practice_id_external_id")),
    )
    op.create_index(op.f("ix_clinicians_practice_id"), "clinicians", ["practice_id"], unique=False)
    op.create_table(
        "control_numbers",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_control_numbers_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_numbers")),
        sa.UniqueConstraint("practice_id", "connection", name=op.f("uq_control_numbers_practice_id_connection")),
    )
    op.create_index(op.f("ix_control_numbers_practice_id"), "control_numbers", ["practice_id"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("authorization_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_events_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_authorization", "events", ["authorization_id", "id"], unique=False)
    op.create_index("ix_events_encounter", "events", ["encounter_id", "id"], unique=False)
    op.create_index(op.f("ix_events_practice_id"), "events", ["practice_id"], unique=False)
    op.create_table(
        "fees",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_fees_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fees")),
        sa.UniqueConstraint(
            "practice_id", "code", "effective_from", name=op.f("uq_fees_practice_id_code_effective_from")
        ),
    )
    op.create_index(op.f("ix_fees_practice_id"), "fees", ["practice_id"], unique=False)
    op.create_table(
        "inbound_files",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_inbound_files_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_files")),
        sa.UniqueConstraint(
            "practice_id", "connection", "file_name", name=op.f("uq_inbound_files_practice_id_connection_file_name")
        ),
        sa.UniqueConstraint("practice_id", "sha256", name=op.f("uq_inbound_files_practice_id_sha256")),
    )
    op.create_index(op.f("ix_inbound_files_practice_id"), "inbound_files", ["practice_id"], unique=False)
    op.create_table(
        "locations",
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_locations_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locations")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_locations_practice_id_external_id")),
    )
    op.create_index(op.f("ix_locations_practice_id"), "locations", ["practice_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("workflow_type", sa.Text(), nullable=False),
        sa.Column("message", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("signal", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_outbox_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_open", "outbox", ["state", "created_at"], unique=False, postgresql_where=sa.text("state <> 'done'")
    )
    op.create_index(op.f("ix_outbox_practice_id"), "outbox", ["practice_id"], unique=False)
    op.create_index(
        "uq_outbox_pending",
        "outbox",
        ["workflow_id", "signal"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "patients",
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_patients_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_patients_practice_id_external_id")),
    )
    op.create_index(op.f("ix_patients_practice_id"), "patients", ["practice_id"], unique=False)
    op.create_table(
        "payers",
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("claim_filing_indicator", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_payers_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payers")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_payers_practice_id_external_id")),
    )
    op.create_index(op.f("ix_payers_practice_id"), "payers", ["practice_id"], unique=False)
    op.create_table(
        "episodes",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("discipline", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_episodes_patient_id_patients")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_episodes_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_episodes")),
        sa.UniqueConstraint(
            "practice_id", "external_id", "discipline", name=op.f("uq_episodes_practice_id_external_id_discipline")
        ),
    )
    op.create_index(op.f("ix_episodes_patient_id"), "episodes", ["patient_id"], unique=False)
    op.create_index(op.f("ix_episodes_practice_id"), "episodes", ["practice_id"], unique=False)
    op.create_table(
        "inbound_copies",
        sa.Column("inbound_file_id", sa.Uuid(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["inbound_file_id"], ["inbound_files.id"], name=op.f("fk_inbound_copies_inbound_file_id_inbound_files")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_inbound_copies_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_copies")),
        sa.UniqueConstraint(
            "practice_id", "connection", "file_name", name=op.f("uq_inbound_copies_practice_id_connection_file_name")
        ),
    )
    op.create_index(op.f("ix_inbound_copies_practice_id"), "inbound_copies", ["practice_id"], unique=False)
    op.create_table(
        "plans",
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["payer_id"], ["payers.id"], name=op.f("fk_plans_payer_id_payers")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_plans_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_plans_practice_id_external_id")),
    )
    op.create_index(op.f("ix_plans_practice_id"), "plans", ["practice_id"], unique=False)
    op.create_table(
        "remittances",
        sa.Column("inbound_file_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("payer_name", sa.Text(), nullable=False),
        sa.Column("payer_identifier", sa.Text(), nullable=False),
        sa.Column("trace_number", sa.Text(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=False),
        sa.Column("payment_amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("payment_date", sa.Date(), nullable=True),
        sa.Column("claim_count", sa.Integer(), nullable=False),
        sa.Column("balanced", sa.Boolean(), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("duplicate_of", sa.Uuid(), nullable=True),
        sa.Column("provider_adjustments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["inbound_file_id"], ["inbound_files.id"], name=op.f("fk_remittances_inbound_file_id_inbound_files")
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_remittances_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittances")),
        sa.UniqueConstraint("inbound_file_id", "ordinal", name=op.f("uq_remittances_inbound_file_id_ordinal")),
    )
    op.create_index("ix_remittances_business_key", "remittances", ["practice_id", "business_key"], unique=False)
    op.create_index(op.f("ix_remittances_practice_id"), "remittances", ["practice_id"], unique=False)
    op.create_table(
        "users",
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("clinician_id", sa.Uuid(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["clinician_id"], ["clinicians.id"], name=op.f("fk_users_clinician_id_clinicians")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_users_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_index(op.f("ix_users_practice_id"), "users", ["practice_id"], unique=False)
    op.create_table(
        "authorizations",
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("patient_external_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("disciplines", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("unit_of_measure", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("used_before_firstpass", sa.Integer(), nullable=False),
        sa.Column("codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column("flags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_authorizations_plan_id_plans")),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_authorizations_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorizations")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_authorizations_practice_id_external_id")),
    )
    op.create_index("ix_authorizations_patient", "authorizations", ["patient_external_id"], unique=False)
    op.create_index(op.f("ix_authorizations_practice_id"), "authorizations", ["practice_id"], unique=False)
    op.create_table(
        "coverages",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_coverages_patient_id_patients")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_coverages_plan_id_plans")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_coverages_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverages")),
        sa.UniqueConstraint(
            "patient_id", "plan_id", "member_id", name=op.f("uq_coverages_patient_id_plan_id_member_id")
        ),
    )
    op.create_index(op.f("ix_coverages_practice_id"), "coverages", ["practice_id"], unique=False)
    op.create_table(
        "encounters",
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("date_of_service", sa.Date(), nullable=False),
        sa.Column("discipline", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("episode_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("corrections", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("held_by", sa.Text(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("closed_as", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("touched", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinicians.id"], name=op.f("fk_encounters_clinician_id_clinicians")
        ),
        sa.ForeignKeyConstraint(["episode_id"], ["episodes.id"], name=op.f("fk_encounters_episode_id_episodes")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_encounters_patient_id_patients")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_encounters_plan_id_plans")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_encounters_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encounters")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_encounters_practice_id_external_id")),
    )
    op.create_index(op.f("ix_encounters_clinician_id"), "encounters", ["clinician_id"], unique=False)
    op.create_index(op.f("ix_encounters_episode_id"), "encounters", ["episode_id"], unique=False)
    op.create_index("ix_encounters_patient_day", "encounters", ["patient_id", "date_of_service"], unique=False)
    op.create_index(op.f("ix_encounters_practice_id"), "encounters", ["practice_id"], unique=False)
    op.create_index("ix_encounters_stage", "encounters", ["practice_id", "stage"], unique=False)
    op.create_table(
        "orders",
        sa.Column("episode_id", sa.Uuid(), nullable=False),
        sa.Column("referrer_npi", sa.Text(), nullable=False),
        sa.Column("ordered_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["episode_id"], ["episodes.id"], name=op.f("fk_orders_episode_id_episodes")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_orders_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "episode_id", "referrer_npi", "ordered_on", name=op.f("uq_orders_episode_id_referrer_npi_ordered_on")
        ),
    )
    op.create_index(op.f("ix_orders_practice_id"), "orders", ["practice_id"], unique=False)
    op.create_table(
        "plan_terms",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_terms_plan_id_plans")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_plan_terms_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_terms")),
        sa.UniqueConstraint("plan_id", "effective_from", name=op.f("uq_plan_terms_plan_id_effective_from")),
    )
    op.create_index(op.f("ix_plan_terms_practice_id"), "plan_terms", ["practice_id"], unique=False)
    op.create_table(
        "plans_of_care",
        sa.Column("episode_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("established_on", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("sent_to_certifier_on", sa.Date(), nullable=True),
        sa.Column("certified_on", sa.Date(), nullable=True),
        sa.Column("recertified_on", sa.Date(), nullable=True),
        sa.Column("certifier_npi", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["episode_id"], ["episodes.id"], name=op.f("fk_plans_of_care_episode_id_episodes")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_plans_of_care_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans_of_care")),
        sa.UniqueConstraint("episode_id", "external_id", name=op.f("uq_plans_of_care_episode_id_external_id")),
    )
    op.create_index(op.f("ix_plans_of_care_practice_id"), "plans_of_care", ["practice_id"], unique=False)
    op.create_table(
        "progress_reports",
        sa.Column("episode_id", sa.Uuid(), nullable=False),
        sa.Column("report_date", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["episode_id"], ["episodes.id"], name=op.f("fk_progress_reports_episode_id_episodes")),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_progress_reports_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_progress_reports")),
        sa.UniqueConstraint("episode_id", "report_date", name=op.f("uq_progress_reports_episode_id_report_date")),
    )
    op.create_index(op.f("ix_progress_reports_practice_id"), "progress_reports", ["practice_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("csrf_token", sa.Text(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_sessions_practice_id_practices")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_practice_id"), "sessions", ["practice_id"], unique=False)
    op.create_table(
        "authorization_uses",
        sa.Column("authorization_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["authorization_id"],
            ["authorizations.id"],
            name=op.f("fk_authorization_uses_authorization_id_authorizations"),
        ),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_authorization_uses_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_authorization_uses_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization_uses")),
    )
    op.create_index("ix_authorization_uses_authorization", "authorization_uses", ["authorization_id"], unique=False)
    op.create_index("ix_authorization_uses_encounter", "authorization_uses", ["encounter_id"], unique=False)
    op.create_index(op.f("ix_authorization_uses_practice_id"), "authorization_uses", ["practice_id"], unique=False)
    op.create_table(
        "claims",
        sa.Column("encounter_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("current_version", sa.Integer(), nullable=False),
        sa.Column("payer_claim_control_number", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["encounter_id"], ["encounters.id"], name=op.f("fk_claims_encounter_id_encounters")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_claims_plan_id_plans")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_claims_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
        sa.UniqueConstraint("encounter_id", "rank", name=op.f("uq_claims_encounter_id_rank")),
    )
    op.create_index(op.f("ix_claims_practice_id"), "claims", ["practice_id"], unique=False)
    op.create_table(
        "encounter_versions",
        sa.Column("encounter_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_encounter_versions_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_encounter_versions_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encounter_versions")),
        sa.UniqueConstraint("encounter_id", "version", name=op.f("uq_encounter_versions_encounter_id_version")),
    )
    op.create_index(op.f("ix_encounter_versions_practice_id"), "encounter_versions", ["practice_id"], unique=False)
    op.create_table(
        "evaluations",
        sa.Column("encounter_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_version", sa.Integer(), nullable=False),
        sa.Column("rulebook_version", sa.Text(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=True),
        sa.Column("trace", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("expected_payment", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_evaluations_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_evaluations_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
    )
    op.create_index("ix_evaluations_encounter", "evaluations", ["encounter_id", "created_at"], unique=False)
    op.create_index(op.f("ix_evaluations_practice_id"), "evaluations", ["practice_id"], unique=False)
    op.create_table(
        "ledger_transactions",
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("memo", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_ledger_transactions_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_ledger_transactions_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transactions")),
        sa.UniqueConstraint(
            "practice_id", "business_key", name=op.f("uq_ledger_transactions_practice_id_business_key")
        ),
    )
    op.create_index(op.f("ix_ledger_transactions_encounter_id"), "ledger_transactions", ["encounter_id"], unique=False)
    op.create_index(op.f("ix_ledger_transactions_practice_id"), "ledger_transactions", ["practice_id"], unique=False)
    op.create_table(
        "claim_versions",
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("frequency_code", sa.Text(), nullable=False),
        sa.Column("patient_control_number", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("total_charge", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("expected_payment", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("coded", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("prior_authorization_number", sa.Text(), nullable=True),
        sa.Column("original_reference", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("batch_position", sa.Integer(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_claim_versions_batch_id_batches")),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name=op.f("fk_claim_versions_claim_id_claims")),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_claim_versions_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_claim_versions_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_versions")),
        sa.UniqueConstraint("claim_id", "version", name=op.f("uq_claim_versions_claim_id_version")),
        sa.UniqueConstraint("patient_control_number", name=op.f("uq_claim_versions_patient_control_number")),
    )
    op.create_index(op.f("ix_claim_versions_batch_id"), "claim_versions", ["batch_id"], unique=False)
    op.create_index(op.f("ix_claim_versions_encounter_id"), "claim_versions", ["encounter_id"], unique=False)
    op.create_index(op.f("ix_claim_versions_practice_id"), "claim_versions", ["practice_id"], unique=False)
    op.create_index("ix_claim_versions_status", "claim_versions", ["practice_id", "status"], unique=False)
    op.create_table(
        "ledger_entries",
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_ledger_entries_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transactions.id"],
            name=op.f("fk_ledger_entries_transaction_id_ledger_transactions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
    )
    op.create_index("ix_ledger_entries_encounter_account", "ledger_entries", ["encounter_id", "account"], unique=False)
    op.create_index(op.f("ix_ledger_entries_practice_id"), "ledger_entries", ["practice_id"], unique=False)
    op.create_index(op.f("ix_ledger_entries_transaction_id"), "ledger_entries", ["transaction_id"], unique=False)
    op.create_table(
        "acknowledgements",
        sa.Column("inbound_file_id", sa.Uuid(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("claim_version_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_acknowledgements_batch_id_batches")),
        sa.ForeignKeyConstraint(
            ["claim_version_id"],
            ["claim_versions.id"],
            name=op.f("fk_acknowledgements_claim_version_id_claim_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["inbound_file_id"], ["inbound_files.id"], name=op.f("fk_acknowledgements_inbound_file_id_inbound_files")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_acknowledgements_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acknowledgements")),
    )
    op.create_index("ix_acknowledgements_claim_version", "acknowledgements", ["claim_version_id"], unique=False)
    op.create_index(op.f("ix_acknowledgements_practice_id"), "acknowledgements", ["practice_id"], unique=False)
    op.create_table(
        "claim_lines",
        sa.Column("claim_version_id", sa.Uuid(), nullable=False),
        sa.Column("line_number", sa.Integer(), nullable=False),
        sa.Column("line_control_number", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("modifiers", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("charge", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("expected_allowed", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_version_id"], ["claim_versions.id"], name=op.f("fk_claim_lines_claim_version_id_claim_versions")
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_claim_lines_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_lines")),
        sa.UniqueConstraint(
            "claim_version_id", "line_number", name=op.f("uq_claim_lines_claim_version_id_line_number")
        ),
        sa.UniqueConstraint(
            "practice_id", "line_control_number", name=op.f("uq_claim_lines_practice_id_line_control_number")
        ),
    )
    op.create_index(op.f("ix_claim_lines_practice_id"), "claim_lines", ["practice_id"], unique=False)
    op.create_table(
        "remittance_claims",
        sa.Column("remittance_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("claim_version_id", sa.Uuid(), nullable=True),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("patient_control_number", sa.Text(), nullable=False),
        sa.Column("payer_claim_control_number", sa.Text(), nullable=False),
        sa.Column("status_code", sa.Text(), nullable=False),
        sa.Column("charge", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("paid", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("patient_responsibility", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("matched_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_version_id"],
            ["claim_versions.id"],
            name=op.f("fk_remittance_claims_claim_version_id_claim_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_remittance_claims_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_remittance_claims_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(
            ["remittance_id"], ["remittances.id"], name=op.f("fk_remittance_claims_remittance_id_remittances")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittance_claims")),
        sa.UniqueConstraint("remittance_id", "ordinal", name=op.f("uq_remittance_claims_remittance_id_ordinal")),
    )
    op.create_index("ix_remittance_claims_claim_version", "remittance_claims", ["claim_version_id"], unique=False)
    op.create_index(op.f("ix_remittance_claims_practice_id"), "remittance_claims", ["practice_id"], unique=False)
    op.create_table(
        "adjustments",
        sa.Column("remittance_claim_id", sa.Uuid(), nullable=False),
        sa.Column("line_control_number", sa.Text(), nullable=True),
        sa.Column("procedure_code", sa.Text(), nullable=True),
        sa.Column("claim_adjustment_group_code", sa.Text(), nullable=False),
        sa.Column("claim_adjustment_reason_code", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("remark_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_adjustments_practice_id_practices")),
        sa.ForeignKeyConstraint(
            ["remittance_claim_id"],
            ["remittance_claims.id"],
            name=op.f("fk_adjustments_remittance_claim_id_remittance_claims"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
    )
    op.create_index(op.f("ix_adjustments_practice_id"), "adjustments", ["practice_id"], unique=False)
    op.create_index("ix_adjustments_remittance_claim", "adjustments", ["remittance_claim_id"], unique=False)
    op.create_table(
        "denials",
        sa.Column("encounter_id", sa.Uuid(), nullable=False),
        sa.Column("claim_version_id", sa.Uuid(), nullable=False),
        sa.Column("remittance_claim_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remark_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("decisions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("patient_may_be_billed", sa.Boolean(), nullable=False),
        sa.Column("appeal_deadline", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_version_id"], ["claim_versions.id"], name=op.f("fk_denials_claim_version_id_claim_versions")
        ),
        sa.ForeignKeyConstraint(["encounter_id"], ["encounters.id"], name=op.f("fk_denials_encounter_id_encounters")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_denials_practice_id_practices")),
        sa.ForeignKeyConstraint(
            ["remittance_claim_id"],
            ["remittance_claims.id"],
            name=op.f("fk_denials_remittance_claim_id_remittance_claims"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_denials")),
        sa.UniqueConstraint("remittance_claim_id", name=op.f("uq_denials_remittance_claim_id")),
    )
    op.create_index("ix_denials_encounter", "denials", ["encounter_id"], unique=False)
    op.create_index(op.f("ix_denials_practice_id"), "denials", ["practice_id"], unique=False)
    op.create_table(
        "appeals",
        sa.Column("denial_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=True),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["denial_id"], ["denials.id"], name=op.f("fk_appeals_denial_id_denials")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_appeals_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeals")),
    )
    op.create_index(op.f("ix_appeals_practice_id"), "appeals", ["practice_id"], unique=False)
    op.create_table(
        "work_items",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("authorization_id", sa.Uuid(), nullable=True),
        sa.Column("inbound_file_id", sa.Uuid(), nullable=True),
        sa.Column("remittance_claim_id", sa.Uuid(), nullable=True),
        sa.Column("denial_id", sa.Uuid(), nullable=True),
        sa.Column("clinician_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("clears_when", sa.Text(), nullable=False),
        sa.Column("whose_move", sa.Text(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["authorization_id"], ["authorizations.id"], name=op.f("fk_work_items_authorization_id_authorizations")
        ),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinicians.id"], name=op.f("fk_work_items_clinician_id_clinicians")
        ),
        sa.ForeignKeyConstraint(["denial_id"], ["denials.id"], name=op.f("fk_work_items_denial_id_denials")),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_work_items_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(
            ["inbound_file_id"], ["inbound_files.id"], name=op.f("fk_work_items_inbound_file_id_inbound_files")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_work_items_owner_id_users")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_work_items_practice_id_practices")),
        sa.ForeignKeyConstraint(
            ["remittance_claim_id"],
            ["remittance_claims.id"],
            name=op.f("fk_work_items_remittance_claim_id_remittance_claims"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_items")),
    )
    op.create_index("ix_work_items_encounter", "work_items", ["encounter_id"], unique=False)
    op.create_index(op.f("ix_work_items_practice_id"), "work_items", ["practice_id"], unique=False)
    op.create_index(
        "ix_work_items_queue", "work_items", ["practice_id", "queue", "closed_at", "due_at", "id"], unique=False
    )
    op.create_index(
        "uq_work_items_open_subject",
        "work_items",
        ["practice_id", "subject"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "decisions",
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_decisions_practice_id_practices")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_decisions_user_id_users")),
        sa.ForeignKeyConstraint(["work_item_id"], ["work_items.id"], name=op.f("fk_decisions_work_item_id_work_items")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("practice_id", "command_id", name=op.f("uq_decisions_practice_id_command_id")),
    )
    op.create_index("ix_decisions_encounter", "decisions", ["encounter_id"], unique=False)
    op.create_index(op.f("ix_decisions_practice_id"), "decisions", ["practice_id"], unique=False)
    op.create_table(
        "work_item_notes",
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_work_item_notes_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_work_item_notes_user_id_users")),
        sa.ForeignKeyConstraint(
            ["work_item_id"], ["work_items.id"], name=op.f("fk_work_item_notes_work_item_id_work_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item_notes")),
    )
    op.create_index(op.f("ix_work_item_notes_practice_id"), "work_item_notes", ["practice_id"], unique=False)
    op.create_index(op.f("ix_work_item_notes_work_item_id"), "work_item_notes", ["work_item_id"], unique=False)
    connection = op.get_bind()
    for statement in guards.statements(TABLES):
        connection.exec_driver_sql(statement)  # no bind parameters: the SQL has colons of its own


def downgrade() -> None:
    op.execute(guards.TO_DROP)
    op.drop_index(op.f("ix_work_item_notes_work_item_id"), table_name="work_item_notes")
    op.drop_index(op.f("ix_work_item_notes_practice_id"), table_name="work_item_notes")
    op.drop_table("work_item_notes")
    op.drop_index(op.f("ix_decisions_practice_id"), table_name="decisions")
    op.drop_index("ix_decisions_encounter", table_name="decisions")
    op.drop_table("decisions")
    op.drop_index("uq_work_items_open_subject", table_name="work_items", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_index("ix_work_items_queue", table_name="work_items")
    op.drop_index(op.f("ix_work_items_practice_id"), table_name="work_items")
    op.drop_index("ix_work_items_encounter", table_name="work_items")
    op.drop_table("work_items")
    op.drop_index(op.f("ix_appeals_practice_id"), table_name="appeals")
    op.drop_table("appeals")
    op.drop_index(op.f("ix_denials_practice_id"), table_name="denials")
    op.drop_index("ix_denials_encounter", table_name="denials")
    op.drop_table("denials")
    op.drop_index("ix_adjustments_remittance_claim", table_name="adjustments")
    op.drop_index(op.f("ix_adjustments_practice_id"), table_name="adjustments")
    op.drop_table("adjustments")
    op.drop_index(op.f("ix_remittance_claims_practice_id"), table_name="remittance_claims")
    op.drop_index("ix_remittance_claims_claim_version", table_name="remittance_claims")
    op.drop_table("remittance_claims")
    op.drop_index(op.f("ix_claim_lines_practice_id"), table_name="claim_lines")
    op.drop_table("claim_lines")
    op.drop_index(op.f("ix_acknowledgements_practice_id"), table_name="acknowledgements")
    op.drop_index("ix_acknowledgements_claim_version", table_name="acknowledgements")
    op.drop_table("acknowledgements")
    op.drop_index(op.f("ix_ledger_entries_transaction_id"), table_name="ledger_entries")
    op.drop_index(op.f("ix_ledger_entries_practice_id"), table_name="ledger_entries")
    op.drop_index("ix_ledger_entries_encounter_account", table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_index("ix_claim_versions_status", table_name="claim_versions")
    op.drop_index(op.f("ix_claim_versions_practice_id"), table_name="claim_versions")
    op.drop_index(op.f("ix_claim_versions_encounter_id"), table_name="claim_versions")
    op.drop_index(op.f("ix_claim_versions_batch_id"), table_name="claim_versions")
    op.drop_table("claim_versions")
    op.drop_index(op.f("ix_ledger_transactions_practice_id"), table_name="ledger_transactions")
    op.drop_index(op.f("ix_ledger_transactions_encounter_id"), table_name="ledger_transactions")
    op.drop_table("ledger_transactions")
    op.drop_index(op.f("ix_evaluations_practice_id"), table_name="evaluations")
    op.drop_index("ix_evaluations_encounter", table_name="evaluations")
    op.drop_table("evaluations")
    op.drop_index(op.f("ix_encounter_versions_practice_id"), table_name="encounter_versions")
    op.drop_table("encounter_versions")
    op.drop_index(op.f("ix_claims_practice_id"), table_name="claims")
    op.drop_table("claims")
    op.drop_index(op.f("ix_authorization_uses_practice_id"), table_name="authorization_uses")
    op.drop_index("ix_authorization_uses_encounter", table_name="authorization_uses")
    op.drop_index("ix_authorization_uses_authorization", table_name="authorization_uses")
    op.drop_table("authorization_uses")
    op.drop_index(op.f("ix_sessions_practice_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("ix_progress_reports_practice_id"), table_name="progress_reports")
    op.drop_table("progress_reports")
    op.drop_index(op.f("ix_plans_of_care_practice_id"), table_name="plans_of_care")
    op.drop_table("plans_of_care")
    op.drop_index(op.f("ix_plan_terms_practice_id"), table_name="plan_terms")
    op.drop_table("plan_terms")
    op.drop_index(op.f("ix_orders_practice_id"), table_name="orders")
    op.drop_table("orders")
    op.drop_index("ix_encounters_stage", table_name="encounters")
    op.drop_index(op.f("ix_encounters_practice_id"), table_name="encounters")
    op.drop_index("ix_encounters_patient_day", table_name="encounters")
    op.drop_index(op.f("ix_encounters_episode_id"), table_name="encounters")
    op.drop_index(op.f("ix_encounters_clinician_id"), table_name="encounters")
    op.drop_table("encounters")
    op.drop_index(op.f("ix_coverages_practice_id"), table_name="coverages")
    op.drop_table("coverages")
    op.drop_index(op.f("ix_authorizations_practice_id"), table_name="authorizations")
    op.drop_index("ix_authorizations_patient", table_name="authorizations")
    op.drop_table("authorizations")
    op.drop_index(op.f("ix_users_practice_id"), table_name="users")
    op.drop_table("users")
    op.drop_index(op.f("ix_remittances_practice_id"), table_name="remittances")
    op.drop_index("ix_remittances_business_key", table_name="remittances")
    op.drop_table("remittances")
    op.drop_index(op.f("ix_plans_practice_id"), table_name="plans")
    op.drop_table("plans")
    op.drop_index(op.f("ix_inbound_copies_practice_id"), table_name="inbound_copies")
    op.drop_table("inbound_copies")
    op.drop_index(op.f("ix_episodes_practice_id"), table_name="episodes")
    op.drop_index(op.f("ix_episodes_patient_id"), table_name="episodes")
    op.drop_table("episodes")
    op.drop_index(op.f("ix_payers_practice_id"), table_name="payers")
    op.drop_table("payers")
    op.drop_index(op.f("ix_patients_practice_id"), table_name="patients")
    op.drop_table("patients")
    op.drop_index(
        "uq_outbox_pending",
        table_name="outbox",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_index(op.f("ix_outbox_practice_id"), table_name="outbox")
    op.drop_index("ix_outbox_open", table_name="outbox", postgresql_where=sa.text("state <> 'done'"))
    op.drop_table("outbox")
    op.drop_index(op.f("ix_locations_practice_id"), table_name="locations")
    op.drop_table("locations")
    op.drop_index(op.f("ix_inbound_files_practice_id"), table_name="inbound_files")
    op.drop_table("inbound_files")
    op.drop_index(op.f("ix_fees_practice_id"), table_name="fees")
    op.drop_table("fees")
    op.drop_index(op.f("ix_events_practice_id"), table_name="events")
    op.drop_index("ix_events_encounter", table_name="events")
    op.drop_index("ix_events_authorization", table_name="events")
    op.drop_table("events")
    op.drop_index(op.f("ix_control_numbers_practice_id"), table_name="control_numbers")
    op.drop_table("control_numbers")
    op.drop_index(op.f("ix_clinicians_practice_id"), table_name="clinicians")
    op.drop_table("clinicians")
    op.drop_index(op.f("ix_batches_practice_id"), table_name="batches")
    op.drop_table("batches")
    op.drop_index(op.f("ix_audit_log_practice_id"), table_name="audit_log")
    op.drop_table("audit_log")
    op.drop_index(op.f("ix_api_keys_practice_id"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("practices")
