"""A validation as work for a worker: what is asked and answered as plain data, in bytes and texts."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import TypeVar

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
from msgspec import Struct

from es_pki.adapters.validation.certificate import UNREADABLE, Parsed, Unreadable
from es_pki.adapters.validation.crl import ParsedCRL
from es_pki.adapters.validation.evidence import Evidence
from es_pki.adapters.validation.findings import Finding
from es_pki.adapters.validation.linted import linted
from es_pki.adapters.validation.ocsp import ParsedResponse
from es_pki.adapters.validation.question import Certificates, Purpose, Question, RevocationMode
from es_pki.adapters.validation.search import Trust
from es_pki.adapters.validation.validator import validate
from es_pki.adapters.worker import Work
from es_pki.adapters.x509.formats import pem
from es_pki.commands.refusals import Malformed
from es_pki.values import serial_hex

Read = TypeVar("Read")


class Anchor(Struct, frozen=True):
    """A trust anchor's DER certificate; `issued_until`: it is one only for certificates that were valid by then."""

    certificate: bytes
    issued_until: datetime | None = None


class Fetched(Struct, frozen=True):
    """What was fetched, as it came: DER if it is what it is said to be, else it counts for nothing."""

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    responses: tuple[bytes, ...] = ()


class Case(Struct, frozen=True, kw_only=True):
    """What is asked. Everything is DER; `certificates` begins with the one that is asked about, `ip` is an address."""

    certificates: tuple[bytes, ...]
    anchors: tuple[Anchor, ...]
    crls: tuple[bytes, ...] = ()
    responses: tuple[bytes, ...] = ()
    time: datetime
    purpose: Purpose = Purpose.ANY
    host: str | None = None
    ip: str | None = None
    mailbox: str | None = None
    revocation: RevocationMode = RevocationMode.NONE
    fetched: Fetched = Fetched()


class Step(Struct, frozen=True):
    """A certificate of the path; names as in RFC 4514, the serial number in hex, the fingerprint SHA-256 in hex."""

    subject: str
    issuer: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    certificate_pem: str


class Validation(Struct, frozen=True):
    """The answer: whether the certificate is valid, the path that was chosen, and what was found.

    `path` begins with the certificate that was asked about; it ends with a trust anchor if one was reached. `time` is
    the one that was asked about, `policies` are the object identifiers of the certificate policies that hold.
    """

    is_valid: bool
    time: datetime
    path: tuple[Step, ...]
    findings: tuple[Finding, ...]
    policies: tuple[str, ...]


def judged(case: Case) -> Validation:
    """Return the answer. Raises `Malformed`, naming what can't be read."""
    certificates = [_read(Parsed, der, f"certificates[{i}]") for i, der in enumerate(case.certificates)]
    target = certificates[0]
    certificates += _readable(Parsed, [der for each in case.fetched.certificates for der in _unwrapped(each)])
    anchors = [_read(Parsed, each.certificate, "trust_anchors") for each in case.anchors if _trusts(each, target)]
    evidence = Evidence(
        [
            *(_read(ParsedCRL, der, f"crls[{i}]") for i, der in enumerate(case.crls)),
            *_readable(ParsedCRL, case.fetched.crls),
        ],
        [
            *(_read(ParsedResponse, der, f"ocsp_responses[{i}]") for i, der in enumerate(case.responses)),
            *_readable(ParsedResponse, case.fetched.responses),
        ],
    )
    question = Question(
        time=case.time,
        purpose=case.purpose,
        host=case.host,
        ip=ip_address(case.ip) if case.ip is not None else None,
        mailbox=case.mailbox,
        revocation=case.revocation,
    )
    trust = Trust(Certificates(anchors), Certificates(certificates), evidence)
    verdict = validate(target, trust, question)
    is_anchored = verdict.path[-1] in trust.anchors
    return Validation(
        verdict.is_valid,
        case.time,
        tuple(map(_step, verdict.path)),
        (*verdict.findings, *linted(verdict.path, is_anchored=is_anchored)),
        tuple(sorted(verdict.policies)),
    )


JUDGE = Work(f"{__name__}:{judged.__name__}", Case, Validation, seconds=5.0)


def _trusts(anchor: Anchor, target: Parsed) -> bool:
    return anchor.issued_until is None or target.not_before <= anchor.issued_until


def _read(kind: Callable[[bytes], Read], der: bytes, field: str) -> Read:
    try:
        return kind(der)
    except Unreadable as unreadable:
        raise Malformed.at(field, "RFC 5280 and RFC 6960", str(unreadable)) from None


def _readable(kind: Callable[[bytes], Read], ders: Iterable[bytes]) -> Iterator[Read]:
    """Yield what can be read of what was fetched."""
    for der in ders:
        with contextlib.suppress(Unreadable):
            yield kind(der)


def _unwrapped(content: bytes) -> Sequence[bytes]:
    """Return the certificates of a certs-only CMS message (RFC 5280 section 4.2.2.1), anything else as it is."""
    try:
        return [each.public_bytes(Encoding.DER) for each in load_der_pkcs7_certificates(content)]
    except UNREADABLE:
        return [content]


def _step(certificate: Parsed) -> Step:
    return Step(
        certificate.text,
        certificate.certificate.issuer.rfc4514_string(),
        serial_hex(certificate.serial_number),
        certificate.not_before,
        certificate.not_after,
        certificate.fingerprint,
        pem(certificate.der),
    )
