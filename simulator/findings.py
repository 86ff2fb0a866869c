"""What is wrong with an upload, in the shape a 999 reports it; and the envelope's own counting."""

from pydantic import BaseModel

from simulator.x12 import Interchange, Segment, element

GUIDE_837P = "005010X222A1"
GROUP_VERSION_NOT_SUPPORTED = "2"
GROUP_TRAILER_MISSING = "3"
GROUP_CONTROL_MISMATCH = "4"
GROUP_COUNT_MISMATCH = "5"
SET_NOT_SUPPORTED = "1"
SET_TRAILER_MISSING = "2"
SET_CONTROL_MISMATCH = "3"
SET_COUNT_MISMATCH = "4"
SET_HAS_SEGMENT_ERRORS = "5"


class ElementFinding(BaseModel):
    """An IK4."""

    position: str
    reference: str
    code: str
    value: str


class SegmentFinding(BaseModel):
    """An IK3 with its elements; `position` counts from the ST."""

    segment: str
    position: int
    loop: str = ""
    codes: list[str] = []
    elements: list[ElementFinding] = []


class SetReport(BaseModel):
    """One transaction set, ST to SE."""

    number: str
    control: str
    guide: str
    codes: list[str] = []
    segments: list[SegmentFinding] = []

    @property
    def accepted(self) -> bool:
        return not self.codes and not self.segments

    def add(self, code: str) -> None:
        if code not in self.codes:
            self.codes.append(code)


class GroupReport(BaseModel):
    """One functional group, GS to GE."""

    control: str
    kind: str
    version: str
    claimed: str = ""
    codes: list[str] = []
    sets: list[SetReport] = []

    @property
    def accepted(self) -> list[SetReport]:
        return [] if self.codes else [item for item in self.sets if item.accepted]


class FileReport(BaseModel):
    """All groups of one upload."""

    groups: list[GroupReport] = []


def check_envelope(interchange: Interchange) -> FileReport:
    """Counts and control numbers of groups and sets: what any mail room checks before reading a letter."""
    report = FileReport()
    start = 0
    for index, segment in enumerate(interchange.segments):
        if segment[0] == "GS":
            report.groups.append(_open_group(segment))
        elif segment[0] == "ST" and report.groups:
            start = index
            report.groups[-1].sets.append(_open_set(segment))
        elif segment[0] == "SE" and report.groups and report.groups[-1].sets:
            _close_set(report.groups[-1].sets[-1], segment, index - start + 1)
        elif segment[0] == "GE" and report.groups:
            _close_group(report.groups[-1], segment)
    for group in report.groups:
        _missing_trailers(group)
    return report


def _open_group(segment: Segment) -> GroupReport:
    group = GroupReport(control=element(segment, 6), kind=element(segment, 1), version=element(segment, 8))
    if group.kind != "HC" or group.version != GUIDE_837P:
        group.codes.append(GROUP_VERSION_NOT_SUPPORTED)
    return group


def _open_set(segment: Segment) -> SetReport:
    item = SetReport(number=element(segment, 1), control=element(segment, 2), guide=element(segment, 3))
    item.codes.append(SET_TRAILER_MISSING)  # taken back when the SE comes
    if item.number != "837":
        item.codes.append(SET_NOT_SUPPORTED)
    return item


def _close_set(item: SetReport, segment: Segment, counted: int) -> None:
    item.codes = [code for code in item.codes if code != SET_TRAILER_MISSING]
    if element(segment, 2) != item.control:
        item.add(SET_CONTROL_MISMATCH)
    if element(segment, 1) != str(counted):
        item.add(SET_COUNT_MISMATCH)


def _close_group(group: GroupReport, segment: Segment) -> None:
    group.claimed = element(segment, 1) or "0"
    if element(segment, 2) != group.control:
        group.codes.append(GROUP_CONTROL_MISMATCH)
    if group.claimed != str(len(group.sets)):
        group.codes.append(GROUP_COUNT_MISMATCH)


def _missing_trailers(group: GroupReport) -> None:
    if not group.claimed:
        group.claimed = str(len(group.sets))
        group.codes.append(GROUP_TRAILER_MISSING)
