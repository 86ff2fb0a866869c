"""What others used of a patient's benefit limits; row-level security, append-only.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-22 08:40:00.000000
"""

import sqlalchemy as sa
from alembic import op

from models.migrations import guards

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ["benefit_reports"]


def upgrade() -> None:
    op.create_table(
        "benefit_reports",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("limit_id", sa.Text(), nullable=False),
        sa.Column("discipline", sa.Text(), nullable=True),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("used_elsewhere", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_benefit_reports_patient_id_patients")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_benefit_reports_plan_id_plans")),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_benefit_reports_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benefit_reports")),
    )
    op.create_index(op.f("ix_benefit_reports_practice_id"), "benefit_reports", ["practice_id"], unique=False)
    op.create_index("ix_benefit_reports_patient", "benefit_reports", ["patient_id", "plan_id"], unique=False)
    connection = op.get_bind()
    for table in TABLES:
        for statement in (*guards.row_security(table), *guards.kept_rows([table])):
            connection.exec_driver_sql(statement)


def downgrade() -> None:
    op.drop_table("benefit_reports")
