"""The index on the practice alone goes where no question wants it.

Every statement of the tests of activities, posting and models was explained, with sequential scans made dear. The index
was chosen where another one begins with the practice as well, or, until a table is analyzed, instead of the index that
was meant (the uses of an authorization, an episode's progress reports), reading all rows the practice ever had. It stays
on tables of which all rows of a practice are wanted and no other index tells them. Four questions had nothing else to
go by, and get the index they ask for: the denials of a claim, the appeals of a denial, the acknowledgements of a batch,
the notes beside a visit.

Revision ID: 0018
Revises: 0017
Create Date: 2026-11-22 12:50:00.000000
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ANOTHER_BEGINS_WITH_THE_PRACTICE = (
    "api_keys", "audit_log", "authorizations", "batches", "bookings", "bulk_entries", "claim_lines", "claim_versions",
    "clinicians", "control_numbers", "decisions", "desk_actions", "edit_tables", "encounters", "episodes", "fees",
    "inbound_copies", "inbound_files", "locations", "notice_templates", "notices", "patients", "payers", "plans",
    "practice_rules", "remittances", "remote_files", "work_item_mentions", "work_items",
)  # fmt: skip
ASKED_BY_WHAT_THEY_BELONG_TO = (
    "acknowledgements", "appeals", "authorization_uses", "benefit_reports", "claims", "clinician_messages", "coverages",
    "denials", "encounter_versions", "evaluations", "events", "financial_notices", "hidden_columns", "orders",
    "plans_of_care", "progress_reports", "sessions", "work_item_presence",
)  # fmt: skip
ASKED_FOR = (
    ("ix_denials_claim_version", "denials", "claim_version_id"),
    ("ix_appeals_denial_id", "appeals", "denial_id"),
    ("ix_acknowledgements_batch", "acknowledgements", "batch_id"),
    ("ix_work_item_notes_encounter_id", "work_item_notes", "encounter_id"),
)


def upgrade() -> None:
    for table in (*ANOTHER_BEGINS_WITH_THE_PRACTICE, *ASKED_BY_WHAT_THEY_BELONG_TO):
        op.drop_index(f"ix_{table}_practice_id", table_name=table)
    for name, table, column in ASKED_FOR:
        op.create_index(name, table, [column])


def downgrade() -> None:
    for name, table, _ in ASKED_FOR:
        op.drop_index(name, table_name=table)
    for table in (*ASKED_BY_WHAT_THEY_BELONG_TO, *ANOTHER_BEGINS_WITH_THE_PRACTICE):
        op.create_index(f"ix_{table}_practice_id", table, ["practice_id"])
