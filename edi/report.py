"""What an 835 file says, in one dictionary for machines and one page for people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from edi.findings import ERROR, Problem
from edi.identify import UNKNOWN, identify
from edi.tokens import UnreadableFile
from edi.values import CENT, ZERO
from edi.x835 import Remittance, balance_claim, balance_transaction, stream_835_claims

MAX_REPORT_PROBLEMS = 200
"""Problems named per transaction; the rest is counted."""
UNKNOWN_MONEY = frozenset({"AMOUNT", "NO_BPR", "TOO_LONG", "MISSING_SE"})
"""Problems after which nobody can say that a payment balances, whatever the readable amounts add up to."""


def era_report(name: str, data: bytes) -> dict[str, Any]:
    """The transactions of an 835 file: payer, payment, counts, whether each balances, and every problem in words.

    Shape: `{"file", "transactions": [{"payer", "trace", "payment", "method", "date", "claims", "service_lines",
    "balanced", "problems"}], "error"}`. Money is text with two decimals, dates are ISO; `error` is None or a sentence.
    """
    transactions: list[dict[str, Any]] = []
    report: dict[str, Any] = {"file": name, "transactions": transactions, "error": None}
    problems: list[Problem] = []
    try:
        for remittance, claim in stream_835_claims(data):
            if claim is not None:
                problems += balance_claim(claim)
                continue
            problems += balance_transaction(remittance)
            transactions.append(_entry(remittance, problems))
            problems = []
    except UnreadableFile as unreadable:
        report["error"] = str(unreadable)
        return report
    if not transactions:
        report["error"] = _no_835(data)
    return report


def unread(name: str, reason: str) -> dict[str, Any]:
    """The report of a file that could not be opened; `reason` is a sentence."""
    return {"file": name, "transactions": [], "error": reason}


def _no_835(data: bytes) -> str:
    kind = identify(data)
    what = "no transaction we know" if kind == UNKNOWN else f"a {kind}"
    return f"This file holds {what}, not an 835."


def _entry(remittance: Remittance, balancing: list[Problem]) -> dict[str, Any]:
    sentences = [str(problem) for problem in (*balancing, *remittance.problems)]
    if len(sentences) > MAX_REPORT_PROBLEMS:
        rest = len(sentences) - MAX_REPORT_PROBLEMS
        sentences = [*sentences[:MAX_REPORT_PROBLEMS], f"... and {rest} more problems."]
    return {
        "payer": remittance.payer_name or remittance.payer_id,
        "trace": remittance.trace_number,
        "payment": money(remittance.payment_amount),
        "method": remittance.payment_method,
        "date": remittance.payment_date.isoformat() if remittance.payment_date else None,
        "claims": remittance.claim_count,
        "service_lines": remittance.line_count,
        "balanced": not any(problem.severity == ERROR for problem in balancing)
        and not any(_hides_money(problem) for problem in remittance.problems),
        "problems": sentences,
    }


def _hides_money(problem: Problem) -> bool:
    """Whether an amount, or the end of the payment, was not there to be read."""
    return problem.code in UNKNOWN_MONEY or (problem.code == "TRUNCATED" and problem.segment == "SE")


def money(amount: Decimal) -> str:
    """Dollars with two decimals (more when the sender sent more)."""
    two = amount.quantize(CENT) if abs(amount) < 10**15 else amount
    return f"{two if two == amount else amount:f}"


def render_era(report: dict[str, Any]) -> str:
    """The report as text for a person: one paragraph per payment."""
    lines = [str(report["file"])]
    if report["error"]:
        lines.append(f"  not read: {report['error']}")
    for entry in report["transactions"]:
        verdict = "balances" if entry["balanced"] else "DOES NOT BALANCE"
        lines.append(
            f"  {entry['payer'] or '(no payer name)'}  {entry['method'] or '?'} {entry['trace'] or '(no trace number)'}"
            f"  {entry['date'] or '(no date)'}  ${entry['payment']}"
        )
        lines.append(f"    {entry['claims']} claims, {entry['service_lines']} service lines: {verdict}")
        lines += [f"    - {problem}" for problem in entry["problems"]]
    paid = sum((Decimal(entry["payment"]) for entry in report["transactions"]), ZERO)
    if len(report["transactions"]) > 1:
        lines.append(f"  {len(report['transactions'])} payments, ${money(paid)} together")
    return "\n".join(lines) + "\n"
