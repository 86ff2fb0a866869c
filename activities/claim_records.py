"""A claim version and its practice, as the 837P mapping (edi.filing) wants to see them."""

from edi import filing
from edi.x837p_records import Claim837
from models.store.book import Book
from models.tables.claims import ClaimVersionRow
from models.tables.practice import PracticeRow


def sender(practice: PracticeRow, book: Book) -> filing.Sender:
    """The practice with its book."""
    return filing.Sender(name=practice.name, profile=practice.profile, pages=book)


def claim_record(practice: PracticeRow, book: Book, version: ClaimVersionRow, rank: int) -> Claim837:
    """The claim as it goes out to the patient's plan of that rank, from the visit as it was billed."""
    return filing.claim_record(
        sender(practice, book),
        filing.Filing(
            patient_control_number=version.patient_control_number,
            charge=version.total_charge,
            facts=version.facts,
            coded=version.coded,
            frequency_code=version.frequency_code,
            prior_authorization_number=version.prior_authorization_number or "",
            original_reference=version.original_reference or "",
            rank=rank,
            prior_decisions=version.prior_decisions,
        ),
    )
