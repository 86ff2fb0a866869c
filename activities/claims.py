"""A claim's life inside the building: made ready, filed again, compared with a chart that moved on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.clock import practice_day
from billing.coding import CodedClaim
from billing.encounter import Encounter
from billing.practice import PlanTerms
from billing.vocabulary import Stage
from edi.filing import line_control_number
from models.ids import batch_workflow_id, new_id
from models.messages import ConnectionRef
from models.store import ledger
from models.store.book import PlanPage, book_of
from models.store.life import record, tell
from models.tables.authorizations import AuthorizationRow
from models.tables.claims import ClaimLineRow, ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow
from models.tables.remittances import DenialRow

# refiling: refused on receipt, or never left the building; correcting: adjudicated or accepted, to be replaced
TO_BE_FILED_AGAIN = ("refiling", "correcting")
ANSWERED = ("paid", "denied")
# voiding: a person asked that the payer's claim be taken back; voided: the payer has, or said it did
VOIDING, VOIDED = "voiding", "voided"
NOT_STANDING = ("withdrawn", VOIDED)
ORIGINAL, REPLACEMENT, VOID = "1", "7", "8"
CONTROL_NUMBER_LENGTH = 15  # some payers cut at 17 (Stedi, How to track claims)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filing to be made: to which plan, of what."""

    page: PlanPage
    plan_id: UUID
    rank: int
    encounter_version: int
    facts: dict[str, Any]
    coded: dict[str, Any]
    total_charge: Decimal
    expected_payment: Decimal | None = None
    prior_authorization_number: str | None = None
    prior_decisions: Sequence[Mapping[str, Any]] = ()


def current(session: Session, row: EncounterRow, rank: int = 1) -> ClaimVersionRow | None:
    """The newest version of the encounter's claim to the plan of that rank, locked: a batch may be reaching for it."""
    return session.scalars(
        select(ClaimVersionRow)
        .join(
            ClaimRow,
            (ClaimRow.id == ClaimVersionRow.claim_id) & (ClaimRow.current_version == ClaimVersionRow.version),
        )
        .where(ClaimRow.encounter_id == row.id, ClaimRow.rank == rank)
        .with_for_update(of=ClaimVersionRow)
    ).one_or_none()


def rank_of(session: Session, claim: ClaimVersionRow) -> int:
    """To which of the patient's plans the claim goes; 1 pays first."""
    return session.get_one(ClaimRow, claim.claim_id).rank


def at_work(session: Session, row: EncounterRow) -> ClaimVersionRow | None:
    """The claim to look at: of the first plan that has not settled its part, or of the last one billed."""
    found = current(session, row)
    while found is not None and (found.status == VOIDED or settled(session, row, found)):
        following = current(session, row, rank_of(session, found) + 1)
        if following is None or following.status in NOT_STANDING:
            break
        found = following
    return found


def open_denial(session: Session, claim: ClaimVersionRow) -> DenialRow | None:
    """The newest undecided denial of this filing."""
    return session.scalars(
        select(DenialRow)
        .where(DenialRow.claim_version_id == claim.id, DenialRow.state == "open")
        .order_by(DenialRow.created_at.desc())
        .limit(1)
    ).one_or_none()


def owed_by(session: Session, row: EncounterRow, claim: ClaimVersionRow) -> Decimal:
    """What the claim's payer still owes, in dollars."""
    rank = rank_of(session, claim)
    return ledger.balance(session, row.id, ledger.PAYER_RECEIVABLE, payer_rank=rank)


def settled(session: Session, row: EncounterRow, claim: ClaimVersionRow) -> bool:
    """Whether the claim's payer has answered, nothing it refused is undecided, and it owes nothing."""
    if claim.status not in ANSWERED:
        return False
    return open_denial(session, claim) is None and owed_by(session, row, claim) == 0


def under_way(claim: ClaimVersionRow | None) -> bool:
    """Whether a claim stands that need not be filed again."""
    return claim is not None and claim.status not in (*TO_BE_FILED_AGAIN, *NOT_STANDING)


def inside(claim: ClaimVersionRow | None) -> bool:
    """Whether no payer has the claim: it has not left, or was taken back. A void on its way takes one back yet."""
    if claim is None or claim.status in NOT_STANDING:
        return True
    return claim.frequency_code != VOID and claim.status in ("ready", "refiling")


def chart_moved_on(session: Session, row: EncounterRow, claim: ClaimVersionRow) -> bool:
    """Whether the chart has a version the claim was not made from."""
    return row.version != claim.encounter_version and claim.status not in TO_BE_FILED_AGAIN


def file_claim(
    session: Session,
    row: EncounterRow,
    encounter: Encounter,
    coded: CodedClaim,
    authorization_id: UUID | None,
    practice: PracticeRow,
    before: ClaimVersionRow | None,
    *,
    window_seconds: float,
    now: datetime,
) -> ClaimVersionRow:
    """Make the next version of the claim ready to go, charge the ledger, and have the batch collect it.

    before: the version it takes over from, if there is one.
    """
    wanted = Wanted(
        page=book_of(session, practice).plans[row.plan_id],
        plan_id=row.plan_id,
        rank=1,
        encounter_version=row.version,
        facts=encounter.model_dump(mode="json"),
        coded=coded_dict(coded),
        total_charge=coded.total_charge,
        expected_payment=coded.expected_payment,
        prior_authorization_number=_authorization_number(session, encounter, authorization_id),
    )
    version = put_version(session, row, wanted, before)
    charged = -ledger.balance(session, row.id, ledger.REVENUE) if before else ledger.ZERO
    _charge(session, row, version, charged, practice_day(now, practice.time_zone))
    _collect_at_desk(session, row, encounter, _paid_at_desk(session, row) if before else ledger.ZERO)
    row.stage, row.updated_at = Stage.SUBMISSION.value, now
    summary = (
        f"Claim {version.patient_control_number} ready: {_counted(coded)}, ${coded.total_charge}, "
        f"expected from the plan ${coded.expected_payment}"
    )
    detail = {"frequency_code": version.frequency_code, "version": version.version}
    record(session, row.practice_id, "claim.ready", summary, encounter_id=row.id, at=now, detail=detail)
    tell_batch(session, version, window_seconds)
    return version


def put_version(
    session: Session, row: EncounterRow, wanted: Wanted, before: ClaimVersionRow | None, status: str = "ready"
) -> ClaimVersionRow:
    """Write the next version of the visit's claim to a plan, with its lines. before: the version it takes over from."""
    claim = _next_version(session, row, wanted, before)
    frequency, original = _frequency(wanted.page.terms_on(row.date_of_service), claim, before)
    version = ClaimVersionRow(
        id=new_id(),
        practice_id=row.practice_id,
        claim_id=claim.id,
        encounter_id=row.id,
        encounter_version=wanted.encounter_version,
        version=claim.current_version,
        frequency_code=frequency,
        patient_control_number=f"F{new_id().hex[: CONTROL_NUMBER_LENGTH - 1].upper()}",
        status=status,
        total_charge=wanted.total_charge,
        expected_payment=wanted.expected_payment,
        connection=wanted.page.connection,
        facts=wanted.facts,
        coded=wanted.coded,
        prior_decisions=list(wanted.prior_decisions),
        prior_authorization_number=wanted.prior_authorization_number,
        original_reference=original,
    )
    session.add(version)
    session.flush()
    session.add_all(_lines(row, version))
    return version


def tell_batch(session: Session, version: ClaimVersionRow, window_seconds: float) -> None:
    """Have the batch of the claim's connection collect it."""
    reference = ConnectionRef(
        practice_id=version.practice_id, connection=version.connection, window_seconds=window_seconds
    )
    workflow_id = batch_workflow_id(version.practice_id, version.connection)
    tell(session, version.practice_id, workflow_id, "BatchWorkflow", reference, "claims_ready")


def _counted(coded: CodedClaim) -> str:
    return "1 line" if len(coded.lines) == 1 else f"{len(coded.lines)} lines"


def withdraw(session: Session, row: EncounterRow, claim: ClaimVersionRow | None, today: date) -> None:
    """Take back a claim that never left the building, and of its charge what nobody paid, adjusted or wrote off."""
    if claim is None or claim.status == "withdrawn":
        return
    claim.status = claim.status if claim.status == VOIDED else "withdrawn"
    owed = ledger.balance(session, row.id, ledger.PAYER_RECEIVABLE, payer_rank=1)
    legs = [(ledger.PAYER_RECEIVABLE, -owed), (ledger.REVENUE, owed)]
    key = f"withdrawn/{claim.id}"
    ledger.post(
        session,
        row.practice_id,
        key,
        "charge_reversed",
        today,
        legs,
        encounter_id=row.id,
        memo="Claim withdrawn",
    )


def differences(claim: ClaimVersionRow, encounter: Encounter, coded: CodedClaim) -> list[str]:
    """What a payer would see changed between the claim as filed and as it would be now, in words."""
    if encounter.cancelled:
        return ["the visit was cancelled"]
    if not coded.lines:
        return ["the visit can no longer be coded"]
    now, then = coded_dict(coded), claim.coded
    found = []
    if _line_texts(now) != _line_texts(then):
        found.append(f"lines {', '.join(_line_texts(then))} became {', '.join(_line_texts(now))}")
    if now["diagnoses"] != then["diagnoses"]:
        found.append(f"diagnoses {', '.join(then['diagnoses'])} became {', '.join(now['diagnoses'])}")
    if now["place_of_service"] != then["place_of_service"]:
        found.append(f"place of service {then['place_of_service']} became {now['place_of_service']}")
    fresh = encounter.model_dump(mode="json")
    for name, words in (("date_of_service", "the date of service"), ("patient", "the patient's particulars")):
        if fresh[name] != claim.facts[name]:
            found.append(f"{words} changed")
    if _coverages(fresh) != _coverages(claim.facts):
        found.append("the coverage changed")
    return found


def _coverages(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Without what the payer itself answered about them: no claim says that."""
    return [
        {name: value for name, value in coverage.items() if name != "eligibility"}
        for coverage in facts["administrative"]["coverages"]
    ]


def coded_dict(coded: CodedClaim) -> dict[str, Any]:
    """The coded claim as JSON, money as text."""
    return {
        "lines": [{name: _plain(value) for name, value in asdict(line).items()} for line in coded.lines],
        "place_of_service": coded.place_of_service,
        "diagnoses": list(coded.diagnoses),
        "expected_patient": str(coded.expected_patient),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int, type(None))):
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    return str(value)


def _line_texts(coded: dict[str, Any]) -> list[str]:
    return [f"{':'.join([line['code'], *line['modifiers']])}x{line['units']}" for line in coded["lines"]]


def _next_version(session: Session, row: EncounterRow, wanted: Wanted, before: ClaimVersionRow | None) -> ClaimRow:
    if before is not None:
        claim = session.get_one(ClaimRow, before.claim_id)
        claim.current_version += 1
        claim.plan_id = wanted.plan_id
        return claim
    claim = ClaimRow(
        id=new_id(),
        practice_id=row.practice_id,
        encounter_id=row.id,
        plan_id=wanted.plan_id,
        rank=wanted.rank,
        current_version=1,
    )
    session.add(claim)
    session.flush()
    return claim


def _frequency(terms: PlanTerms | None, claim: ClaimRow, before: ClaimVersionRow | None) -> tuple[str, str | None]:
    """Original, replacement or void of what the payer has, where the plan takes those (CLM05-3, REF*F8).

    A claim refused on receipt was never adjudicated, so it keeps the frequency it had; but where a void did not get
    there and the visit took place after all, what the payer has is replaced.
    """
    if before is None or before.status == VOIDED:
        return ORIGINAL, None
    was = before.status
    before.status = "superseded"
    if was == VOIDING:  # a void that was refused has its own number by now; what it takes back has another
        return VOID, before.original_reference if before.frequency_code == VOID else claim.payer_claim_control_number
    if was == "refiling" and before.frequency_code != VOID:
        return before.frequency_code, before.original_reference
    if terms is not None and terms.accepts_replacement and claim.payer_claim_control_number:
        return REPLACEMENT, claim.payer_claim_control_number
    return ORIGINAL, None


def _authorization_number(session: Session, encounter: Encounter, authorization_id: UUID | None) -> str | None:
    if authorization_id is not None:
        return session.get_one(AuthorizationRow, authorization_id).number
    return encounter.administrative.authorization_number or None


def _lines(row: EncounterRow, version: ClaimVersionRow) -> Sequence[ClaimLineRow]:
    return [
        ClaimLineRow(
            practice_id=row.practice_id,
            claim_version_id=version.id,
            line_number=line["line_number"],
            line_control_number=line_control_number(version.patient_control_number, line["line_number"]),
            code=line["code"],
            modifiers=line["modifiers"],
            units=line["units"],
            charge=Decimal(line["charge"]),
            service_date=date.fromisoformat(line["service_date"]),
            expected_allowed=None if line["expected_allowed"] is None else Decimal(line["expected_allowed"]),
        )
        for line in version.coded["lines"]
    ]


def _charge(session: Session, row: EncounterRow, version: ClaimVersionRow, charged: Decimal, today: date) -> None:
    """Bring what the ledger says was charged to this version's total; a correction posts the difference only."""
    change = version.total_charge - charged
    ledger.post(
        session,
        row.practice_id,
        f"charge/{version.id}",
        "charge",
        today,
        [(ledger.PAYER_RECEIVABLE, change), (ledger.REVENUE, -change)],
        encounter_id=row.id,
        memo=f"Claim {version.patient_control_number}",
    )


def _paid_at_desk(session: Session, row: EncounterRow) -> Decimal:
    return ledger.balance(session, row.id, ledger.CASH, kinds=("desk_payment",))


def _collect_at_desk(session: Session, row: EncounterRow, encounter: Encounter, known: Decimal) -> None:
    """What the patient paid at the visit, brought to the chart's figure."""
    change = encounter.administrative.patient_paid - known
    ledger.post(
        session,
        row.practice_id,
        f"desk/{row.id}/{row.version}",
        "desk_payment",
        row.date_of_service,
        [(ledger.CASH, change), (ledger.PATIENT_RECEIVABLE, -change)],
        encounter_id=row.id,
        memo="Paid at the desk",
    )
