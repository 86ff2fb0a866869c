"""How an encounter ends: paid, written off, cancelled, or as a person decided."""

from activities import authorization_cases, claims, voids
from activities.benefits import recheck_held_by_a_limit
from activities.look import Look
from activities.reservations import release_use
from billing.vocabulary import Stage
from models.store import ledger
from models.tables.claims import ClaimVersionRow

PATIENT_PAYS, CANCELLED = "patient_pay", "cancelled"
STILL_OWED = (PATIENT_PAYS, CANCELLED)  # nothing is asked of a payer any more, but the patient's account is open
PAID = "paid"


def ended(look: Look, claim: ClaimVersionRow | None) -> bool:
    """Whether a person, or the chart, ended the encounter otherwise than by payment."""
    row = look.row
    if row.facts.get("cancelled") and claim is not None and claim.status == "correcting":
        claim.status = "accepted"  # the payer has it; what is to be corrected is that it was billed at all
    if row.facts.get("cancelled") and row.closed_at is None and claims.inside(claim) and voids.done(look.session, row):
        _cancel(look, claim)
    elif row.disposition == CANCELLED and not row.facts.get("cancelled"):
        row.disposition = None  # the visit took place after all
    elif row.disposition is not None and row.disposition not in STILL_OWED:
        close(look, row.disposition, f"Closed: {row.disposition.replace('_', ' ')}")
    return row.closed_at is not None


def close_settled(look: Look) -> None:
    """Nothing is owed any more."""
    paid = ledger.balance(look.session, look.row.id, ledger.WRITE_OFF) == 0
    close(look, look.row.disposition or (PAID if paid else "written_off"), "Nothing is owed any more; closed")


def close(look: Look, closed_as: str, summary: str) -> None:
    """End the encounter and take it off the desk; closing twice harms nothing."""
    row = look.row
    look.close_work(closed_as)
    if row.closed_at is None:
        authorization_cases.no_longer_wanted_by(look.session, row)
        row.closed_at, row.closed_as, row.held_by = look.now, closed_as, None
        if closed_as != PAID:
            recheck_held_by_a_limit(look.session, row)
        look.enter(Stage.CLOSED, summary)


def _cancel(look: Look, claim: ClaimVersionRow | None) -> None:
    """Nothing is billed for the visit: charge and authorization are released, and what the patient paid is returned."""
    session, row = look.session, look.row
    voids.give_back_shares(session, row, look.today)
    claims.withdraw(session, row, claim, look.today)
    release_use(session, row, "visit cancelled", look.now)
    if ledger.balance(session, row.id, ledger.PATIENT_RECEIVABLE) == 0:
        close(look, CANCELLED, "The chart cancelled the visit; nothing is billed")
    else:
        row.disposition = CANCELLED
