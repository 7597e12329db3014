"""What can go wrong with a directory. Whoever catches `DirectoryFailed` has all of it, with the problem kept whole."""

from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from es_pki.values.acme import ACMEProblem

LONGEST_DOCUMENT = 16 * 1024
"""Octets of a problem document that are kept: one for each of a hundred names fits."""

LONGEST_DETAIL = 500

RFC_8555 = "urn:ietf:params:acme:error:"


class Trouble(StrEnum):
    """Problems that no directory reports: there is none to talk to, or what it says is no ACME."""

    UNREACHABLE = "urn:es-pki:acme:unreachable"
    UNTRUSTED = "urn:es-pki:acme:untrusted"
    SLOW = "urn:es-pki:acme:slow"
    MALFORMED = "urn:es-pki:acme:malformed-answer"
    FAILING = "urn:es-pki:acme:failing"
    NOT_VISIBLE = "urn:es-pki:acme:not-visible"
    NO_CHALLENGE = "urn:es-pki:acme:no-challenge"
    NO_REVOCATION = "urn:es-pki:acme:no-revocation"
    NOT_PUBLISHED = "urn:es-pki:acme:not-published"


class DirectoryFailed(Exception):
    """A request to a directory came to nothing.

    `is_final`: the same request will fail again; otherwise it may be tried at `retry_at` (None: whenever the caller's
    own back-off says). Its text names no key and no nonce.
    """

    def __init__(self, problem: ACMEProblem, *, is_final: bool, retry_at: datetime | None = None) -> None:
        super().__init__(f"{problem.type}: {problem.detail}")
        self.problem = problem
        self.is_final = is_final
        self.retry_at = retry_at


class Unreachable(DirectoryFailed):
    """There is no connection, no trust in whoever answers, or no answer in time."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(ACMEProblem(trouble, detail[:LONGEST_DETAIL]), is_final=False)


class AnswerMalformed(DirectoryFailed):
    """The answer is none that RFC 8555 knows: a captive portal, a broken proxy, or no ACME directory at all."""

    def __init__(self, detail: str) -> None:
        super().__init__(ACMEProblem(Trouble.MALFORMED, detail[:LONGEST_DETAIL]), is_final=False)


class ProblemReported(DirectoryFailed):
    """The directory answered with a problem document (RFC 8555 section 6.7)."""


class BadNonce(ProblemReported):
    """The nonce was not accepted; the same request is good with another one (RFC 8555 section 6.5)."""


class RateLimited(ProblemReported):
    """Too many requests of some kind (RFC 8555 section 6.6): to be sent again after `retry_at`, not before."""


class AlreadyReplaced(ProblemReported):
    """Another order replaces the certificate already, or this one may not (RFC 9773 section 5)."""


PASSING = frozenset({f"{RFC_8555}{name}" for name in ("badNonce", "rateLimited", "serverInternal", "orderNotReady")})
"""Types of problems that pass by themselves, whatever the status."""

CLASSES: dict[str, type[ProblemReported]] = {
    f"{RFC_8555}badNonce": BadNonce,
    f"{RFC_8555}rateLimited": RateLimited,
    f"{RFC_8555}alreadyReplaced": AlreadyReplaced,
}


class Document(Struct, frozen=True):
    """What is read of a problem document (RFC 9457 section 3.1); the rest of it is kept as it came."""

    type: str = "about:blank"
    detail: str = ""
    title: str = ""


def problem_of(document: bytes) -> ACMEProblem:
    """Return a problem document as it is kept. Raises `AnswerMalformed` for what is none."""
    try:
        found, text = msgspec.json.decode(document, type=Document), document.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise AnswerMalformed("an error came without a problem document") from None
    kept = text if len(document) <= LONGEST_DOCUMENT else ""
    return ACMEProblem(found.type, (found.detail or found.title)[:LONGEST_DETAIL], kept)


def reported(status: int, document: bytes, retry_at: datetime | None) -> DirectoryFailed:
    """Return the error of an answer that is none of success."""
    try:
        problem = problem_of(document)
    except AnswerMalformed:
        problem = ACMEProblem(Trouble.FAILING, f"the directory answered with status {status}")
        return DirectoryFailed(problem, is_final=False, retry_at=retry_at)
    is_final = status < 500 and status != 429 and problem.type not in PASSING
    return CLASSES.get(problem.type, ProblemReported)(problem, is_final=is_final, retry_at=retry_at)
