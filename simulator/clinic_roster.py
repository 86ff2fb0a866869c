"""Who is in the demo clinic: invented people, addresses and numbers that only look real."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

Json = dict[str, Any]

EMAIL_DOMAIN = "cedar-hollow.example"
DEMO_PASSWORD = "firstpass-demo"  # noqa: S105  (public, for the demo only)
MBI_LETTERS = "ACDEFGHJKMNPQRTUVWXY"
NPI_PREFIX = "80840"
NPI_MAX_SEQUENCE = 9999

FIRST_NAMES_F = (
    "Adela", "Beatrix", "Clementine", "Dorothea", "Estrella", "Felicity", "Guadalupe", "Henrietta", "Imogen",
    "Josefina", "Katya", "Lucinda", "Marisol", "Nadine", "Ottilie", "Priya", "Rosalind", "Soledad", "Tamsin",
    "Ursula", "Valentina", "Winifred", "Ximena", "Yolanda", "Zora", "Amara", "Bronwyn", "Cordelia", "Delphine",
    "Eudora",
)  # fmt: skip
FIRST_NAMES_M = (
    "Ambrose", "Bartholomew", "Casimir", "Desmond", "Emiliano", "Ferdinand", "Gideon", "Horatio", "Ignacio",
    "Jasper", "Kofi", "Leopold", "Mateo", "Nikolai", "Octavio", "Percival", "Quentin", "Rafael", "Silas",
    "Thaddeus", "Ulises", "Vikram", "Wendell", "Xavier", "Yusuf", "Zebulon", "Alonzo", "Benedict", "Cyrus",
    "Dmitri",
)  # fmt: skip
SURNAME_STARTS = (
    "Amber", "Bramble", "Copper", "Dapple", "Ember", "Fable", "Ginger", "Hollow", "Inkle", "Juniper", "Kettle",
    "Lantern", "Marble", "Nettle", "Opal", "Pebble",
)  # fmt: skip
SURNAME_ENDS = (
    "wick", "combe", "feather", "thorpe", "quill", "sby", "worth", "bottom", "lock", "gate", "marsh", "shaw",
)  # fmt: skip
STREETS = (
    "Sampler Lane",
    "Specimen Way",
    "Placeholder Drive",
    "Mockingbird Test Road",
    "Synthetic Oak Court",
    "Fixture Street",
    "Demo Creek Trail",
    "Invented Hill Avenue",
)
TOWNS = (
    ("Austin", "78704"),
    ("Round Rock", "78664"),
    ("Georgetown", "78626"),
    ("Pflugerville", "78660"),
    ("Cedar Park", "78613"),
    ("Leander", "78641"),
    ("Kyle", "78640"),
    ("Buda", "78610"),
)

TAXONOMY = {
    ("PT", "therapist"): "225100000X",
    ("PT", "assistant"): "225200000X",
    ("OT", "therapist"): "225X00000X",
    ("OT", "assistant"): "224Z00000X",
    ("SLP", "therapist"): "235Z00000X",
    ("SLP", "assistant"): "2355S0801X",
}
CREDENTIALS = {
    ("PT", "therapist"): "PT, DPT",
    ("PT", "assistant"): "PTA",
    ("OT", "therapist"): "OTR/L",
    ("OT", "assistant"): "COTA/L",
    ("SLP", "therapist"): "MS, CCC-SLP",
    ("SLP", "assistant"): "SLPA",
}
# id, first name, last name, discipline, role
CLINICIANS = (
    ("pt-arden", "Rowena", "Ardenquill", "PT", "therapist"),
    ("pt-bellweather", "Tobias", "Bellwether", "PT", "therapist"),
    ("pt-cloudsley", "Mirela", "Cloudsley", "PT", "therapist"),
    ("pt-dovecote", "Anselm", "Dovecote", "PT", "therapist"),
    ("pta-evermore", "Pilar", "Evermore", "PT", "assistant"),
    ("pta-finchley", "Osric", "Finchbury", "PT", "assistant"),
    ("ot-gossamer", "Leocadia", "Gossamer", "OT", "therapist"),
    ("ot-hawksmoor", "Cornelius", "Hawksmere", "OT", "therapist"),
    ("ota-inglenook", "Sunniva", "Inglenook", "OT", "assistant"),
    ("slp-jessamine", "Perpetua", "Jessamine", "SLP", "therapist"),
    ("slp-kestrel", "Evander", "Kestrelby", "SLP", "therapist"),
    ("slpa-lovage", "Marigold", "Lovage", "SLP", "assistant"),
)
REFERRERS = (
    ("Hortensia", "Mapleworth"),
    ("Barnaby", "Nightingrove"),
    ("Consuelo", "Oakenshire"),
    ("Elijah", "Pennywhistle"),
)
# login name, name, role, clinician
USERS = (
    ("admin", "Ada Administrator", "administrator", None),
    ("sasha", "Sasha Supervisor", "supervisor", None),
    ("sterling", "Sterling Supervisor", "supervisor", None),
    ("bianca", "Bianca Biller", "biller", None),
    ("boris", "Boris Biller", "biller", None),
    ("bea", "Bea Biller", "biller", None),
    ("frida", "Frida Frontdesk", "front_desk", None),
    ("felix", "Felix Frontdesk", "front_desk", None),
    ("audrey", "Audrey Auditor", "auditor", None),
    ("rowena", "Rowena Ardenquill", "clinician", "pt-arden"),
    ("leocadia", "Leocadia Gossamer", "clinician", "ot-gossamer"),
    ("perpetua", "Perpetua Jessamine", "clinician", "slp-jessamine"),
)


PATIENT_DOMAIN = "patients.example"  # delivers nowhere (RFC 2606)


@dataclass(frozen=True, slots=True)
class Person:
    """A patient or a policy holder."""

    patient_id: str
    first_name: str
    last_name: str
    sex: str
    birth_date: date
    address: Json

    @property
    def name(self) -> str:
        """As people say it."""
        return f"{self.first_name} {self.last_name}"

    def as_patient(self) -> Json:
        """The encounter's patient."""
        return {
            "patient_id": self.patient_id,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "birth_date": self.birth_date.isoformat(),
            "sex": self.sex,
            "address": self.address,
            "email": f"{self.patient_id.lower()}@{PATIENT_DOMAIN}" if self.reads_mail else None,
        }

    def as_subscriber(self) -> Json:
        """The coverage's subscriber."""
        return {key: value for key, value in self.as_patient().items() if key not in ("patient_id", "email")}

    @property
    def reads_mail(self) -> bool:
        """Four patients of five agreed to be written to."""
        return sum(self.patient_id.encode()) % 5 != 0


def npi(sequence: int) -> str:
    """A valid-Luhn NPI from a sequence that nobody was ever given: 19999, four digits, check digit."""
    if not 0 <= sequence <= NPI_MAX_SEQUENCE:
        raise ValueError(f"NPI sequence {sequence} is outside 0..{NPI_MAX_SEQUENCE}")
    stem = f"19999{sequence:04d}"
    return stem + str(-luhn_sum(NPI_PREFIX + stem + "0") % 10)


def luhn_sum(digits: str) -> int:
    """Sum of the Luhn algorithm; a multiple of ten when the last digit checks."""
    total = 0
    for position, character in enumerate(reversed(digits)):
        doubled = int(character) * (1 + position % 2)
        total += doubled - 9 * (doubled > 9)
    return total


def medicare_id(rng: Random) -> str:
    """Shaped like a Medicare beneficiary identifier: C A AN N A AN N A A N N, without S L O I B Z."""
    pattern = "CAENAENAANN"
    pools = {"C": "123456789", "A": MBI_LETTERS, "E": MBI_LETTERS + "0123456789", "N": "0123456789"}
    return "".join(rng.choice(pools[kind]) for kind in pattern)


def address(rng: Random) -> Json:
    """A house that does not exist in a town that does."""
    city, postal_code = rng.choice(TOWNS)
    return {
        "line1": f"{rng.randrange(100, 9900)} {rng.choice(STREETS)}",
        "city": city,
        "state": "TX",
        "postal_code": postal_code,
    }


def person(rng: Random, number: int, as_of: date, ages: tuple[int, int], sex: str | None = None) -> Person:
    """An invented person; surnames repeat after 192."""
    sex = sex or rng.choice("FM")
    first = rng.choice(FIRST_NAMES_F if sex == "F" else FIRST_NAMES_M)
    surname = invented_surname(number)
    age_days = rng.randrange(ages[0] * 366, ages[1] * 365)
    return Person(f"P-{number:05d}", first, surname, sex, as_of - timedelta(days=age_days), address(rng))


def invented_surname(number: int) -> str:
    """One of 192; the same only for numbers 192 apart."""
    turn, start = divmod(number, len(SURNAME_STARTS))
    return SURNAME_STARTS[start] + SURNAME_ENDS[(turn + start) % len(SURNAME_ENDS)]


def locations() -> list[Json]:
    """Two clinics of one group."""
    return [
        _location("cedar-south", "Cedar Hollow South", "2200 Fixture Street", "Austin", "787041200", 2),
        _location("cedar-north", "Cedar Hollow North", "710 Specimen Way", "Georgetown", "786264100", 3),
    ]


def _location(location_id: str, name: str, line1: str, city: str, postal_code: str, sequence: int) -> Json:
    place = {"line1": line1, "city": city, "state": "TX", "postal_code": postal_code}
    return {"location_id": location_id, "name": name, "address": place, "npi": npi(sequence)}


def clinicians() -> list[Json]:
    """Twelve people who treat."""
    return [
        {
            "clinician_id": clinician_id,
            "first_name": first,
            "last_name": last,
            "credentials": CREDENTIALS[discipline, role],
            "role": role,
            "discipline": discipline,
            "npi": npi(100 + number),
            "taxonomy": TAXONOMY[discipline, role],
            "license_number": f"DEMO-{discipline}-{1000 + number}",
        }
        for number, (clinician_id, first, last, discipline, role) in enumerate(CLINICIANS)
    ]


def therapists(discipline: str) -> list[str]:
    """Ids of those in whose name claims go out."""
    return [entry[0] for entry in CLINICIANS if entry[3] == discipline and entry[4] == "therapist"]


def assistants(discipline: str) -> list[str]:
    """Ids of the discipline's assistants."""
    return [entry[0] for entry in CLINICIANS if entry[3] == discipline and entry[4] == "assistant"]


def users() -> list[Json]:
    """Twelve logins, one password."""
    return [_user(*entry) for entry in USERS]


def _user(login: str, name: str, role: str, clinician_id: str | None) -> Json:
    user: Json = {"email": f"{login}@{EMAIL_DOMAIN}", "name": name, "role": role, "password": DEMO_PASSWORD}
    return user | ({"clinician_id": clinician_id} if clinician_id else {})


def referrer(rng: Random) -> Json:
    """A physician who orders therapy."""
    number = rng.randrange(len(REFERRERS))
    first, last = REFERRERS[number]
    return {"npi": npi(500 + number), "first_name": first, "last_name": last}
