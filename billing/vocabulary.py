"""The words of the house as closed sets. Every other room imports them from here."""

from enum import StrEnum


class Discipline(StrEnum):
    """The therapy discipline of a plan of care; decides GP, GO or GN."""

    PT = "PT"
    OT = "OT"
    SLP = "SLP"


class ClinicianRole(StrEnum):
    """In which capacity a person treats. Assistants drive CQ and CO; students never bill."""

    THERAPIST = "therapist"
    ASSISTANT = "assistant"
    STUDENT = "student"


class Modality(StrEnum):
    """How patient and clinician met."""

    IN_PERSON = "in_person"
    AUDIO_VIDEO = "audio_video"
    AUDIO_ONLY = "audio_only"


class ServiceMode(StrEnum):
    """Whether the clinician's minutes were given to one patient alone."""

    INDIVIDUAL = "individual"
    GROUP = "group"
    CONCURRENT = "concurrent"


class VisitKind(StrEnum):
    """What the visit was for."""

    EVALUATION = "evaluation"
    RE_EVALUATION = "re_evaluation"
    TREATMENT = "treatment"
    DISCHARGE = "discharge"


class UnitMethod(StrEnum):
    """How minutes become units; a plan term, never inferred from the kind of payer."""

    CMS_TOTAL_TIME = "cms_total_time"
    PER_CODE_MIDPOINT = "per_code_midpoint"
    PER_CODE_FULL = "per_code_full"


class Severity(StrEnum):
    """What a finding does to the claim."""

    REPAIR = "repair"  # fixed by the machine, recorded
    WARN = "warn"  # shown, stops nothing
    HOLD = "hold"  # a person must act; may be overridden with a reason where the check says so
    BLOCK = "block"  # a person must act; cannot be overridden


class Owner(StrEnum):
    """Whose move it is."""

    CLINICIAN = "clinician"
    FRONT_DESK = "front_desk"
    BILLER = "biller"
    SUPERVISOR = "supervisor"
    PAYER = "payer"
    PATIENT = "patient"


class Queue(StrEnum):
    """Where work waits for a person. A case is in one queue at a time."""

    DOCUMENTATION = "documentation"
    AUTHORIZATION = "authorization"
    SCRUB = "scrub"
    REJECTIONS = "rejections"
    FOLLOW_UP = "follow_up"
    POSTING = "posting"
    DENIALS = "denials"
    PATIENT_BALANCE = "patient_balance"


class Stage(StrEnum):
    """Where an encounter is in its life (docs/architecture.md, section 3)."""

    INTAKE = "intake"
    DOCUMENTATION = "documentation"
    AUTHORIZATION = "authorization"
    SCRUB = "scrub"
    SUBMISSION = "submission"
    ACKNOWLEDGEMENT = "acknowledgement"
    REMITTANCE = "remittance"
    DENIAL = "denial"
    PATIENT_BALANCE = "patient_balance"
    CLOSED = "closed"


class Role(StrEnum):
    """What a user may do; see billing.desk for the rights."""

    BILLER = "biller"
    SUPERVISOR = "supervisor"
    CLINICIAN = "clinician"
    FRONT_DESK = "front_desk"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class DenialCategory(StrEnum):
    """Root of a denial, at receipt."""

    ELIGIBILITY = "eligibility"
    AUTHORIZATION = "authorization"
    DOCUMENTATION = "documentation"
    CODING = "coding"
    MEDICAL_NECESSITY = "medical_necessity"
    TECHNICAL = "technical"


class AuthorizationNeed(StrEnum):
    """When a plan wants prior authorization."""

    NONE = "none"
    BEFORE_EVALUATION = "before_evaluation"
    AFTER_EVALUATION = "after_evaluation"
    AFTER_VISITS = "after_visits"


class UnitOfMeasure(StrEnum):
    """What an authorization counts."""

    VISITS = "visits"
    UNITS = "units"
    UNITS_PER_CODE = "units_per_code"
    DOLLARS = "dollars"


class AuthorizationKind(StrEnum):
    """What sort of permission it is."""

    PRIOR_AUTHORIZATION = "prior_authorization"
    NOTIFICATION = "notification"
    REFERRAL = "referral"
    WAIVER = "waiver"  # so many visits without review


class SameDayCounting(StrEnum):
    """How many visits of an authorization one date of service uses; a plan term."""

    PER_DISCIPLINE = "per_discipline"  # PT and OT on one day are two
    ONCE = "once"  # PT and OT on one day are one
    PER_VISIT = "per_visit"


class UseBucket(StrEnum):
    """Which pocket of an authorization an entry of the ledger of use is in."""

    RESERVED = "reserved"  # by a booking
    USED = "used"  # by a visit made ready to bill


class BookingState(StrEnum):
    """What became of a booking. A moved one stays booked, with another day."""

    BOOKED = "booked"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    ATTENDED = "attended"


class AuthorizationCaseState(StrEnum):
    """Where the work of getting an authorization stands."""

    NEEDED = "needed"
    BUILDING = "building"  # the packet
    SENT = "sent"
    INFORMATION_ASKED = "information_asked"
    EXTENSION_REQUESTED = "extension_requested"
    DENIED = "denied"
    PATIENT_PAY = "patient_pay"
    APPROVED = "approved"
    PARTLY_APPROVED = "partly_approved"
    NONE_NEEDED = "none_needed"
    NOT_CONTINUING = "not_continuing"
    WITHDRAWN = "withdrawn"  # nothing needs it any more


class LimitMeasure(StrEnum):
    """What a benefit limit counts."""

    VISITS = "visits"
    DOLLARS = "dollars"  # allowed amounts


class LimitPeriod(StrEnum):
    """When a benefit limit begins anew."""

    CALENDAR_YEAR = "calendar_year"
    PLAN_YEAR = "plan_year"


class Care(StrEnum):
    """What the care is for: modifier 96 (learning a skill) or 97 (getting one back); many plans limit each apart."""

    ANY = "any"
    REHABILITATIVE = "rehabilitative"
    HABILITATIVE = "habilitative"


class LimitSource(StrEnum):
    """How we know what other clinics used of a benefit limit."""

    ENTERED = "entered"
    ELIGIBILITY = "271"
    REMITTANCE = "835 remark"


class FinancialNotice(StrEnum):
    """What the patient must have signed before paying for a visit the plan does not pay."""

    NONE = "none"
    WAIVER = "waiver"  # the practice's own form
    ABN = "abn"  # Medicare's Advance Beneficiary Notice, form CMS-R-131


class FilingStart(StrEnum):
    """What the filing limit of a plan that pays after another counts from."""

    SERVICE = "service"
    REMITTANCE = "remittance"  # of the plan before it


class SignatureState(StrEnum):
    """Whether the patient signed."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    REFUSED = "refused"


class BeneficiaryChoice(StrEnum):
    """The option a beneficiary ticked on an ABN (CMS-R-131)."""

    BILL_MEDICARE = "1"
    DO_NOT_BILL = "2"
    NO_SERVICE = "3"
