"""The desk: which queues there are, what each is for, what a person may decide in them, and who may."""

from dataclasses import dataclass
from decimal import Decimal

from billing import corrections
from billing.vocabulary import Owner, Queue, Role

BILLER_WRITE_OFF_LIMIT = Decimal("50.00")  # dollars a biller may write off alone (practice default, a setting)

WORK, REASSIGN, WRITE_OFF = "desk.work", "desk.reassign", "denials.write_off"
AUDIT, RULES, ADMIN, OWN_HOLDS = "audit.read", "rules.read", "admin", "holds.own"
RULES_WRITE, RULES_APPROVE = "rules.write", "rules.approve"

DESK_ROLES = frozenset({Role.BILLER, Role.SUPERVISOR, Role.ADMINISTRATOR})
FRONT_ROLES = DESK_ROLES | {Role.FRONT_DESK}

AUTHORIZATION_CASE = "authorization_case"
CHART_CHANGED = "chart_changed_after_billing"
APPEAL_TO_SEND = "appeal_to_send"

# Why an item is passed over today; the reason may also be left out (practice defaults)
SKIP_REASONS: dict[str, str] = {
    "too_hard": "I do not know how to solve it",
    "needs_call": "It needs a phone call I cannot make now",
    "waits_for_answer": "Somebody owes an answer",
    "not_mine": "Somebody else should do it",
    "wrong_queue": "It does not belong here",
    "no_time": "It takes longer than I have now",
}
# News a snoozed item may wait for besides its day -> how it is said, and for whom the service clock stands meanwhile
WAKES_ON: dict[str, tuple[str, str]] = {
    "chart": ("the note is signed or the chart changes", "clinician"),
    "payer": ("the payer answers", "payer"),
    "authorization": ("the authorization changes", "payer"),
    "any": ("anything about it changes", ""),
}
WAITING_ON: dict[str, str] = {
    "clinician": "the clinician",
    "payer": "the payer",
    "patient": "the patient",
    "system": "a system that is down",
}


@dataclass(frozen=True, slots=True)
class DecisionKind:
    """A decision a person may make.

    fields: what must be given with it (names; dates ISO, amounts in dollars). effect: what happens then, in one
    sentence.
    """

    key: str
    label: str
    needs_reason: bool
    fields: tuple[str, ...]
    roles: frozenset[Role]
    effect: str
    optional: tuple[str, ...] = ()

    @property
    def sends_or_posts(self) -> bool:
        """Whether it leaves the desk for good; all do but waiting on, so they may be taken back for some seconds."""
        return self.key != "keep_waiting"


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """A place where work waits: its name on the screen, what it is for, and whose move it usually is."""

    queue: Queue
    title: str
    purpose: str
    owner: Owner


QUEUES: dict[Queue, QueueInfo] = {
    info.queue: info
    for info in (
        QueueInfo(
            Queue.DOCUMENTATION,
            "Documentation",
            "Visits whose chart does not carry a claim yet.",
            Owner.CLINICIAN,
        ),
        QueueInfo(
            Queue.AUTHORIZATION,
            "Authorization",
            "Visits and patients whose prior authorization is missing, used up or about to end.",
            Owner.FRONT_DESK,
        ),
        QueueInfo(Queue.SCRUB, "Scrub", "Claims that would not pass as coded.", Owner.BILLER),
        QueueInfo(Queue.REJECTIONS, "Rejections", "Claims refused before a payer decided on them.", Owner.BILLER),
        QueueInfo(Queue.FOLLOW_UP, "Follow-up", "Claims the payer has been silent on for too long.", Owner.BILLER),
        QueueInfo(Queue.POSTING, "Posting", "Payments that could not be posted by themselves.", Owner.BILLER),
        QueueInfo(Queue.DENIALS, "Denials", "Claims or lines the payer refused to pay.", Owner.BILLER),
        QueueInfo(Queue.PATIENT_BALANCE, "Patient balance", "What is left for patients to pay.", Owner.BILLER),
    )
}


def _decision(
    key: str,
    label: str,
    effect: str,
    *,
    reason: bool = False,
    fields: tuple[str, ...] = (),
    roles: frozenset[Role] = DESK_ROLES,
    optional: tuple[str, ...] = (),
) -> DecisionKind:
    return DecisionKind(key, label, reason, fields, roles, effect, optional)


_WRITE_OFF = _decision("write_off", "Write off", "The balance is adjusted off and the case closes.", reason=True)
_NOT_BILLABLE = _decision("not_billable", "Not billable", "The visit closes without a claim.", reason=True)
_OVERRIDE = _decision(
    "override",
    "Override",
    "The named finding no longer holds this visit; reason and person are kept.",
    reason=True,
)
_CORRECTIONS = tuple(corrections.FIELDS)
_RESUBMIT = _decision(
    "resubmit", "Send again", "The claim is coded anew from the chart and sent.", optional=_CORRECTIONS
)
_RECORD_AUTHORIZATION = _decision(
    "record_authorization",
    "Record authorization",
    "The authorization is kept on file and the visit is checked again.",
    fields=("number", "quantity", "effective_from", "effective_to"),
    roles=FRONT_ROLES,
    optional=("unit_of_measure", "code_quantities", "codes", "diagnoses", "clinician_npis"),
)
_BILL_PATIENT = _decision("bill_patient", "Bill the patient", "The amount moves to the patient's balance.", reason=True)

_KEEP_WAITING = _decision("keep_waiting", "Keep waiting", "The claim comes back on the day given.", fields=("until",))

_KEEP_CLAIM = _decision("keep_claim", "Keep the claim", "The claim stays as it was sent.", reason=True)
_TAKEN_BACK = _decision(
    "taken_back",
    "Taken back by hand",
    "What payers paid counts as returned to them, and the visit closes as cancelled.",
    reason=True,
)

_POST_ANYWAY = _decision("post_anyway", "Post anyway", "The payment is posted as received.", reason=True)
_DISMISS = _decision("dismiss", "Dismiss", "Nothing is posted and the case closes.", reason=True)
_MATCH = _decision("match_claim", "Match to a claim", "The payment is posted to the claim named.", fields=("claim_id",))
_REFUND = _decision("refund", "Returned to the patient", "What was paid too much leaves the books.", reason=True)

_DECISIONS: dict[Queue, tuple[DecisionKind, ...]] = {
    Queue.DOCUMENTATION: (_NOT_BILLABLE, _OVERRIDE),
    Queue.AUTHORIZATION: (
        _RECORD_AUTHORIZATION,
        _decision(
            "link_authorization",
            "Use another on file",
            "The visit uses the chosen authorization and is checked again.",
            fields=("authorization_id",),
            roles=FRONT_ROLES,
        ),
        _decision(
            "none_needed",
            "None needed",
            "The authorization findings no longer hold this visit; the payer's reference is kept.",
            reason=True,
            fields=("reference",),
            roles=FRONT_ROLES,
        ),
        _decision(
            "exceed_limit",
            "Bill beyond the soft limit",
            "The claim goes out although the plan's soft limit is passed; the reason is kept for its review.",
            reason=True,
        ),
        _decision("patient_pay", "Patient pays", "No claim is sent; the charge moves to the patient.", reason=True),
        _WRITE_OFF,
    ),
    Queue.SCRUB: (_OVERRIDE, _NOT_BILLABLE),
    Queue.REJECTIONS: (_RESUBMIT, _WRITE_OFF),
    Queue.FOLLOW_UP: (_RESUBMIT, _KEEP_WAITING, _WRITE_OFF),
    Queue.POSTING: (_DISMISS,),
    Queue.DENIALS: (
        _decision(
            "correct",
            "Correct and send",
            "The claim is coded anew and sent as the payer wants corrections.",
            optional=_CORRECTIONS,
        ),
        _decision(
            "appeal",
            "Appeal",
            "A letter is drafted; it then waits here to be sent.",
            optional=("arguments", "late_because"),
        ),
        _WRITE_OFF,
        _BILL_PATIENT,
    ),
    Queue.PATIENT_BALANCE: (
        _decision(
            "record_payment",
            "Record payment",
            "The payment is posted to the patient's balance.",
            fields=("amount",),
            roles=FRONT_ROLES,
        ),
        _WRITE_OFF,
        _decision("statement_sent", "Statement sent", "The day is kept and the next statement is planned."),
    ),
}

_REQUEST = (
    "requested_quantity",
    "requested_unit_of_measure",
    "requested_from",
    "requested_to",
    "requested_codes",
    "urgent",
    "document",
    "document_reference",
)
_GRANT = ("unit_of_measure", "code_quantities", "codes", "diagnoses", "clinician_npis")
_CASE_DECISIONS = (
    _decision(
        "start_packet",
        "Build the packet",
        "The case says that the request is being prepared.",
        roles=FRONT_ROLES,
        optional=_REQUEST,
    ),
    _decision(
        "mark_sent",
        "Sent to the payer",
        "The payer's clock runs; the case sleeps until the answer is due.",
        roles=FRONT_ROLES,
        optional=_REQUEST,
    ),
    _decision(
        "extension_requested",
        "Extension requested",
        "The payer's clock runs; the case sleeps until the answer is due.",
        roles=FRONT_ROLES,
        optional=_REQUEST,
    ),
    _decision(
        "information_asked",
        "Payer asks for more",
        "The payer's clock stands; what it asks for is sent within a day.",
        fields=("question",),
        roles=FRONT_ROLES,
    ),
    _decision(
        "record_answer",
        "Record the answer",
        "A grant is kept on file and every visit it covers is checked again; a denial keeps its reason.",
        fields=("outcome",),
        roles=FRONT_ROLES,
        optional=(
            "number",
            "quantity",
            "effective_from",
            "effective_to",
            *_GRANT,
            "answered_by",
            "reference",
            "denial_reason",
        ),
    ),
    _decision(
        "link_authorization",
        "Use another on file",
        "The chosen authorization answers the case and held visits are checked again.",
        fields=("authorization_id",),
        roles=FRONT_ROLES,
    ),
    _decision(
        "none_needed",
        "None needed",
        "Visits of those days need no authorization; who said so, when and the reference are kept as proof.",
        fields=("answered_by", "reference"),
        roles=FRONT_ROLES,
        optional=("effective_from", "effective_to"),
    ),
    _decision(
        "patient_pay", "Patient pays", "Nothing more is asked of the payer; each held visit is decided.", reason=True
    ),
    _decision(
        "not_continuing",
        "Care ends",
        "No further authorization is asked for and the case closes.",
        reason=True,
        roles=FRONT_ROLES,
    ),
    _decision("escalate", "Escalate", "The case is the supervisor's.", reason=True, roles=FRONT_ROLES),
)

_BY_KIND: dict[tuple[Queue, str], tuple[DecisionKind, ...]] = {
    (Queue.SCRUB, CHART_CHANGED): (
        _decision("correct_claim", "Correct the claim", "A corrected claim is made from the changed chart and sent."),
        _KEEP_CLAIM,
    ),
    (Queue.SCRUB, "cancelled_after_billing"): (
        _decision(
            "void_claim", "Void the claim", "A void (frequency 8) goes to each payer; the visit closes after it."
        ),
        _TAKEN_BACK,
        _KEEP_CLAIM,
    ),
    (Queue.FOLLOW_UP, "void_unanswered"): (_KEEP_WAITING, _RESUBMIT, _TAKEN_BACK),
    (Queue.FOLLOW_UP, "unsettled"): (_KEEP_WAITING, _WRITE_OFF),
    (Queue.FOLLOW_UP, "secondary_coverage"): (
        _decision("file_next_plan", "File it ourselves", "The claim goes to the next plan with the earlier decision."),
        _KEEP_WAITING,
        _decision(
            "patient_owes",
            "The patient owes it",
            "What the plans left is collected from the patient.",
            reason=True,
        ),
        _WRITE_OFF,
    ),
    (Queue.FOLLOW_UP, "secondary_late"): (
        _decision(
            "file_late",
            "File it all the same",
            "The claim goes to the next plan; the reason names its exception.",
            reason=True,
        ),
        _WRITE_OFF,
    ),
    (Queue.FOLLOW_UP, "secondary_outdated"): (
        _decision("correct_claim", "Correct the claim", "The later plan is told what the earlier one says now."),
        _KEEP_CLAIM,
    ),
    (Queue.FOLLOW_UP, "underpayment"): (
        _decision("accept_payment", "Accept the payment", "The payment stands as posted.", reason=True),
        _KEEP_WAITING,
    ),
    (Queue.DENIALS, APPEAL_TO_SEND): (
        _decision(
            "appeal_sent",
            "Letter sent",
            "The payer's time to decide runs from that day; this comes back if it does not answer.",
            fields=("sent_on", "sent_how"),
            optional=("sent_reference", "late_because"),
        ),
        _decision(
            "appeal_dropped",
            "Drop the appeal",
            "No letter is sent; the denial is open again with its other decisions.",
            reason=True,
        ),
    ),
    (Queue.POSTING, "unbalanced_remittance"): (_POST_ANYWAY, _DISMISS),
    (Queue.POSTING, "unmatched_claim"): (_MATCH, _DISMISS),
    (Queue.PATIENT_BALANCE, "credit_balance"): (_REFUND,),
    (Queue.AUTHORIZATION, AUTHORIZATION_CASE): _CASE_DECISIONS,
    (Queue.AUTHORIZATION, "print_notice"): (
        _decision("printed", "Printed", "The letter was given to the patient; this closes.", roles=FRONT_ROLES),
        _decision(
            "told_otherwise",
            "Told otherwise",
            "The patient knows already; nothing is printed and this closes.",
            reason=True,
            roles=FRONT_ROLES,
        ),
    ),
}

_RIGHTS: dict[Role, frozenset[str]] = {
    Role.BILLER: frozenset({WORK, WRITE_OFF, RULES, RULES_WRITE}),
    Role.SUPERVISOR: frozenset({WORK, REASSIGN, WRITE_OFF, AUDIT, RULES, RULES_WRITE, RULES_APPROVE}),
    Role.CLINICIAN: frozenset({OWN_HOLDS}),
    Role.FRONT_DESK: frozenset({WORK}),
    Role.AUDITOR: frozenset({AUDIT, RULES}),
    Role.ADMINISTRATOR: frozenset({WORK, REASSIGN, WRITE_OFF, AUDIT, RULES, RULES_WRITE, RULES_APPROVE, ADMIN}),
}

OWN_MOVES = frozenset({Queue.DOCUMENTATION})
"""Queues of which the front desk is shown what waits for the front desk, and nothing else (practice default).

An item waits for the owner of its gravest finding, of equally grave ones the first (``activities.tickets.gravest``): a
visit that lacks a referral (D11, a block) and a word of its code (D13, a hold) is the front desk's first, and the
clinician's once the referral is there.
"""


def decisions(queue: Queue, kind: str = "") -> tuple[DecisionKind, ...]:
    """What a person may decide about a case of that kind in that queue; an unknown kind has the queue's own."""
    return _BY_KIND.get((queue, kind), _DECISIONS[queue])


def decision(queue: Queue, kind: str, key: str) -> DecisionKind | None:
    """One of them by its key, or None where the queue does not offer it."""
    return next((offered for offered in decisions(queue, kind) if offered.key == key), None)


def rights(role: Role) -> frozenset[str]:
    """What a role may do."""
    return _RIGHTS[role]


def may_write_off(role: Role, amount: Decimal, limit: Decimal = BILLER_WRITE_OFF_LIMIT) -> bool:
    """Whether the role may write off so many dollars: a biller up to the limit, supervisor and administrator above."""
    if WRITE_OFF not in rights(role):
        return False
    return role is not Role.BILLER or amount <= limit
