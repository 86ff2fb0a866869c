"""The evaluation of a visit: made from what is on record now, kept where it says something new."""

import hashlib
import json
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.clock import practice_day
from billing.corrections import corrected
from billing.encounter import Encounter
from billing.trace import Evaluation, evaluate, to_dict
from models.store.visits import context_of, lock_patient
from models.tables.encounters import EncounterRow, EvaluationRow
from models.tables.practice import PracticeRow


def evaluate_visit(
    session: Session, row: EncounterRow, practice: PracticeRow, now: datetime
) -> tuple[Encounter, Evaluation, frozenset[str]]:
    """The visit through the billers' corrections, its evaluation, and which finding codes are overridden."""
    lock_patient(session, row)
    encounter = corrected(row.facts, row.corrections)
    context = context_of(session, practice, row, encounter, practice_day(now, practice.time_zone))
    return encounter, evaluate(encounter, context), context.overridden


def keep_evaluation(session: Session, row: EncounterRow, evaluation: Evaluation) -> None:
    """Store an evaluation, unless the last one of a visit that was ever asked about says the same."""
    trace = to_dict(evaluation)
    sha256 = hashlib.sha256(json.dumps(trace, sort_keys=True).encode()).hexdigest()
    newest = (
        select(EvaluationRow.sha256)
        .where(EvaluationRow.encounter_id == row.id)
        .order_by(EvaluationRow.created_at.desc())
        .limit(1)
    )
    if (row.held_by is not None or row.touched) and session.scalar(newest) == sha256:
        return
    session.add(
        EvaluationRow(
            practice_id=row.practice_id,
            encounter_id=row.id,
            encounter_version=row.version,
            rulebook_version=evaluation.rulebook_version,
            gate=evaluation.gate.value if evaluation.gate else None,
            trace=trace,
            sha256=sha256,
            expected_payment=evaluation.claim.expected_payment,
        )
    )
