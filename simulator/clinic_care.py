"""What the demo clinic treats: conditions with their codes, measures and goals, and sessions with their minutes."""

from dataclasses import dataclass
from random import Random

# A clinic's charge sheet knows which codes count time; the rest are one unit a visit.
TIMED = frozenset(
    (
        "97032",
        "97035",
        "97110",
        "97112",
        "97116",
        "97124",
        "97129",
        "97130",
        "97140",
        "97530",
        "97533",
        "97535",
        "97542",
        "97750",
        "97760",
    )
)
HANDS_ON = frozenset(("97140", "97035", "97032", "97012", "97014", "97018", "97124", "97760", "G0283"))
GROUP_CODE = {"PT": "97150", "OT": "97150", "SLP": "92508"}
UNTIMED_MINUTES = {"97014": 15, "97018": 15, "92507": 45, "92526": 40, "92508": 45, "97150": 30}

# Minutes per number of timed codes; every code earns a unit under every method the clinic's plans use.
MINUTES_MIXED = {
    1: ((38,), (45,), (30,), (53,)),
    2: ((30, 15), (23, 15), (25, 13), (28, 16), (38, 10), (32, 12)),
    3: ((15, 15, 15), (20, 15, 10), (25, 15, 12), (16, 14, 8)),
}
MINUTES_WHOLE = {1: ((30,), (45,)), 2: ((30, 15), (15, 15), (30, 30)), 3: ((15, 15, 15), (30, 15, 15))}


@dataclass(frozen=True, slots=True)
class Condition:
    """Something people come for."""

    discipline: str
    words: str
    diagnoses: tuple[str, ...]
    evaluation: str
    evaluation_minutes: int
    sessions: tuple[tuple[str, ...], ...]
    measures: tuple[tuple[str, str, str], ...]
    goals: tuple[str, ...]
    ages: tuple[int, int]


CONDITIONS = (
    Condition("PT", "a stiff knee after replacement", ("Z47.1", "Z96.651", "R26.89"), "97162", 40,
        (("97110", "97140"), ("97110", "97112", "97116"), ("97110", "97530"), ("97110", "97140", "97014")),
        (("Knee flexion, right", "88", "degrees"), ("Timed Up and Go", "19.4", "s"), ("LEFS", "31/80", "")),
        ("Knee flexion 120 degrees in 6 weeks", "Stairs with one rail, step over step, in 8 weeks"), (66, 88)),
    Condition("PT", "low back pain", ("M54.59", "M62.81"), "97161", 35,
        (("97110", "97140"), ("97110", "97530"), ("97112", "97110"), ("97110", "97140", "97014")),
        (("Oswestry", "44", "%"), ("Lumbar flexion", "40", "degrees")),
        ("Oswestry under 20 % in 8 weeks", "Lift 25 lb from floor to waist in 6 weeks"), (24, 80)),
    Condition("PT", "a painful shoulder", ("M25.511", "M75.41"), "97161", 35,
        (("97110", "97140"), ("97110", "97112"), ("97110", "97140", "97035")),
        (("Shoulder flexion, right", "105", "degrees"), ("QuickDASH", "52", "")),
        ("Reach the second shelf in 6 weeks", "QuickDASH under 20 in 10 weeks"), (28, 82)),
    Condition("PT", "falls", ("R29.6", "R26.81", "M62.81"), "97163", 45,
        (("97112", "97116"), ("97112", "97530"), ("97110", "97112", "97116")),
        (("Berg Balance Scale", "38/56", ""), ("Gait speed", "0.62", "m/s")),
        ("Berg 46 in 8 weeks", "Walk 500 ft outdoors with a cane in 10 weeks"), (67, 91)),
    Condition("PT", "Parkinson's disease", ("G20.A1", "R26.89"), "97163", 45,
        (("97112", "97116"), ("97530", "97112"), ("97110", "97116")),
        (("Mini-BESTest", "15/28", ""), ("Five times sit to stand", "21.3", "s")),
        ("Mini-BESTest 20 in 8 weeks", "Rise from a low chair without help in 6 weeks"), (66, 86)),
    Condition("PT", "a sprained ankle", ("S93.401D", "M25.571"), "97161", 30,
        (("97110", "97112"), ("97110", "97140"), ("97110", "97530")),
        (("Ankle dorsiflexion, right", "2", "degrees"), ("FAAM", "48", "%")),
        ("Single-leg stance 30 s in 4 weeks", "Return to running in 8 weeks"), (16, 45)),
    Condition("OT", "a wrist after a fracture", ("S52.501D", "M25.631"), "97165", 40,
        (("97110", "97140"), ("97530", "97110"), ("97530", "97110", "97018")),
        (("Wrist extension, right", "28", "degrees"), ("Grip, right", "21", "lb")),
        ("Wrist extension 60 degrees in 6 weeks", "Open a jar unaided in 8 weeks"), (30, 79)),
    Condition("OT", "an arm after a stroke", ("I69.351", "R27.8"), "97167", 50,
        (("97530", "97535"), ("97112", "97535"), ("97530", "97112")),
        (("Box and Block, right", "18", "blocks"), ("FIM dressing", "3/7", "")),
        ("Dress upper body with set-up in 6 weeks", "Box and Block 30 in 10 weeks"), (66, 85)),
    Condition("OT", "carpal tunnel", ("G56.01", "M79.641"), "97165", 35,
        (("97110", "97140"), ("97530", "97110")),
        (("Boston Carpal Tunnel symptom score", "3.4", ""), ("Pinch, right", "9", "lb")),
        ("Symptom score under 2 in 8 weeks", "Type 30 minutes without numbness in 6 weeks"), (27, 62)),
    Condition("OT", "a child's coordination", ("F82", "R27.8"), "97166", 45,
        (("97530", "97535"), ("97530", "97112")),
        (("BOT-2 fine motor", "31", "standard score"), ("Buttons fastened in a minute", "1", "")),
        ("Fasten four buttons in a minute in 12 weeks", "Write own name legibly in 12 weeks"), (4, 10)),
    Condition("SLP", "aphasia", ("I69.320", "R47.1"), "92523", 60, (("92507",),),
        (("Western Aphasia Battery AQ", "61.2", ""), ("Boston Naming Test", "24/60", "")),
        ("Name 20 household objects in 8 weeks", "Order in a restaurant unaided in 12 weeks"), (66, 84)),
    Condition("SLP", "trouble swallowing", ("R13.12", "I69.391"), "92610", 45, (("92526",),),
        (("Functional Oral Intake Scale", "4/7", ""), ("Timed water swallow", "5.1", "ml/s")),
        ("Functional Oral Intake Scale 6 in 6 weeks", "Thin liquids without signs of aspiration in 8 weeks"), (67, 89)),
    Condition("SLP", "a child's speech sounds", ("F80.0",), "92522", 45, (("92507",),),
        (("Goldman-Fristoe 3", "74", "standard score"), ("Intelligibility to strangers", "50", "%")),
        ("Intelligibility 80 % in 12 weeks", "/r/ in words at 80 % in 10 weeks"), (4, 9)),
    Condition("SLP", "a child's language", ("F80.2",), "92523", 60, (("92507",),),
        (("CELF-P3 core language", "76", "standard score"), ("Mean length of utterance", "2.4", "morphemes")),
        ("Follow two-step directions at 80 % in 12 weeks", "Mean length of utterance 3.5 in 12 weeks"), (3, 7)),
    Condition("SLP", "thinking after a concussion", ("R41.841", "R41.844"), "92523", 60, (("97129", "97130"),),
        (("RBANS attention", "79", "standard score"), ("Trail Making B", "148", "s")),
        ("RBANS attention 90 in 8 weeks", "Manage own calendar without cues in 8 weeks"), (19, 58)),
)  # fmt: skip


def of(discipline: str, words: str) -> Condition:
    """One condition by name."""
    return next(item for item in CONDITIONS if item.discipline == discipline and item.words == words)


def session(rng: Random, condition: Condition, whole_quarters: bool) -> list[tuple[str, int]]:
    """Codes and minutes of one treatment."""
    codes = rng.choice(condition.sessions)
    return timed_session(rng, codes, whole_quarters)


def timed_session(rng: Random, codes: tuple[str, ...], whole_quarters: bool) -> list[tuple[str, int]]:
    """Minutes for the codes of one treatment."""
    timed = [code for code in codes if code in TIMED]
    untimed = [(code, UNTIMED_MINUTES[code]) for code in codes if code not in TIMED]
    if timed == ["97129", "97130"]:
        return [("97129", 15), ("97130", rng.choice((15, 30)))]
    table = MINUTES_WHOLE if whole_quarters else MINUTES_MIXED
    minutes = rng.choice(table[len(timed)]) if timed else ()
    return [*zip(timed, minutes, strict=True), *untimed]
