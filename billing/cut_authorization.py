"""An authorization voided or cut: what becomes of the visits already billed under it, and what a person should do."""

from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

from billing.authorization import EXHAUSTED, Wanted, narrow
from billing.context import AuthorizationBalance

INSIDE = ("ready", "refiling", "correcting", "rejected")
WITH_THE_PAYER = ("batched", "sent", "accepted", "forwarded")
PLENTY = Decimal(1_000_000_000)
VOID = "it was voided"
OVERDRAWN = "more was billed under it than it grants now"


class Fate(StrEnum):
    """What becomes of a visit it no longer carries."""

    PULLED_BACK = "pulled_back"  # nothing was sent: held at authorization again
    WITH_THE_PAYER = "with_the_payer"  # sent, not answered: a person tells the payer
    ANSWERED = "answered"  # decided: a person decides whether to correct it


TO_DO = {
    Fate.PULLED_BACK: "not sent yet: it is pulled back and held until another authorization carries it",
    Fate.WITH_THE_PAYER: (
        "the payer has this claim: ask it which authorization carries the visit, and record that one; a denial "
        "(CARC 197, 198) comes to the denials queue, where the claim is corrected or appealed"
    ),
    Fate.ANSWERED: (
        "the payer has decided on this claim: nothing is sent by itself; it may ask for its money back, so record the "
        "authorization that carries the visit, or call the payer"
    ),
}


def why_not_carried(balance: AuthorizationBalance | None, wanted: Wanted) -> str:
    """Why a visit billed under it is not carried by it (any more), whatever is left; "" where it is. None: voided."""
    if balance is None:
        return VOID
    roomy = replace(balance, left=PLENTY, code_left=dict.fromkeys(balance.code_left, PLENTY))
    _, missing = narrow([roomy], wanted)
    if missing is None or missing.code == EXHAUSTED.id:
        return ""
    return missing.message[0].lower() + missing.message[1:].rstrip(".")


def fate_of(claim_status: str | None) -> Fate:
    """What becomes of a visit by where its claim is."""
    if claim_status in WITH_THE_PAYER:
        return Fate.WITH_THE_PAYER
    return Fate.PULLED_BACK if claim_status is None or claim_status in INSIDE else Fate.ANSWERED
