"""The 837P (005010X222A1), the professional claim: records, writer, reader, checks and crosswalk under one name."""

from edi.values import Adjustment
from edi.x837p_check import check_batch, check_claim
from edi.x837p_crosswalk import CROSSWALK, CrosswalkRow, render_crosswalk
from edi.x837p_reader import read_837p
from edi.x837p_records import (
    Address,
    Attachment,
    Batch837,
    Claim837,
    LineAdjudication,
    OtherPayer,
    Party,
    PatientRecord,
    Person,
    Provider,
    ServiceLine,
    Subscriber,
)
from edi.x837p_writer import GUIDE, MAX_DIAGNOSES, MAX_LINES, batch_reference, split_claim, write_837p

__all__ = [
    "CROSSWALK",
    "GUIDE",
    "MAX_DIAGNOSES",
    "MAX_LINES",
    "Address",
    "Adjustment",
    "Attachment",
    "Batch837",
    "Claim837",
    "CrosswalkRow",
    "LineAdjudication",
    "OtherPayer",
    "Party",
    "PatientRecord",
    "Person",
    "Provider",
    "ServiceLine",
    "Subscriber",
    "batch_reference",
    "check_batch",
    "check_claim",
    "read_837p",
    "render_crosswalk",
    "split_claim",
    "write_837p",
]
