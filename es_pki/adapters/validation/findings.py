"""What a validation finds, as data: each finding names its rule, the rule's source, and what to do about it.

A rule is a small function that looks at one thing and returns what is wrong with it, or None. Its name is the rule's
name, and its docstring the manual: the section that it comes from, a colon, what must hold; then, as the last
paragraph, what to do when it doesn't.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

Subject = TypeVar("Subject")

LONGEST_NAME = 200
"""Characters of a distinguished name that a finding repeats."""


class Severity(StrEnum):
    """`error`: the path is not valid. `warning`: it is, and somebody should look at it. `notice`: it may stay so."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"

    @property
    def is_error(self) -> bool:
        """Tell whether it makes a path invalid."""
        return self is Severity.ERROR


class Finding(Struct, frozen=True):
    """What is wrong with a certificate of a path, or with the path as a whole.

    `certificate` counts from the certificate that was asked about, which is 0; None: the path, or what was sent.
    `subject` is that certificate's distinguished name (RFC 4514), or first name, cut to `LONGEST_NAME`.
    """

    severity: Severity
    rule: str
    source: str
    message: str
    remedy: str
    certificate: int | None = None
    subject: str | None = None

    @property
    def is_error(self) -> bool:
        """Tell whether the path is not valid because of it."""
        return self.severity.is_error


class Rule(Generic[Subject]):
    """A check of a `Subject` with its name, its source and the remedy, read from the check itself."""

    __slots__ = ("check", "name", "remedy", "requirement", "severity", "source")

    def __init__(self, check: Callable[[Subject], str | None], severity: Severity = Severity.ERROR) -> None:
        first, _, rest = (check.__doc__ or "").partition("\n")
        self.check = check
        self.severity = severity
        self.name = check.__name__.replace("_", "-")
        self.source, _, self.requirement = first.partition(": ")
        self.remedy = " ".join(rest.strip().rpartition("\n\n")[2].split())

    def finding(self, message: str, certificate: int | None = None, subject: str | None = None) -> Finding:
        """Return that the rule is broken."""
        return Finding(self.severity, self.name, self.source, message, self.remedy, certificate, subject)


def rules(*checks: Callable[[Subject], str | None]) -> tuple[Rule[Subject], ...]:
    """Return the rules of these checks; a path that breaks one of them is not valid."""
    return tuple(Rule(check) for check in checks)


def advice(*checks: Callable[[Subject], str | None]) -> tuple[Rule[Subject], ...]:
    """Return the rules of these checks; a path that breaks one of them is valid all the same."""
    return tuple(Rule(check, Severity.WARNING) for check in checks)


def broken(about: Iterable[Rule[Subject]], subject: Subject) -> Iterator[tuple[Rule[Subject], str]]:
    """Yield the rules that don't hold, each with what is wrong."""
    for rule in about:
        message = rule.check(subject)
        if message is not None:
            yield rule, message
