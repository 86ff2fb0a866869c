"""The 835, the remittance: records, reader and balance under one name."""

from edi.values import Adjustment
from edi.x835_balance import balance, balance_claim, balance_transaction
from edi.x835_claim import claim_of_segments
from edi.x835_reader import read_835, stream_835_claims
from edi.x835_records import REVERSAL, ProviderAdjustment, Remittance, RemittanceClaim, RemittanceLine

__all__ = [
    "REVERSAL",
    "Adjustment",
    "ProviderAdjustment",
    "Remittance",
    "RemittanceClaim",
    "RemittanceLine",
    "balance",
    "balance_claim",
    "balance_transaction",
    "claim_of_segments",
    "read_835",
    "stream_835_claims",
]
