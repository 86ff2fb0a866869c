"""What the demo clinic's payers want: eight invented payers whose terms differ wherever real ones do."""

from datetime import date, timedelta
from typing import Any

Json = dict[str, Any]

MEDICARE = "medicare-b"
ADVANTAGE = "silver-mesa-advantage"
PREFERRED = "lantern-ppo"
SUPPLEMENT = "lantern-supplement"
COMMERCIAL = "copper-choice"
MEDICAID = "lone-mesa-medicaid"
MILITARY = "eagle-military"
COMPENSATION = "ironwood-comp"
HMO = "juniper-hmo"

# code -> charge per unit, in dollars
FEES = {
    "97012": "32.00", "97014": "28.00", "97016": "34.00", "97018": "22.00", "97032": "36.00", "97035": "30.00",
    "97110": "62.00", "97112": "68.00", "97116": "62.00", "97124": "55.00", "97129": "52.00", "97130": "50.00",
    "97140": "58.00", "97150": "38.00", "97161": "165.00", "97162": "165.00", "97163": "165.00", "97164": "112.00",
    "97165": "168.00", "97166": "168.00", "97167": "168.00", "97168": "116.00", "97530": "72.00", "97533": "70.00",
    "97535": "66.00", "97542": "66.00", "97750": "68.00", "97760": "85.00", "92507": "140.00", "92508": "52.00",
    "92521": "225.00", "92522": "190.00", "92523": "390.00", "92524": "185.00", "92526": "150.00", "92610": "160.00",
    "G0283": "26.00",
}  # fmt: skip
FEE_INCREASE = "0.97"  # last year's fees, as a share of this year's

# Relative values of 2024 at the 2026 conversion factor, national; a clinic would load its locality's own.
MEDICARE_ALLOWED = {
    "97110": "29.39", "97112": "33.74", "97116": "29.39", "97140": "27.05", "97530": "36.74", "97535": "32.73",
    "97161": "100.54", "97162": "100.54", "97163": "100.54", "97164": "69.47", "97165": "101.54", "97166": "101.54",
    "97167": "101.54", "97150": "17.70", "97035": "14.36", "G0283": "11.69", "92507": "76.15", "92526": "82.83",
}  # fmt: skip

PREFERRED_LIMITS: list[Json] = [
    {
        "limit_id": "therapy-visits",
        "quantity": "60",
        "disciplines": ["PT", "OT"],
        "combined": True,
        "hard": True,
        "source": "Prairie Lantern certificate of coverage (invented): 60 visits PT and OT together, calendar year",
    },
    {
        "limit_id": "speech-visits",
        "quantity": "30",
        "disciplines": ["SLP"],
        "hard": True,
        "source": "Prairie Lantern certificate of coverage (invented): 30 speech visits, calendar year",
    },
]
MILITARY_LIMITS: list[Json] = [
    {
        "limit_id": "review-after-visits",
        "quantity": "24",
        "disciplines": ["PT", "OT", "SLP"],
        "combined": False,
        "period": "plan_year",
        "plan_year_month": 10,
        "hard": False,
        "source": "Eagle Ridge reimbursement manual (invented): necessity is shown after 24 visits of a discipline",
    }
]
HMO_LIMITS: list[Json] = [
    {
        "limit_id": "rehabilitation-dollars",
        "measure": "dollars",
        "quantity": "2500.00",
        "disciplines": ["PT", "OT", "SLP"],
        "care": "rehabilitative",
        "hard": True,
        "source": "Juniper Valley member contract (invented): $2,500 of rehabilitation a year",
    }
]

MEDICARE_TERMS: Json = {
    "source": "Medicare Benefit Policy Manual ch. 15 s. 220 and Claims Processing Manual ch. 5, as read for the demo",
    "unit_method": "cms_total_time",
    "assistant_modifier_required": True,
    "kx_threshold_applies": True,
    "substituted_codes": {"97014": "G0283"},
    "excluded_codes": ["97010"],
    "certification_required": True,
    "certification_days": 30,
    "certification_order_exception": True,
    "recertification_days": 90,
    "progress_report_every_days": 10,
    "treatment_minutes_required": True,
    "co_signature_required": False,
    "financial_notice": "abn",
    "timely_filing_days": 365,
    "timely_filing_months": 12,
    "secondary_filing_counts_from": "service",
    "corrected_claim_days": 365,
    "appeal_days": 120,
    "accepts_replacement": False,
    "follow_up_after_days": 21,
    "allowed_percent_of_fee": "48",
    "allowed_amounts": MEDICARE_ALLOWED,
    "mppr_percent": "50",
    "assistant_percent": "85",
    "coinsurance_percent": "20",
    "sequestration_percent": "2",
}
ADVANTAGE_TERMS: Json = {
    "source": "Silver Mesa provider manual (invented), chapter Therapy",
    "unit_method": "cms_total_time",
    "assistant_modifier_required": True,
    "substituted_codes": {"97014": "G0283"},
    "certification_required": False,
    "progress_report_every_days": 10,
    "authorization_need": "after_evaluation",
    "evaluation_exempt": True,
    "authorization_lead_days": 7,
    "patient_may_be_billed_beyond_limit": False,
    "timely_filing_days": 180,
    "corrected_claim_days": 365,
    "appeal_days": 65,
    "allowed_percent_of_fee": "47",
    "mppr_percent": "50",
    "assistant_percent": "85",
    "coinsurance_percent": "0",
    "copay": "20.00",
    "sequestration_percent": "2",
}
PREFERRED_TERMS: Json = {
    "source": "Prairie Lantern payment policy 0420 (invented)",
    "unit_method": "per_code_midpoint",
    "assistant_modifier_required": False,
    "substituted_codes": {"97014": "G0283"},
    "timed_units_per_day_max": 5,
    "authorization_need": "none",
    "timely_filing_days": 180,
    "corrected_claim_days": 180,
    "appeal_days": 180,
    "benefit_limits": PREFERRED_LIMITS,
    "allowed_percent_of_fee": "66",
    "coinsurance_percent": "20",
}
SUPPLEMENT_TERMS: Json = {
    "source": "Prairie Lantern Medicare supplement contract (invented): pays what Medicare leaves",
    "unit_method": "cms_total_time",
    "assistant_modifier_required": True,
    "plan_of_care_required": False,
    "substituted_codes": {"97014": "G0283"},
    "timely_filing_days": 365,
    "allowed_percent_of_fee": "48",
    "allowed_amounts": MEDICARE_ALLOWED,
    "coinsurance_percent": "0",
}
COMMERCIAL_TERMS: Json = {
    "source": "Copper Canyon therapy guideline (invented): authorization after the evaluation, GP/GO/GN on every line",
    "unit_method": "per_code_midpoint",
    "discipline_modifier_required": True,
    "assistant_modifier_required": True,
    "authorization_need": "after_evaluation",
    "evaluation_exempt": True,
    "authorization_lead_days": 5,
    "timely_filing_days": 90,
    "corrected_claim_days": 365,
    "appeal_days": 365,
    "allowed_percent_of_fee": "61",
    "coinsurance_percent": "10",
    "copay": "30.00",
}
MEDICAID_TERMS: Json = {
    "source": "Lone Mesa Medicaid therapy handbook (invented): whole quarter hours, eight units a day",
    "unit_method": "per_code_full",
    "assistant_modifier_required": True,
    "timed_units_per_day_max": 8,
    "telehealth_allowed": True,
    "authorization_need": "before_evaluation",
    "evaluation_exempt": False,
    "authorization_lead_days": 7,
    "patient_may_be_billed_beyond_limit": False,
    "timely_filing_days": 95,
    "corrected_claim_days": 120,
    "appeal_days": 120,
    "allowed_percent_of_fee": "41",
    "coinsurance_percent": "0",
}
MILITARY_TERMS: Json = {
    "source": "Eagle Ridge reimbursement manual (invented)",
    "unit_method": "per_code_midpoint",
    "assistant_modifier_required": True,
    "substituted_codes": {"97014": "G0283"},
    "authorization_need": "none",
    "timely_filing_days": 365,
    "corrected_claim_days": 365,
    "appeal_days": 90,
    "benefit_limits": MILITARY_LIMITS,
    "allowed_percent_of_fee": "50",
    "assistant_percent": "85",
    "coinsurance_percent": "20",
}
COMPENSATION_TERMS: Json = {
    "source": "Ironwood adjuster letter (invented): state fee schedule, start and stop times, 97014 and not G0283",
    "unit_method": "per_code_midpoint",
    "discipline_modifier_required": False,
    "assistant_modifier_required": False,
    "telehealth_allowed": False,
    "substituted_codes": {"G0283": "97014"},
    "start_stop_times_required": True,
    "authorization_need": "after_evaluation",
    "evaluation_exempt": True,
    "authorization_lead_days": 3,
    "patient_may_be_billed_beyond_limit": False,
    "timely_filing_days": 95,
    "corrected_claim_days": 300,
    "appeal_days": 300,
    "accepts_replacement": True,
    "follow_up_after_days": 30,
    "allowed_percent_of_fee": "78",
    "coinsurance_percent": "0",
}
HMO_TERMS: Json = {
    "source": "Juniper Valley member contract (invented): referral by the family doctor, sixty days to file",
    "unit_method": "per_code_midpoint",
    "assistant_modifier_required": False,
    "telehealth_allowed": False,
    "substituted_codes": {"97014": "G0283"},
    "referral_required": True,
    "timed_units_per_day_max": 4,
    "authorization_need": "none",
    "timely_filing_days": 60,
    "corrected_claim_days": 60,
    "appeal_days": 60,
    "benefit_limits": HMO_LIMITS,
    "allowed_percent_of_fee": "55",
    "coinsurance_percent": "0",
    "copay": "25.00",
}

# What the plans wanted last year, where it differed; the demo shows that a rule is read with the terms of the day.
LAST_YEAR: dict[str, Json] = {
    COMMERCIAL: {"authorization_need": "after_visits", "authorization_after_visits": 6, "copay": "25.00"},
    MEDICAID: {"unit_method": "per_code_midpoint"},
    HMO: {"timely_filing_days": 90},
}

# payer id, payer name, claim filing indicator, plans
PAYERS: tuple[tuple[str, str, str, tuple[tuple[str, str, Json], ...]], ...] = (
    ("DMCRB", "Medicare Part B Demonstration", "MB", ((MEDICARE, "Medicare Part B", MEDICARE_TERMS),)),
    ("DMESA", "Silver Mesa Advantage", "16", ((ADVANTAGE, "Silver Mesa Advantage HMO-POS", ADVANTAGE_TERMS),)),
    (
        "DLANT",
        "Prairie Lantern Mutual",
        "12",
        (
            (PREFERRED, "Prairie Lantern PPO", PREFERRED_TERMS),
            (SUPPLEMENT, "Prairie Lantern Supplement", SUPPLEMENT_TERMS),
        ),
    ),
    ("DCOPR", "Copper Canyon Health Plan", "CI", ((COMMERCIAL, "Copper Canyon Choice", COMMERCIAL_TERMS),)),
    ("DMCAD", "Lone Mesa Medicaid", "MC", ((MEDICAID, "Lone Mesa Medicaid", MEDICAID_TERMS),)),
    ("DEAGL", "Eagle Ridge Military Families", "CH", ((MILITARY, "Eagle Ridge Select", MILITARY_TERMS),)),
    ("DIRON", "Ironwood Injury Fund", "WC", ((COMPENSATION, "Ironwood Workers Compensation", COMPENSATION_TERMS),)),
    ("DJUNI", "Juniper Valley Cooperative", "HM", ((HMO, "Juniper Valley HMO", HMO_TERMS),)),
)
TERMS = {plan_id: terms for *_, plans in PAYERS for plan_id, _, terms in plans}


def payers(as_of: date) -> list[Json]:
    """Every payer with last year's and this year's terms."""
    return [
        {
            "payer_id": payer_id,
            "name": name,
            "claim_filing_indicator": indicator,
            "plans": [
                {"plan_id": plan_id, "name": plan_name, "terms": _dated(plan_id, terms, as_of)}
                for plan_id, plan_name, terms in plans
            ],
        }
        for payer_id, name, indicator, plans in PAYERS
    ]


def _dated(plan_id: str, terms: Json, as_of: date) -> list[Json]:
    this_year = date(window_start(as_of).year, 1, 1)
    before = {"effective_from": date(this_year.year - 2, 1, 1).isoformat(), "effective_to": _day_before(this_year)}
    return [before | terms | LAST_YEAR.get(plan_id, {}), {"effective_from": this_year.isoformat()} | terms]


def window_start(as_of: date) -> date:
    """First day of the four weeks the demo tells of."""
    return as_of - timedelta(days=28)


def _day_before(day: date) -> str:
    return (day - timedelta(days=1)).isoformat()


def fees(as_of: date) -> list[Json]:
    """The fee schedule: last year's and this year's."""
    this_year = date(window_start(as_of).year, 1, 1)
    earlier = {"effective_from": date(this_year.year - 2, 1, 1).isoformat(), "effective_to": _day_before(this_year)}
    return [
        {"code": code} | fee
        for code, amount in FEES.items()
        for fee in (
            {"amount": f"{float(amount) * float(FEE_INCREASE):.2f}"} | earlier,
            {"amount": amount, "effective_from": this_year.isoformat()},
        )
    ]


def behaviour() -> Json:
    """How the clearinghouse simulator's payers pay, so that most remittances meet what the contracts promise."""
    return {payer_id: _behaviour(plans[0][2]) for payer_id, _, _, plans in PAYERS}


def _behaviour(terms: Json) -> Json:
    shares = float(terms.get("copay", 0)) + float(terms.get("coinsurance_percent", 0)) > 0
    return {
        "allowed": terms.get("allowed_amounts", {}),
        "allowed_fraction": f"{float(terms['allowed_percent_of_fee']) / 100:.2f}",
        "patient_share": 1.0 if shares else 0.0,
        "multiple_procedure_reduction": "mppr_percent" in terms,
        "sequestration": "sequestration_percent" in terms,
        "accepts_replacement": terms.get("accepts_replacement", True),
    }
