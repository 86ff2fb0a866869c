"""Thousands of claims at a payer, and the payment for all of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import Engine, text

from activities import intake
from activities.encounters import EncounterActivities
from models.messages import LookAtEncounter
from models.store.session import practice_session
from models.tables.base import Base
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.remittances import InboundFileRow
from tests.posting.remittance import envelope
from tests.workflows.visits import visit

CHARGE = Decimal("100.00")


def numbers(count: int) -> list[str]:
    """Our numbers of the claims that many_claims makes."""
    return [f"F{number:014X}" for number in range(1, count + 1)]


def many_claims(engine: Engine, practice_id: UUID, count: int) -> None:
    """Claims as they stand when a payer has accepted them: one made by the rules, the others copies of it."""
    made = visit("MANYCLAIMS")
    intake.receive(engine, practice_id, "test", [made])
    with practice_session(engine, practice_id) as session:
        encounter_id = session.scalar(text("SELECT id FROM encounters"))
    look = LookAtEncounter(practice_id=practice_id, encounter_id=encounter_id, now=datetime.now(UTC))
    assert EncounterActivities(engine, 0.2).check_gates(look).outcome == "clear"
    ids = "CREATE TEMP TABLE made ON COMMIT DROP AS SELECT n, gen_random_uuid() AS encounter_id, gen_random_uuid() AS "
    ids += "claim_id, gen_random_uuid() AS version_id, 'F' || lpad(upper(to_hex(n)), 14, '0') AS number "
    with practice_session(engine, practice_id) as session:
        session.execute(text(f"{ids} FROM generate_series(1, :count) n"), {"count": count})
        changes: tuple[tuple[type[Base], dict[str, str]], ...] = (
            (EncounterRow, {"id": "made.encounter_id", "external_id": "made.number"}),
            (ClaimRow, {"id": "made.claim_id", "encounter_id": "made.encounter_id"}),
            (
                ClaimVersionRow,
                {
                    "id": "made.version_id",
                    "claim_id": "made.claim_id",
                    "encounter_id": "made.encounter_id",
                    "patient_control_number": "made.number",
                    "status": "'accepted'",
                },
            ),
        )
        for table, change in changes:
            columns = [column.name for column in table.__table__.columns]
            values = [change.get(name, f"one.{name}") for name in columns]
            name = table.__tablename__
            which = f"(SELECT * FROM {name} LIMIT 1) one, made"
            session.execute(text(f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {which}"))


def payment(ours: Sequence[str], *, trace: str = "BIG", off_by: str = "0") -> bytes:
    """Each claim of two lines, with what the contract takes and what the patient owes."""
    body = [
        f"BPR*I*{58 * len(ours) + Decimal(off_by)}*C*ACH*CCP*01*999999992*DA*1*1512345678**01*999988880*DA*2*20261120",
        f"TRN*1*{trace}*1512345678",
        "N1*PR*EXAMPLE HEALTH PLAN",
        "N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893",
        "LX*1",
    ]
    for position, number in enumerate(ours, start=1):
        body += [f"CLP*{number}*1*{CHARGE}*58*12*12*ICN{trace}{position}*11*1", "NM1*QC*1*DOE*JANE****MI*MANYCLAIMS"]
        body += ["DTM*232*20261101", "SVC*HC:97110:GP*60*38**1", "DTM*472*20261101", "CAS*CO*45*10", "CAS*PR*2*12"]
        body += [f"REF*6R*{number}L1", "SVC*HC:97140:GP*40*20**1", "CAS*CO*45*20", f"REF*6R*{number}L2"]
    return envelope("HP", "835", "005010X221A1", body, 7, "20261120")


def keep(engine: Engine, practice_id: UUID, content: bytes) -> UUID:
    """The file as if fetched, with nobody reading it."""
    row = InboundFileRow(id=uuid4(), practice_id=practice_id, connection="none", file_name="big.835", content=content)
    row.size_bytes, row.sha256, row.kind = len(content), sha256(content).hexdigest(), "835"
    row.status, row.problems = "received", []
    with practice_session(engine, practice_id) as session:
        session.add(row)
    return row.id
