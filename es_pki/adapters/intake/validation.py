"""What may be asked about anybody's certificate: read into a case for the validator, nothing of it is recorded."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import Moment
from es_pki.adapters.validation import Purpose, RevocationMode
from es_pki.adapters.validation.work import Anchor, Case
from es_pki.adapters.x509 import names
from es_pki.commands.refusals import Malformed

MOST_CERTIFICATES = 100
MOST_EVIDENCE = 20
"""How many certificates a chain may have with what is sent beside it, and how many CRLs and OCSP responses each."""

LONGEST_HOST = 253

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_PEM = r"-----BEGIN (?:X509 )?{label}-----([A-Za-z0-9+/=\s]+)-----END (?:X509 )?{label}-----"


class Validate(Struct, frozen=True, forbid_unknown_fields=True):
    """Ask whether a certificate holds: for whom, for what, when, and by whose trust.

    `certificates`: PEM, the one that is asked about first, then others that may help. Trusted are `trust_anchors`
    (PEM), or a `trust_store`, or without either our own roots. `host` is a DNS name or an IP address; `ip`, and
    `email` for a mailbox, are asked about too if they are given. `time`: now without it. `revocation`: `none`, `soft`
    (what is not known is a warning) or `hard`. `crls`: PEM or base64 of DER each; `ocsp_responses`: base64 of DER.
    `fetch`: what is lacking is fetched from where the certificates point at.
    """

    certificates: str
    trust_anchors: str | None = None
    trust_store: str | None = None
    purpose: Purpose = Purpose.ANY
    host: str | None = None
    ip: str | None = None
    email: str | None = None
    time: Moment | None = None
    revocation: RevocationMode = RevocationMode.NONE
    crls: tuple[str, ...] = ()
    ocsp_responses: tuple[str, ...] = ()
    fetch: bool = False


class Known(Struct, frozen=True):
    """What es-pki itself brings along: whom it trusts, its own authorities' certificates and CRLs, all in DER."""

    anchors: tuple[Anchor, ...]
    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()


def case_of(asked: Validate, known: Known, now: datetime) -> Case:
    """Return the case. Raises `Malformed`, naming the field; never repeats what was sent."""
    certificates = ders(asked.certificates, "CERTIFICATE", "certificates", MOST_CERTIFICATES)
    host, ip = _host(asked.host)
    return Case(
        certificates=(*certificates, *known.certificates),
        anchors=anchors_of(asked) or known.anchors,
        crls=(*_each(asked.crls, "CRL", "crls"), *known.crls),
        responses=_each(asked.ocsp_responses, "OCSP RESPONSE", "ocsp_responses"),
        time=asked.time if asked.time is not None else now,
        purpose=asked.purpose,
        host=host,
        ip=ip if asked.ip is None else _with(names.ip_address, asked.ip, "ip"),
        mailbox=None if asked.email is None else _with(names.email_address, asked.email, "email"),
        revocation=asked.revocation,
    )


def anchors_of(asked: Validate) -> tuple[Anchor, ...]:
    """Return the trust anchors that were sent."""
    if asked.trust_anchors is None:
        return ()
    return tuple(map(Anchor, ders(asked.trust_anchors, "CERTIFICATE", "trust_anchors", MOST_CERTIFICATES)))


def ders(text: str, label: str, field: str, most: int) -> tuple[bytes, ...]:
    """Return what stands in PEM with any text around it, or a single one in base64 of DER. Raises `Malformed`."""
    bodies = re.findall(_PEM.format(label=label), text) if "-----BEGIN" in text else [text]
    if not 0 < len(bodies) <= most:
        raise Malformed.at(field, "bundles are bounded", f"1 to {most} in PEM, or one in base64 of DER")
    try:
        return tuple(base64.b64decode("".join(body.split()), validate=True) for body in bodies)
    except (binascii.Error, ValueError):
        raise Malformed.at(field, "RFC 7468", "send PEM, or base64 of DER") from None


def _each(texts: tuple[str, ...], label: str, field: str) -> tuple[bytes, ...]:
    if len(texts) > MOST_EVIDENCE:
        raise Malformed.at(field, "evidence is bounded", f"at most {MOST_EVIDENCE}")
    return tuple(ders(text, label, f"{field}[{index}]", 1)[0] for index, text in enumerate(texts))


def _host(host: str | None) -> tuple[str | None, str | None]:
    """Return a host as a DNS name, or as an IP address (RFC 9525 section 6.5)."""
    if host is None:
        return None, None
    try:
        return None, str(ipaddress.ip_address(host.strip("[] ")))
    except ValueError:
        name = _with(names.dns_name, host, "host")
    if not _HOST.fullmatch(name) or len(name) > LONGEST_HOST:
        raise Malformed.at("host", "RFC 1123 section 2.1", "a DNS name or an IP address, without a wildcard")
    return name, None


def _with(form: Callable[[str], str], text: str, field: str) -> str:
    try:
        return form(text)
    except ValueError as error:
        raise Malformed.at(field, "RFC 5280 section 4.2.1.6", str(error)) from None
