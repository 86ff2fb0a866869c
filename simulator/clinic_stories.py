"""Named cases worth telling: who, what happens, where to look, and which login does what."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from simulator import clinic_care as care
from simulator import clinic_payers as plans
from simulator import clinic_problems as problems
from simulator.clinic_episodes import (
    LONG_PATTERN,
    ONCE,
    REPORT_EVERY,
    TWICE,
    Desk,
    Episode,
    Visit,
    authorize,
    count_minutes,
    open_episode,
    service,
    sign,
    treat,
    weekdays,
    workday,
)
from simulator.clinic_payers import TERMS
from simulator.clinic_problems import AUTHORIZATION, DOCUMENTATION, SCRUB
from simulator.clinic_roster import DEMO_PASSWORD, EMAIL_DOMAIN

RACE_VISITS, RACE_SHORTAGE = 10, 3


@dataclass(frozen=True, slots=True)
class Story:
    """One case to follow."""

    title: str
    who: str
    what_happens: str
    where_to_look: str
    logins: str
    encounter_ids: tuple[str, ...]


@dataclass(slots=True)
class Cast:
    """The episodes with a part in a story or a planted course of trouble, and the visits each story is about."""

    episodes: list[Episode] = field(default_factory=list)
    scenes: dict[str, list[Visit]] = field(default_factory=dict)

    def size(self) -> int:
        """Visits of everybody."""
        return sum(len(episode.visits) for episode in self.episodes)

    def play(self, name: str, episode: Episode, visits: list[Visit]) -> None:
        """Take an episode into the cast."""
        episode.told = True
        self.episodes.append(episode)
        if name:
            self.scenes[name] = visits


def cast(desk: Desk, room: int) -> Cast:
    """All planned trouble that needs a course of care of its own, in order of interest, as far as it fits the room."""
    players = Cast()
    stories = (_friday, _race, _no_measures, _denied, _ten_percent, _twice, _lost, _uncertified, _tenth_day)
    troubles = (_never_authorized, _expired, _too_late, _exhausted, _nearly_out)
    for scene in (*stories, *troubles):
        scene(desk, trial := Cast())
        wanted = trial.size()
        if wanted <= room:
            room -= wanted
            players.episodes += trial.episodes
            players.scenes |= trial.scenes
    granted = [episode.authorization for episode in players.episodes]
    desk.authorizations = [item for item in desk.authorizations if item in granted]
    return players


def _days_ago(desk: Desk, days: int) -> date:
    return desk.as_of - timedelta(days=days)


def _friday(desk: Desk, players: Cast) -> None:
    condition = care.of("PT", "falls")
    episode = open_episode(desk, condition, plans.MEDICARE, _days_ago(desk, 15), (0, 4), therapist="pt-arden")
    treat(desk, episode)
    visit = [visit for visit in episode.visits if visit.day.weekday() == 4][-1]
    problems.unsigned(visit)
    visit.plant(DOCUMENTATION, "note not signed")
    players.play("friday", episode, [visit])


def _race(desk: Desk, players: Cast) -> None:
    condition = care.of("PT", "a stiff knee after replacement")
    episode = open_episode(
        desk, condition, plans.ADVANTAGE, _days_ago(desk, 46), LONG_PATTERN, therapist="pt-bellweather"
    )
    episode.earlier += episode.days[:-RACE_VISITS]
    episode.days = episode.days[-RACE_VISITS:]
    authorize(desk, episode, 0, desk.as_of + timedelta(days=20), RACE_SHORTAGE)
    treat(desk, episode)
    for visit in episode.visits[-RACE_SHORTAGE:]:
        visit.plant(AUTHORIZATION, "authorization exhausted")
    players.play("race", episode, list(episode.visits))


def _ten_percent(desk: Desk, players: Cast) -> None:
    condition = care.of("PT", "Parkinson's disease")
    episode = open_episode(
        desk, condition, plans.MEDICARE, _days_ago(desk, 14), TWICE, therapist="pt-cloudsley", assistant=True
    )
    treat(desk, episode)
    shared, alone = episode.visits[-2:]
    helper = episode.assistant or ""
    for visit, given in ((shared, {"97530": (10, 19)}), (alone, {"97110": (14, 1), "97116": (0, 15)})):
        visit.body["administrative"] |= {"modality": "in_person", "place_of_service": "11"}
        visit.body["timing"]["services"] = [
            service(code, [pair for pair in ((episode.therapist, own), (helper, others)) if pair[1]], 2)
            for code, (own, others) in given.items()
        ]
        count_minutes(visit)
        sign(visit, 45)
    players.play("ten percent", episode, [shared, alone])


def _no_measures(desk: Desk, players: Cast) -> None:
    condition = care.of("OT", "carpal tunnel")
    episode = open_episode(desk, condition, plans.COMMERCIAL, _days_ago(desk, 11), TWICE, therapist="ot-gossamer")
    authorize(desk, episode, 6, desk.as_of + timedelta(days=40))
    treat(desk, episode)
    problems.no_measures(episode.visits[0])
    episode.visits[0].plant(DOCUMENTATION, "evaluation without measures")
    players.play("no measures", episode, episode.visits[:1])


def _denied(desk: Desk, players: Cast) -> None:
    condition = care.of("PT", "a sprained ankle")
    episode = open_episode(desk, condition, plans.COMMERCIAL, _days_ago(desk, 14), TWICE, therapist="pt-dovecote")
    authorize(desk, episode, 5, desk.as_of + timedelta(days=30))
    treat(desk, episode)
    episode.visits[1].outcome = ["denied:authorization", "paid"]
    players.play("denied", episode, episode.visits[1:2])


def _twice(desk: Desk, players: Cast) -> None:
    condition = care.of("OT", "a wrist after a fracture")
    episode = open_episode(desk, condition, plans.PREFERRED, _days_ago(desk, 13), TWICE, therapist="ot-hawksmoor")
    treat(desk, episode)
    episode.visits[0].outcome = [{"outcome": "paid", "duplicate": "identical"}]
    players.play("twice", episode, episode.visits[:1])


def _lost(desk: Desk, players: Cast) -> None:
    condition = care.of("PT", "low back pain")
    person = desk.person((30, 55))
    episode = open_episode(desk, condition, plans.MILITARY, _days_ago(desk, 16), TWICE, person=person)
    treat(desk, episode)
    episode.visits[0].outcome = ["lost", "paid"]
    players.play("lost", episode, episode.visits[:1])


def _tenth_day(desk: Desk, players: Cast) -> None:
    condition = care.of("PT", "a stiff knee after replacement")
    start = weekdays(plans.window_start(desk.as_of), desk.as_of)[0]
    episode = open_episode(desk, condition, plans.MEDICARE, start, LONG_PATTERN, therapist="pt-arden")
    episode.reports = []
    treat(desk, episode)
    for visit in episode.visits[REPORT_EVERY:]:
        visit.plant(DOCUMENTATION, "progress report due")
    players.play("tenth day", episode, episode.visits[REPORT_EVERY:])


def _uncertified(desk: Desk, players: Cast) -> None:
    condition = care.of("SLP", "aphasia")
    episode = open_episode(desk, condition, plans.MEDICARE, _days_ago(desk, 38), ONCE, therapist="slp-jessamine")
    for missing in ("certified_on", "sent_to_certifier_on"):
        episode.plan_of_care.pop(missing, None)
    treat(desk, episode)
    for visit in episode.visits:
        visit.plant(DOCUMENTATION, "plan of care not certified")
    players.play("uncertified", episode, list(episode.visits))


def _never_authorized(desk: Desk, players: Cast) -> None:
    for words, days in (("a painful shoulder", 17), ("low back pain", 12)):
        person = desk.person((30, 60))
        episode = open_episode(
            desk, care.of("PT", words), plans.COMMERCIAL, _days_ago(desk, days), TWICE, person=person
        )
        for visit in treat(desk, episode)[1:]:
            visit.plant(AUTHORIZATION, "authorization missing")
        players.play("", episode, [])


def _expired(desk: Desk, players: Cast) -> None:
    condition = care.of("OT", "a child's coordination")
    episode = open_episode(desk, condition, plans.MEDICAID, _days_ago(desk, 52), TWICE)
    expiry = _days_ago(desk, 11)
    authorize(desk, episode, 4, expiry)
    for visit in treat(desk, episode):
        if visit.day > expiry:
            visit.plant(AUTHORIZATION, "authorization expired")
    players.play("", episode, [])


def _exhausted(desk: Desk, players: Cast) -> None:
    person = desk.person((25, 60))
    condition = care.of("PT", "a painful shoulder")
    episode = open_episode(desk, condition, plans.COMPENSATION, _days_ago(desk, 30), (0, 2), person=person)
    authorize(desk, episode, 0, desk.as_of + timedelta(days=25), shortage=3)
    for visit in treat(desk, episode)[-3:]:
        visit.plant(AUTHORIZATION, "authorization exhausted")
    players.play("", episode, [])


def _nearly_out(desk: Desk, players: Cast) -> None:
    """Nothing wrong yet: the clocks of re-authorization run."""
    courses = (
        ("SLP", "a child's language", plans.MEDICAID, 3, 30),
        ("PT", "falls", plans.ADVANTAGE, 2, 25),
        ("OT", "an arm after a stroke", plans.ADVANTAGE, 6, 5),
        ("SLP", "a child's speech sounds", plans.MEDICAID, 5, 7),
    )
    for discipline, words, plan_id, left, days in courses:
        episode = open_episode(desk, care.of(discipline, words), plan_id, _days_ago(desk, 24), TWICE)
        authorize(desk, episode, left, desk.as_of + timedelta(days=days))
        treat(desk, episode)
        players.play("", episode, [])


def _too_late(desk: Desk, players: Cast) -> None:
    """Evaluations found in a drawer: one unsigned with days left to file, one past the limit."""
    for days in (57, 64):
        person = desk.person((25, 60))
        day = workday(_days_ago(desk, days))
        episode = open_episode(desk, care.of("PT", "low back pain"), plans.HMO, day, (), last=day, person=person)
        (visit,) = treat(desk, episode)
        if days < TERMS[plans.HMO]["timely_filing_days"]:
            problems.unsigned(visit)
            visit.plant(DOCUMENTATION, "note not signed, filing limit near")
        else:
            visit.plant(SCRUB, "filing limit passed")
        players.play("", episode, [])


# scene -> title, what happens, where to look, logins
SCRIPT: dict[str, tuple[str, str, str, str]] = {
    "friday": (
        "The Friday note nobody signed",
        "Rowena Ardenquill treated on Friday and went home before signing. Medicare does not see the claim: it "
        "waits in Documentation until the signature arrives (amendments.jsonl brings it), and then goes out by "
        "itself.",
        "Queue Documentation; then `firstpass import amendments.jsonl` and watch it leave.",
        "rowena@ (sees her own unsigned notes), bianca@ (sees it leave)",
    ),
    "race": (
        "Ten visits, seven authorized",
        "Ten visits of one knee arrive at once, and the authorization has seven left. Exactly seven may go; the "
        "last three wait in Authorization, however many workers raced for them.",
        "Queue Authorization, and the authorization's page: used, reserved, left.",
        "frida@ (asks the payer for more), bianca@",
    ),
    "ten percent": (
        "The assistant's ten percent",
        "A visit shared by therapist and assistant: 97530, ten minutes against nineteen. One unit stays the "
        "therapist's, one gets CQ. On the next visit one assistant minute of fifteen stays under ten percent and "
        "changes nothing, while fifteen minutes of gait by the assistant alone carry CQ.",
        "The visit's page, steps of units and modifiers.",
        "bianca@, audrey@ (reads the arithmetic)",
    ),
    "no measures": (
        "The evaluation that measured nothing",
        "Leocadia Gossamer's evaluation has neither a measure nor a goal. No payer would call it necessary, so it "
        "waits in Documentation until she adds them.",
        "Queue Documentation; amendments.jsonl brings measures and goals.",
        "leocadia@ (adds them), sasha@ (may override with a reason, where the check allows it)",
    ),
    "denied": (
        "Denied for an authorization that exists",
        "The payer denies for a missing authorization (CO-197), though the claim carried the number. Firstpass "
        "shows the number it sent; the corrected claim is paid.",
        "Queue Denials.",
        "boris@ (corrects and resubmits)",
    ),
    "twice": (
        "The remittance that came twice",
        "The same 835 arrives twice. The second is recognized by its content and posts nothing; the ledger balances.",
        "Queue Posting, the file's page, the ledger.",
        "bea@, audrey@",
    ),
    "lost": (
        "The claim the payer lost",
        "Accepted by the clearinghouse, then silence. The follow-up clock brings it to a person; sent again, it is "
        "paid.",
        "Queue Follow-up.",
        "boris@",
    ),
    "tenth day": (
        "The tenth treatment day",
        "Three visits a week, and the progress report forgotten. Ten days are paid for; from the eleventh on, "
        "Medicare's claims wait in Documentation until the report is written.",
        "Queue Documentation; the episode's count of treatment days.",
        "rowena@ (writes the report), sasha@",
    ),
    "uncertified": (
        "The plan of care that never came back",
        "Thirty days after the evaluation the physician has neither signed the plan of care nor been proven to "
        "have got it. Later visits wait until a signature comes (amendments.jsonl brings it).",
        "Queue Documentation.",
        "perpetua@, frida@ (chases the signature)",
    ),
}


def tell(players: Cast) -> list[Story]:
    """The stories, once visits have their ids."""
    return [
        Story(title, _who(scene), what, where, logins, tuple(visit.encounter_id for visit in scene))
        for name, (title, what, where, logins) in SCRIPT.items()
        if (scene := players.scenes.get(name))
    ]


def _who(scene: Sequence[Visit]) -> str:
    episode = scene[0].episode
    return f"{episode.person.name}, {episode.condition.discipline} for {episode.condition.words}, {episode.plan_id}"


def as_markdown(told: Sequence[Story]) -> str:
    """stories.md."""
    head = f"# Stories of the demo clinic\n\nEvery login ends in `{EMAIL_DOMAIN}`; the password is `{DEMO_PASSWORD}`.\n"
    return "\n".join([head, *(_section(story) for story in told)])


def _section(story: Story) -> str:
    visits = ", ".join(f"`{encounter_id}`" for encounter_id in story.encounter_ids)
    return (
        f"## {story.title}\n\n**Who**: {story.who}.\n\n**What happens**: {story.what_happens}\n\n"
        f"**Where to look**: {story.where_to_look}\n\n**Logins**: {story.logins}\n\n**Visits**: {visits}\n"
    )
