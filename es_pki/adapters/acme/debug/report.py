"""What a look at an order finds: findings in the order in which a person would look."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """How bad a finding is: `unknown` for what could not be looked at from here."""

    FINE = "fine"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Finding(Struct, frozen=True):
    """One thing that was looked at: what, how it is, and what to do about it ("" for nothing)."""

    what: str
    verdict: Verdict
    detail: str
    advice: str = ""


class Report(Struct, frozen=True):
    """All findings about an order; `verdict` is the worst of them."""

    order_id: str
    name: str
    verdict: Verdict
    findings: tuple[Finding, ...]


def report(order_id: str, name: str, findings: Iterable[Finding]) -> Report:
    """Put findings together."""
    found = tuple(findings)
    worst = next(
        (verdict for verdict in (Verdict.FAILED, Verdict.WARNING) if any(f.verdict is verdict for f in found)),
        Verdict.FINE,
    )
    return Report(order_id, name, worst, found)


def fine(what: str, detail: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(what, Verdict.FINE, detail)


def warning(what: str, detail: str, advice: str) -> Finding:
    """Return that something may be the trouble."""
    return Finding(what, Verdict.WARNING, detail, advice)


def failed(what: str, detail: str, advice: str) -> Finding:
    """Return that something is the trouble."""
    return Finding(what, Verdict.FAILED, detail, advice)


def unknown(what: str, detail: str, advice: str = "") -> Finding:
    """Return that something could not be looked at."""
    return Finding(what, Verdict.UNKNOWN, detail, advice)
