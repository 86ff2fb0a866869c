"""Authorizations in full: the ledger of use with reservations, bookings, and the cases of asking payers.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-22 08:20:29.751750
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import guards

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ["authorization_cases", "bookings"]
NUMERIC = sa.Numeric(precision=12, scale=2)
TEXTS = postgresql.ARRAY(sa.Text())
ONE_SUBJECT = "num_nonnulls(encounter_id, booking_id) = 1"


def upgrade() -> None:
    _create_tables()
    _widen_authorizations()
    _widen_uses()
    op.add_column("events", sa.Column("authorization_case_id", sa.Uuid(), nullable=True))
    op.create_index("ix_events_authorization_case", "events", ["authorization_case_id", "id"], unique=False)
    op.add_column("work_items", sa.Column("authorization_case_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_work_items_authorization_case_id_authorization_cases"),
        "work_items",
        "authorization_cases",
        ["authorization_case_id"],
        ["id"],
    )
    connection = op.get_bind()
    for table in TABLES:
        for statement in (*guards.row_security(table), *guards.kept_rows([table])[:1]):
            connection.exec_driver_sql(statement)
    for statement in REMINDERS_BECOME_CASES:
        connection.exec_driver_sql(statement)


# A reminder of the first kind is closed; its authorization's workflow is told to look and opens a case instead.
REMINDERS_BECOME_CASES = (
    """
    INSERT INTO outbox (id, practice_id, workflow_id, workflow_type, message, signal, state, attempts)
    SELECT gen_random_uuid(), practice_id, workflow_id, 'AuthorizationWorkflow',
           jsonb_build_object('practice_id', practice_id, 'authorization_id', authorization_id), 'recheck', 'pending', 0
    FROM work_items WHERE kind = 'reauthorization' AND closed_at IS NULL
    ON CONFLICT DO NOTHING
    """,
    """
    UPDATE work_items SET closed_at = now(), closed_by = 'moved on', version = version + 1
    WHERE kind = 'reauthorization' AND closed_at IS NULL
    """,
)


def _add(table: str, column: sa.Column[object], default: str) -> None:
    """A column that rows from before get a value of, and later ones must be given."""
    column.server_default = sa.DefaultClause(sa.text(default))
    op.add_column(table, column)
    op.alter_column(table, column.name, server_default=None)


def _widen_authorizations() -> None:
    _add("authorizations", sa.Column("version", sa.Integer(), nullable=False), "1")
    _add("authorizations", sa.Column("kind", sa.Text(), nullable=False), "'prior_authorization'")
    _add("authorizations", sa.Column("code_quantities", postgresql.JSONB(), nullable=False), "'{}'")
    _add("authorizations", sa.Column("clinician_npis", TEXTS, nullable=False), "'{}'")
    _add("authorizations", sa.Column("diagnoses", TEXTS, nullable=False), "'{}'")
    _add("authorizations", sa.Column("same_day", sa.Text(), nullable=False), "'per_discipline'")
    for column in ("quantity", "used_before_firstpass"):
        op.alter_column("authorizations", column, existing_type=sa.Integer(), type_=NUMERIC, existing_nullable=False)


def _widen_uses() -> None:
    op.add_column("authorization_uses", sa.Column("booking_id", sa.Uuid(), nullable=True))
    _add("authorization_uses", sa.Column("bucket", sa.Text(), nullable=False), "'used'")
    _add("authorization_uses", sa.Column("code", sa.Text(), nullable=False), "''")
    op.add_column("authorization_uses", sa.Column("service_date", sa.Date(), nullable=True))
    op.add_column("authorization_uses", sa.Column("discipline", sa.Text(), nullable=True))
    op.execute(
        "UPDATE authorization_uses u SET service_date = e.date_of_service, discipline = e.discipline "
        "FROM encounters e WHERE e.id = u.encounter_id"
    )
    for column in ("service_date", "discipline"):
        op.alter_column("authorization_uses", column, nullable=False)
    op.alter_column("authorization_uses", "encounter_id", existing_type=sa.Uuid(), nullable=True)
    op.alter_column(
        "authorization_uses", "quantity", existing_type=sa.Integer(), type_=NUMERIC, existing_nullable=False
    )
    op.create_check_constraint("one_subject", "authorization_uses", ONE_SUBJECT)
    op.create_check_constraint("bucket", "authorization_uses", "bucket IN ('reserved', 'used')")
    op.create_index("ix_authorization_uses_booking", "authorization_uses", ["booking_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_authorization_uses_booking_id_bookings"), "authorization_uses", "bookings", ["booking_id"], ["id"]
    )


def _create_tables() -> None:
    op.create_table(
        "authorization_cases",
        sa.Column("patient_external_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("disciplines", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("predecessor_id", sa.Uuid(), nullable=True),
        sa.Column("granted_id", sa.Uuid(), nullable=True),
        sa.Column("opened_because", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.Column("requested_quantity", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("requested_unit_of_measure", sa.Text(), nullable=True),
        sa.Column("requested_from", sa.Date(), nullable=True),
        sa.Column("requested_to", sa.Date(), nullable=True),
        sa.Column("requested_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("answer_reference", sa.Text(), nullable=False),
        sa.Column("answer_from", sa.Date(), nullable=True),
        sa.Column("answer_to", sa.Date(), nullable=True),
        sa.Column("denial_reason", sa.Text(), nullable=False),
        sa.Column("documents", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["granted_id"], ["authorizations.id"], name=op.f("fk_authorization_cases_granted_id_authorizations")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_authorization_cases_plan_id_plans")),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_authorization_cases_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(
            ["predecessor_id"], ["authorizations.id"], name=op.f("fk_authorization_cases_predecessor_id_authorizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization_cases")),
    )
    op.create_index("ix_authorization_cases_granted", "authorization_cases", ["granted_id"], unique=False)
    op.create_index(
        "ix_authorization_cases_patient", "authorization_cases", ["patient_external_id", "plan_id"], unique=False
    )
    op.create_index(op.f("ix_authorization_cases_practice_id"), "authorization_cases", ["practice_id"], unique=False)
    op.create_index(
        "uq_authorization_cases_open",
        "authorization_cases",
        ["practice_id", "patient_external_id", "plan_id", "disciplines"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "bookings",
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("patient_external_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("discipline", sa.Text(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("is_evaluation", sa.Boolean(), nullable=False),
        sa.Column("expected", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("beyond_limit", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["clinician_id"], ["clinicians.id"], name=op.f("fk_bookings_clinician_id_clinicians")),
        sa.ForeignKeyConstraint(["encounter_id"], ["encounters.id"], name=op.f("fk_bookings_encounter_id_encounters")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_bookings_plan_id_plans")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_bookings_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_bookings_practice_id_external_id")),
    )
    op.create_index("ix_bookings_encounter", "bookings", ["encounter_id"], unique=False)
    op.create_index("ix_bookings_patient", "bookings", ["patient_external_id", "service_date"], unique=False)
    op.create_index(op.f("ix_bookings_practice_id"), "bookings", ["practice_id"], unique=False)


def downgrade() -> None:
    op.drop_constraint(
        op.f("fk_work_items_authorization_case_id_authorization_cases"), "work_items", type_="foreignkey"
    )
    op.drop_column("work_items", "authorization_case_id")
    op.drop_index("ix_events_authorization_case", table_name="events")
    op.drop_column("events", "authorization_case_id")
    for column in ("quantity", "used_before_firstpass"):
        op.alter_column("authorizations", column, existing_type=NUMERIC, type_=sa.Integer(), existing_nullable=False)
    for column in ("same_day", "diagnoses", "clinician_npis", "code_quantities", "kind", "version"):
        op.drop_column("authorizations", column)
    op.drop_constraint(op.f("ck_authorization_uses_bucket"), "authorization_uses", type_="check")
    op.drop_constraint(op.f("ck_authorization_uses_one_subject"), "authorization_uses", type_="check")
    op.drop_constraint(op.f("fk_authorization_uses_booking_id_bookings"), "authorization_uses", type_="foreignkey")
    op.drop_index("ix_authorization_uses_booking", table_name="authorization_uses")
    op.execute("DELETE FROM authorization_uses WHERE encounter_id IS NULL")  # the first tables know no bookings
    op.alter_column(
        "authorization_uses", "quantity", existing_type=NUMERIC, type_=sa.Integer(), existing_nullable=False
    )
    op.alter_column("authorization_uses", "encounter_id", existing_type=sa.Uuid(), nullable=False)
    for column in ("discipline", "service_date", "code", "bucket", "booking_id"):
        op.drop_column("authorization_uses", column)
    op.drop_index(op.f("ix_bookings_practice_id"), table_name="bookings")
    op.drop_index("ix_bookings_patient", table_name="bookings")
    op.drop_index("ix_bookings_encounter", table_name="bookings")
    op.drop_table("bookings")
    op.drop_index(
        "uq_authorization_cases_open", table_name="authorization_cases", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_index(op.f("ix_authorization_cases_practice_id"), table_name="authorization_cases")
    op.drop_index("ix_authorization_cases_patient", table_name="authorization_cases")
    op.drop_index("ix_authorization_cases_granted", table_name="authorization_cases")
    op.drop_table("authorization_cases")
