"""What a person typed about a payer's answer, read into a grant; what does not fit is refused in a sentence."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from pydantic import ValidationError

from activities.case import Case, refusal
from activities.receiving import field_errors
from billing.practice import AuthorizationRecord
from billing.vocabulary import Discipline, UnitOfMeasure


def typed_grant(
    case: Case, patient: str, plan: str, disciplines: Sequence[Discipline], *, number_may_follow: bool = False
) -> AuthorizationRecord:
    """The grant in the decision's fields: number, quantity, first and last day; measure and codes if given."""
    first, last = case.day("effective_from", "the first day"), case.day("effective_to", "the last day")
    if last < first:
        raise refusal("The last day is before the first day.")
    measure = measure_of(case)
    per_code = _per_code(case) if measure is UnitOfMeasure.UNITS_PER_CODE else {}
    number = _optional(case, "number") if number_may_follow else case.text("number", "the authorization number")
    try:
        return AuthorizationRecord.model_validate(
            {
                "authorization_id": f"recorded-{case.decision.command_id}",
                "number": number,
                "patient": patient,
                "plan_id": plan,
                "disciplines": disciplines,
                "unit_of_measure": measure,
                "quantity": Decimal(0) if per_code else quantity_of(case, "quantity", measure),
                "code_quantities": per_code,
                "codes": words_of(case, "codes"),
                "diagnoses": words_of(case, "diagnoses"),
                "clinician_npis": words_of(case, "clinician_npis"),
                "effective_from": first,
                "effective_to": last,
            }
        )
    except ValidationError as error:
        wrong = "; ".join(f"{found.field}: {found.message}" for found in field_errors(error))
        raise refusal(f"This cannot be recorded as typed. {wrong}.") from None


def measure_of(case: Case, name: str = "unit_of_measure") -> UnitOfMeasure:
    """What is counted; visits where nothing was chosen."""
    typed = _optional(case, name) or UnitOfMeasure.VISITS.value
    if typed not in {measure.value for measure in UnitOfMeasure}:
        raise refusal("Choose what is granted: visits, units, units per code, or dollars.")
    return UnitOfMeasure(typed)


def quantity_of(case: Case, name: str, measure: UnitOfMeasure) -> Decimal:
    """How much, in that measure."""
    if measure is UnitOfMeasure.DOLLARS:
        return case.dollars(name, "the dollars granted")
    return Decimal(case.count(name, f"the number of {measure.value.split('_')[0]} granted"))


def words_of(case: Case, name: str) -> tuple[str, ...]:
    """Codes or numbers, apart by spaces or commas."""
    return tuple(word.upper() for word in _optional(case, name).replace(",", " ").split())


def _per_code(case: Case) -> dict[str, int]:
    """``97110=24 97140=12``."""
    per_code: dict[str, int] = {}
    for word in words_of(case, "code_quantities"):
        code, _, units = word.partition("=")
        try:
            per_code[code] = int(Decimal(units))
        except (InvalidOperation, ValueError):
            raise refusal("Write the units per code like 97110=24, 97140=12.") from None
    if not per_code:
        raise refusal("Please fill in the units per code, like 97110=24, 97140=12.")
    return per_code


def _optional(case: Case, name: str) -> str:
    return case.decision.fields.get(name, "").strip()
