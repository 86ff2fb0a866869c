"""CMS's quarterly files as they come, and which edition judges which day."""

from datetime import date
from pathlib import Path

import pytest

from billing import codes, ncci
from billing.cms_files import CmsRows, edition_of, read
from billing.coding import code_claim
from billing.edits.units import unlikely_units
from billing.mue import TABLE, UnitEdit, UnitTable
from billing.scrub import check
from billing.vocabulary import Severity
from tests.billing.builders import VISIT, context, encounter, medicare, service, services

# beside the checkout, never in it: the files are CMS's
CMS = Path(__file__).parents[3] / "shared" / "data" / "cms"

PAIRS = (
    '"CPT only copyright 2026 American Medical Association. All rights reserved."\t\t\t\t\t\t\n'
    "Column 1\tColumn 2\t*=In existence prior to 1996\tEffective Date\tDeletion Date *=no data\t"
    "Modifier 0=not allowed 1=allowed 9=not applicable\tPTP Edit Rationale\n"
    "97140\t97124\t \t20200101\t*\t0\tMisuse of column two code\n"
    "97140\t97530\t*\t19960101\t20191231\t1\tMutually exclusive procedures\n"
    "97530\t97116\t \t20201001\t20201001\t9\tMisuse of column two code\n"
    "97530\t97750\t \t20260701\t*\t1\tMore extensive procedure\n"
    "0001A\t36591\t \t20210101\t*\t0\tMisuse of column two code\n"
)
UNITS = (
    '"CPT codes, descriptions and other data only are copyright 2026 AMA.",,,\n'
    '"HCPCS/CPT Code","Practitioner Services MUE Values","MUE Adjudication Indicator","MUE Rationale"\n'
    '97110,5,"3 Date of Service Edit: Clinical","Clinical: Data"\n'
    '97161,1,"2 Date of Service Edit: Policy","Code Descriptor / CPT Instruction"\n'
    '97035,1,"1 Line Edit","Clinical: CMS Workgroup"\n'
    'J0178,4,"3 Date of Service Edit: Clinical","Prescribing Information"\n'
)


def taken(text: str) -> CmsRows:
    rows = CmsRows()
    read(text.splitlines(), rows)
    return rows


def test_pairs_as_cms_issues_them() -> None:
    rows = taken(PAIRS)
    assert (len(rows.pairs), rows.passed_over, rows.units) == (4, 1, {})
    table = ncci.PairTable(rows.pairs, date(2026, 10, 1))
    assert len(table) == 3, "a deleted pair is none"
    never, ended = table.active("97124", "97140", VISIT), table.active("97530", "97140", date(2019, 6, 1))
    assert never is not None
    assert ended is not None
    assert (never.column1, never.indicator, ended.indicator) == ("97140", 0, 1)
    assert table.active("97530", "97140", VISIT) is None
    assert table.active("97750", "97530", date(2026, 6, 30)) is None
    assert table.active("97750", "97530", date(2026, 7, 1)) is not None
    assert (table.in_force(date(2026, 6, 30)), table.in_force(date(2026, 7, 1))) == (1, 2)


def test_rows_without_a_beginning_begin_with_the_new_issue() -> None:
    rows = taken("column1,column2,modifier_indicator,deletion_date\n97140,97124,0,\n97140,97530,1,2019-12-31\n")
    assert [(pair.effective_from, pair.effective_to) for pair in rows.pairs] == [
        (date(2020, 1, 1), date.max),
        (date.min, date(2019, 12, 31)),
    ]


def test_units_as_cms_issues_them() -> None:
    rows = taken(UNITS)
    assert rows.units == {"97110": UnitEdit(5, 3), "97161": UnitEdit(1, 2), "97035": UnitEdit(1, 1)}
    assert (rows.pairs, rows.passed_over) == ([], 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("97140,97124, ,2020,*,0,x", "2020 is no day"),
        ("97140,97124, ,20200101,*,,x", "invalid literal"),
        ("97110,5,7 Something new,x", "indicator 7"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"line 2: .*{said}"):
        taken(f"heading\n{line}\n")


@pytest.mark.parametrize(
    ("name", "edition"),
    [
        ("MCR_MUE_PractitionerServices_Eff_10-01-2026.csv", date(2026, 10, 1)),
        ("MCR_MUE_PractitionerServices_Eff_13-01-2026.csv", None),
        ("ccipra-v302r0-f4.txt", date(2024, 7, 1)),
        ("CCIPRA-V323R0-F1.ZIP", date(2026, 10, 1)),
        ("pairs.csv", None),
    ],
)
def test_the_quarter_by_the_files_name(name: str, edition: date | None) -> None:
    assert edition_of(name) == edition


def test_each_day_is_judged_by_the_edition_in_force() -> None:
    first, second = date(2026, 1, 1), date(2026, 4, 1)
    table = UnitTable([(second, {"97110": UnitEdit(4, 2)}), (first, {"97110": UnitEdit(5, 3)})])
    assert table.edit("97110", date(2025, 12, 31)) == (UnitEdit(6, 3), date(2024, 4, 1))
    assert table.edit("97110", first) == (UnitEdit(5, 3), first)
    assert table.edit("97110", date(2026, 3, 31)) == (UnitEdit(5, 3), first)
    assert table.edit("97110", second) == (UnitEdit(4, 2), second)
    assert table.edit("97140", second) == (None, second), "what the edition does not name has no edit"
    assert TABLE.edit("XXXXX", second)[0] is None


@pytest.mark.parametrize(
    ("minutes", "edit", "expected"),
    [
        (60, UnitEdit(4, 3), []),
        (75, UnitEdit(4, 3), [Severity.WARN]),
        (75, UnitEdit(4, 2), [Severity.BLOCK]),
        (75, UnitEdit(4, 1), [Severity.WARN]),
        (75, UnitEdit(0, 3), []),
    ],
)
def test_imported_units_judge_the_claim_by_their_indicator(
    minutes: int, edit: UnitEdit, expected: list[Severity]
) -> None:
    visit = encounter(timing=services(("97110", minutes)))
    facts = context(unit_edits=UnitTable([(date(2026, 1, 1), {"97110": edit})]))
    found = [one for one in check(visit, facts, code_claim(visit, facts)) if one.code == "S05"]
    assert [one.severity for one in found] == expected
    assert all(one.evidence["table"] == "CMS, quarter of 2026-01-01" for one in found)


def test_a_line_edit_looks_at_each_line_alone() -> None:
    """Assistant and therapist stand on lines of their own; only edits of the day add them up."""
    given = services(service("97110", 30), service("97110", 30, by="pta-1"))
    visit = encounter(timing=given, compliance={"supervising_clinician_id": "pt-1"})
    for indicator, expected in ((1, 0), (3, 1)):
        edit = {"97110": UnitEdit(2, indicator)}
        facts = context(terms=medicare(), unit_edits=UnitTable([(date(2026, 1, 1), edit)]))
        assert len(list(unlikely_units(visit, facts, code_claim(visit, facts)))) == expected


@pytest.mark.skipif(not CMS.is_dir(), reason="CMS's public files are not beside this checkout")
def test_the_public_files_of_2024_say_what_is_shipped() -> None:
    rows = CmsRows()
    read((CMS / "ncci_ptp_therapy_2024q3_practitioner.csv").read_text().splitlines(), rows)
    read((CMS / "therapy_code_indicators_2024.csv").read_text().splitlines(), rows)
    assert ncci.PairTable(rows.pairs).in_force(ncci.SHIPPED) == ncci.TABLE.in_force(ncci.SHIPPED)
    on = date(2026, 3, 2)
    shipped = {
        entry.code: UnitEdit(entry.mue, entry.mai) for entry in codes.every() if entry.mue is not None and entry.mai
    }
    told = {code: edit for code, edit in rows.units.items() if codes.find(code, on) is not None}
    assert len(told) > 80
    assert {code: shipped.get(code) for code in told} == told
