"""The walk of a visit as a film: which scene an event belongs to, and whom everybody waits for after it.

Events are told by the house (``events.kind``); here stands only what each of them means for the clock: it runs on the
desk's account, or on that of the clinician, the payer, the patient, or of Firstpass itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.vocabulary import Stage

DESK, CLINICIAN, PAYER, PATIENT, MACHINE, NOBODY = "desk", "clinician", "payer", "patient", "machine", ""
WHOM: Mapping[str, str] = {
    DESK: "the desk",
    CLINICIAN: "the clinician",
    PAYER: "the payer",
    PATIENT: "the patient",
    MACHINE: "Firstpass",
}

# event kind -> scene (None: the scene goes on) and whom one waits for afterwards
_MEANS: Mapping[str, tuple[Stage | None, str]] = {
    "encounter.received": (Stage.INTAKE, MACHINE),
    "encounter.updated": (None, MACHINE),
    "hold.cleared": (None, MACHINE),
    "claim.ready": (Stage.SUBMISSION, MACHINE),
    "claim.batched": (Stage.SUBMISSION, MACHINE),
    "claim.sent": (Stage.ACKNOWLEDGEMENT, PAYER),
    "claim.accepted": (Stage.REMITTANCE, PAYER),
    "claim.rejected": (Stage.ACKNOWLEDGEMENT, DESK),
    "claim.denied": (Stage.DENIAL, DESK),
    "claim.reversed": (Stage.REMITTANCE, DESK),
    "claim.paid": (Stage.REMITTANCE, MACHINE),
    "claim.second_plan": (Stage.REMITTANCE, DESK),
    "patient.statement": (Stage.PATIENT_BALANCE, PATIENT),
    "patient.paid": (Stage.PATIENT_BALANCE, MACHINE),
    "decision.appeal": (None, DESK),  # the letter has yet to be sent
    "decision.appeal_sent": (None, PAYER),
    "decision.appeal_dropped": (None, DESK),
    "item.asked": (None, CLINICIAN),
    "item.answered": (None, DESK),
}
_OF_STAGE: Mapping[Stage, str] = {
    Stage.INTAKE: MACHINE,
    Stage.DOCUMENTATION: CLINICIAN,
    Stage.AUTHORIZATION: DESK,
    Stage.SCRUB: DESK,
    Stage.SUBMISSION: MACHINE,
    Stage.ACKNOWLEDGEMENT: PAYER,
    Stage.REMITTANCE: PAYER,
    Stage.DENIAL: DESK,
    Stage.PATIENT_BALANCE: PATIENT,
    Stage.CLOSED: NOBODY,
}
_FAMILIES: Mapping[str, str] = {"work": DESK, "waiting": PAYER, "decision": MACHINE}


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as the film needs it. at: aware."""

    at: datetime
    kind: str
    actor: str
    said: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What happened in one go: at one stop, by one hand. waited: how long nothing happened afterwards, on whom.

    until: when the next scene began; None for the last one of a closed visit.
    """

    stage: Stage
    actor: str
    happenings: tuple[Happening, ...]
    until: datetime | None
    waits_for: str

    @property
    def at(self) -> datetime:
        """When it began."""
        return self.happenings[0].at

    @property
    def waited(self) -> timedelta:
        """From its last event to the next scene."""
        return self.until - self.happenings[-1].at if self.until else timedelta(0)


def scenes(happenings: Sequence[Happening], now: datetime) -> tuple[Scene, ...]:
    """The film: events in order, cut wherever the stop or the hand changes. The last scene lasts until now, or is over.

    Every event is in exactly one scene, and the scenes follow one another without gap.
    """
    cut: list[tuple[Stage, str, list[Happening]]] = []
    stage, waiting = Stage.INTAKE, MACHINE
    waits: list[str] = []
    for one in happenings:
        moved, waiting = means(one, stage, waiting)
        if not cut or moved is not stage or one.actor != cut[-1][1]:
            cut.append((moved, one.actor, []))
            waits.append(waiting)
        stage = moved
        cut[-1][2].append(one)
        waits[-1] = waiting
    film = []
    for place, (stop, actor, told) in enumerate(cut):
        last = place == len(cut) - 1
        until = None if last and not waits[place] else now if last else cut[place + 1][2][0].at
        film.append(Scene(stop, actor, tuple(told), until, waits[place]))
    return tuple(film)


def means(one: Happening, stage: Stage, waiting: str) -> tuple[Stage, str]:
    """The stop an event stands at and whom one waits for after it; an event that means nothing here changes neither."""
    family, _, rest = one.kind.partition(".")
    if one.kind == "hold.opened":
        first = one.said.partition(" ")[0].lower()
        there = Stage(first) if first in set(Stage) else stage
        return there, _OF_STAGE[there]
    if family == "stage" and rest in set(Stage):
        return Stage(rest), _OF_STAGE[Stage(rest)]
    if one.kind in _MEANS:
        scene, whom = _MEANS[one.kind]
        return scene or stage, whom
    return stage, _FAMILIES.get(family, waiting)


def waited_for(film: Iterable[Scene]) -> dict[str, timedelta]:
    """How long one waited for whom in all; what took no time is left out."""
    total: dict[str, timedelta] = {}
    for scene in film:
        if scene.waits_for and scene.waited > timedelta(0):
            total[scene.waits_for] = total.get(scene.waits_for, timedelta(0)) + scene.waited
    return total
