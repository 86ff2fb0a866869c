"""Encounters at random, with all that a visit may have: every claim of theirs may leave."""

from benchmarks.legal_encounters import claims, refused
from edi.x837p import Batch837, read_837p, write_837p
from tests.edi.examples import BATCH

COUNT = 40


def test_random_legal_encounters_are_accepted_by_pyx12_and_by_our_checks() -> None:
    made = list(claims(COUNT, seed=2))
    assert len(made) >= COUNT
    assert {claim.subscriber.payer_responsibility for claim in made} == {"P", "S"}
    assert refused(made, 1) == []


def test_what_a_visit_becomes_is_read_back_as_it_was_written() -> None:
    made = tuple(claims(COUNT, seed=3))
    batch = Batch837(**{name: getattr(BATCH, name) for name in BATCH.__dataclass_fields__} | {"claims": made})
    [again] = read_837p(write_837p(batch))
    assert read_837p(write_837p(again)) == [again], "what was cleaned once stays as it is"
    assert [claim.unread for claim in again.claims] == [()] * len(made)
    assert [claim.other_payers for claim in again.claims if claim.other_payers]
