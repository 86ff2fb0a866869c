"""A clean visit goes from signed note to closed account without a person."""

from pathlib import Path

from sqlalchemy import Engine
from temporalio.client import Client

from simulator.clinic import practice, volume
from simulator.ledger import inbox
from tests.line import ALL_PAID, TODAY, line


async def test_clean_visits_are_paid_and_closed_untouched(engine: Engine, temporal: Client, tmp_path: Path) -> None:
    visits = list(volume(7, TODAY, 5))
    async with line(engine, temporal, practice(TODAY), tmp_path) as clinic:
        results = clinic.send(*visits)
        assert [result.status for result in results] == ["created"] * 5
        await clinic.until(lambda: clinic.stages() == {"closed": 5})
        for visit in visits:
            story = clinic.story(visit["encounter_id"])
            assert (*story[:3], story[-1]) == ("encounter.received", "claim.ready", "claim.batched", "stage.closed")
            # a quick clearinghouse may answer before we have noted that the file is there
            assert sorted(story[3:-1]) == ["claim.accepted", "claim.paid", "claim.sent"]
            row = clinic.visit(visit["encounter_id"])
            assert (row.closed_as, row.touched) == ("paid", False)
        sent = inbox(clinic.simulator_root)
        assert len(sent) == len({claim.control_number for claim in sent}) == 5
        assert clinic.ledger_is_balanced()


async def test_a_patients_share_waits_for_the_patient_and_closes_when_paid(
    engine: Engine, temporal: Client, tmp_path: Path
) -> None:
    from activities.patient_payments import receive_payments
    from models.store import ledger
    from models.store.session import practice_session

    [visit] = volume(7, TODAY, 1)
    number = visit["encounter_id"]
    async with line(engine, temporal, practice(TODAY), tmp_path, world={**ALL_PAID, "patient_share": 1}) as clinic:
        clinic.send(visit)
        row = await clinic.until_stage(number, "patient_balance")
        with practice_session(engine, clinic.practice_id) as session:
            owed = ledger.balance(session, row.id, ledger.PATIENT_RECEIVABLE)
        assert owed > 0
        payment = {"payment_id": "P1", "encounter_id": number, "amount": str(owed), "received_on": "2026-11-20"}
        results = receive_payments(engine, clinic.practice_id, "test", [payment, payment])
        assert [result.status for result in results] == ["posted", "unchanged"]
        assert (await clinic.until_stage(number, "closed")).closed_as == "paid"
        assert clinic.ledger_is_balanced()
