"""Small remittances (835) to order, in balance unless asked otherwise."""

from collections.abc import Sequence
from decimal import Decimal

ISA = "ISA*00*          *00*          *ZZ*PAYERID        *ZZ*CEDARPT        *{day}*0900*^*00501*{control:09d}*0*T*:~"


def remittance(
    claims: Sequence[tuple[str, str]],
    *,
    trace: str = "EFT1",
    control: int = 1,
    off_by: str = "0",
    day: str = "20261120",
) -> bytes:
    """A payment for claims, each (our number, dollars): billed and paid in full. off_by is added to the total."""
    total = sum((Decimal(paid) for _, paid in claims), Decimal(off_by))
    body = [
        f"BPR*I*{total}*C*ACH*CCP*01*999999992*DA*123456*1512345678**01*999988880*DA*98765*{day}",
        f"TRN*1*{trace}*1512345678",
        f"DTM*405*{day}",
        "N1*PR*EXAMPLE HEALTH PLAN",
        "REF*2U*60054",
        "N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893",
        "LX*1",
    ]
    for number, paid in claims:
        body += [f"CLP*{number}*1*{paid}*{paid}**12*ICN{number}*11*1", "NM1*QC*1*DOE*JANE", "DTM*232*20261101"]
        body += [f"SVC*HC:97110:GP*{paid}*{paid}**1", "DTM*472*20261101"]
    return envelope("HP", "835", "005010X221A1", body, control, day)


def envelope(group: str, transaction: str, version: str, body: Sequence[str], control: int, day: str) -> bytes:
    """One transaction in one group in one interchange."""
    segments = [f"ST*{transaction}*0001", *body, f"SE*{len(body) + 2}*0001"]
    text = "~".join(segments)
    head = ISA.format(day=day[2:], control=control) + f"GS*{group}*PAYERID*CEDARPT*{day}*0900*{control}*X*{version}~"
    return f"{head}{text}~GE*1*{control}~IEA*1*{control:09d}~".encode()
