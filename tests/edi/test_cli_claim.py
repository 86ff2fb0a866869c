"""``firstpass claim``: visits and a practice file in, an 837P the judge accepts out."""

import json
from datetime import UTC, datetime
from typing import Any

from edi.cli_claim import claim_command
from edi.judge import judge
from edi.x837p import read_837p
from embedded import ROOT
from tests.platform.test_cli import firstpass

EXAMPLES = ROOT / "docs" / "examples"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
VISIT: dict[str, Any] = json.loads((EXAMPLES / "encounter.json").read_text())
PRACTICE = (EXAMPLES / "practice.json").read_text()


def visit(number: int = 1, **changes: Any) -> str:
    patient = {**VISIT["patient"], "patient_id": f"patient-{number}"}
    return json.dumps({**VISIT, "encounter_id": f"V{number}", "patient": patient, **changes})


def test_clean_visits_become_a_file_the_judge_accepts() -> None:
    answer = claim_command([visit(1), visit(2)], PRACTICE, now=NOW, check=True)
    assert (answer.said, answer.exit_code) == ((), 0)
    assert judge(answer.text) == []
    [first, second] = [claim for batch in read_837p(answer.text) for claim in batch.claims]
    assert first.patient_control_number != second.patient_control_number
    assert [(line.procedure_code, line.modifiers, int(line.units)) for line in first.lines] == [
        ("97110", ("GP",), 2),
        ("97140", ("GP",), 1),
    ]
    assert first.lines[0].line_control_number == f"{first.patient_control_number}L1"
    assert first.charge == sum(line.charge for line in first.lines)


def test_a_subscriber_who_is_not_the_patient_is_named_without_address_and_birth_date() -> None:
    """005010X222A1 2010BA: N3, N4 and DMG stand there only when the patient is the subscriber."""
    holder = {key: VISIT["patient"][key] for key in ("birth_date", "sex", "address")}
    spouse = {"relationship": "spouse", "subscriber": {"first_name": "Bo", "last_name": "Kestrel", **holder}}
    coverages = [{**VISIT["administrative"]["coverages"][0], **spouse}]
    administrative = {**VISIT["administrative"], "coverages": coverages}
    answer = claim_command([visit(1, administrative=administrative)], PRACTICE, now=NOW, check=True)
    assert (answer.said, judge(answer.text)) == ((), [])
    holder_loop = answer.text.split("NM1*IL*")[1].split("NM1*PR*")[0].split("~\n")
    assert holder_loop == ["1*KESTREL*BO****MI*1EG4TE5MK73", ""]
    assert answer.text.count("DMG*") == 1


def test_the_same_visit_has_the_same_number_each_time_and_a_new_version_another() -> None:
    [once], [again], [later] = (
        [claim.patient_control_number for batch in read_837p(text) for claim in batch.claims]
        for text in (
            claim_command([visit(1)], PRACTICE, now=NOW, check=False).text,
            claim_command([visit(1)], PRACTICE, now=NOW, check=False).text,
            claim_command([visit(1), visit(1, version=2)], PRACTICE, now=NOW, check=False).text,
        )
    )
    assert once == again != later


def test_bad_lines_are_named_and_passed_over() -> None:
    answer = claim_command([visit(1), "{", visit(2, cancelled=True)], PRACTICE, now=NOW, check=False)
    assert answer.exit_code == 1
    assert "line 2: unreadable" in answer.said[1]
    assert answer.said[0] == "line 3, visit V2: passed over, the visit was cancelled"
    assert answer.text.count("~\nCLM*") == 1


def test_a_visit_of_an_unknown_plan_has_no_claim() -> None:
    administrative = json.loads(json.dumps(VISIT["administrative"]).replace("medicare-b", "no-such-plan"))
    answer = claim_command([visit(1, administrative=administrative)], PRACTICE, now=NOW, check=False)
    assert answer == ("", ("line 1, visit V1: the practice file has no plan no-such-plan",), 1)


def test_a_held_visit_is_written_but_does_not_pass_the_check() -> None:
    unsigned = visit(1, compliance={**VISIT["compliance"], "signatures": []})
    assert "CLM*" in claim_command([unsigned], PRACTICE, now=NOW, check=False).text
    answer = claim_command([unsigned, visit(2)], PRACTICE, now=NOW, check=True)
    assert answer.exit_code == 1
    assert answer.said[0].startswith("line 1, visit V1: held in documentation: D1 ")
    assert answer.text.count("~\nCLM*") == 1


def test_what_our_checks_refuse_is_left_out_under_check() -> None:
    """A rendering therapist whose NPI fails its check digit."""
    wrong = PRACTICE.replace("1999990025", "1999990026")
    assert claim_command([visit(1)], wrong, now=NOW, check=False).exit_code == 0
    answer = claim_command([visit(1)], wrong, now=NOW, check=True)
    assert (answer.text, answer.exit_code) == ("", 1)
    assert any("NPI" in line for line in answer.said)


def test_what_cannot_be_read_at_all_ends_with_2() -> None:
    assert claim_command([visit(1)], "{}", now=NOW, check=False).exit_code == 2
    assert claim_command(["{", "no"], PRACTICE, now=NOW, check=False).exit_code == 2
    assert claim_command([], PRACTICE, now=NOW, check=False).exit_code == 2


def test_on_the_command_line(tmp_path: Any) -> None:
    out = tmp_path / "claims.837"
    practice = str(EXAMPLES / "practice.json")
    done = firstpass("claim", "-", "--practice", practice, "--out", str(out), stdin=f"{visit(1)}\n{visit(2)}\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert out.read_text().count("~\nCLM*") == 2
    done = firstpass("claim", str(EXAMPLES / "encounter.json"), "--practice", practice)
    assert done.returncode == 0
    assert done.stdout.startswith("ISA*")
    assert firstpass("claim", str(tmp_path / "none"), "--practice", practice).returncode == 2
