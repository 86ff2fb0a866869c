"""What the encounter's workflow asks to have done: look through the gates, look at the claim, look at the balance.

Each look reads the facts, writes stage, work item, event and evaluation in one transaction, and says when to look
again. Looking twice, or late, harms nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from temporalio import activity

from activities import balance, claim_progress, claims, gates
from activities.endings import STILL_OWED, ended
from activities.look import Look, lock_encounter
from models.messages import BalanceProgress, ClaimProgress, GateVerdict, LookAtEncounter
from models.store.session import practice_session


class EncounterActivities:
    """Gates, claim and balance of one encounter."""

    def __init__(self, engine: Engine, batch_window_seconds: float) -> None:
        self._engine = engine
        self._batch_window_seconds = batch_window_seconds

    @activity.defn(no_thread_cancel_exception=True)
    def check_gates(self, asked: LookAtEncounter) -> GateVerdict:
        """Documentation, authorization, scrub, all on the same facts; when all pass, the claim is made ready.

        Idempotent: an encounter whose claim is under way stays so, whatever the facts became since (that is
        check_claim's to judge).
        """
        with self._looking(asked) as look:
            claim = claims.current(look.session, look.row)
            if ended(look, claim):
                return GateVerdict(outcome="closed")
            if look.row.disposition in STILL_OWED:
                return GateVerdict(outcome="patient_pays")
            if claims.under_way(claim):
                return GateVerdict(outcome="under_way")
            return gates.judge(look, claim)

    @activity.defn(no_thread_cancel_exception=True)
    def check_claim(self, asked: LookAtEncounter) -> ClaimProgress:
        """Where the claim stands, and what a person has to do about it, if anything."""
        with self._looking(asked) as look:
            claim = claims.current(look.session, look.row)
            if ended(look, claim):
                return ClaimProgress(outcome="closed")
            if look.row.disposition in STILL_OWED:
                return ClaimProgress(outcome="patient_pays")
            if claim is None or not claims.under_way(claim):
                return ClaimProgress(outcome="to_gates")
            return claim_progress.follow(look, claim)

    @activity.defn(no_thread_cancel_exception=True)
    def check_balance(self, asked: LookAtEncounter) -> BalanceProgress:
        """What the patient owes once the payer's part is settled: a statement, then a person, then closed."""
        with self._looking(asked) as look:
            claim = claims.current(look.session, look.row)
            if ended(look, claim):
                return BalanceProgress(outcome="settled")
            if look.row.disposition is None and claim is not None and balance.payer_is_heard_again(look, claim):
                return BalanceProgress(outcome="to_claim")
            return balance.stand(look)

    @contextmanager
    def _looking(self, asked: LookAtEncounter) -> Iterator[Look]:
        """One transaction with the visit locked."""
        with practice_session(self._engine, asked.practice_id) as session:
            row = lock_encounter(session, asked.encounter_id)
            yield Look(session, row, asked.now, self._batch_window_seconds)
