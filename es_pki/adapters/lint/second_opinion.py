"""The second opinion: pkilint, asked through workers, beside the own rules.

Blocking   Of every authority's certificate, and of those of strict profiles, before anything is appended.
Beside     Of others, the first of each shape is judged in the background; an error is logged. Nobody waits.
On demand  Of any certificate, with the own rules.

A shape is what certificates of one kind have in common: profile, algorithms, extensions with their criticality, kinds
of names. No verdict (a worker that failed or took too long) counts as an error: nothing was judged.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

from msgspec import Struct

from es_pki.adapters.lint.certificate import Certificate, read_to_be_signed
from es_pki.adapters.lint.finding import Finding, Linter, Severity
from es_pki.adapters.lint.own import refuse
from es_pki.adapters.worker import Work, Workers, WorkFailed, WorkUnbounded
from es_pki.adapters.x509.assemble import assemble
from es_pki.commands.certificate import IssueCertificate, SelfSignCertificate, SignCSR
from es_pki.commands.renewal import ReissueCertificate, RenewCertificate
from es_pki.events import codec
from es_pki.events.authority import AuthorityPrepared
from es_pki.events.certificate import CertificatePrepared
from es_pki.events.ocsp_responder import OCSPResponderPrepared
from es_pki.values.profile import LintLevel

LOG = logging.getLogger("es_pki.lint")

SHAPES = 1024
"""Verdicts that are kept, at most."""

WAITING = 64
"""Certificates that wait for their shape's verdict, at most; of what comes then, a later one is judged."""

SECONDS = 20.0
"""A worker's deadline. Starting one takes half a second, a certificate a few milliseconds."""

NO_SIGNATURE = b"\0"
"""Stands for the signature that isn't made yet; pkilint doesn't look at it."""

A = TypeVar("A")

Shape = tuple[object, ...]


class Judged(Struct, frozen=True):
    """A certificate to be judged by all linters, and its issuer's, if that is known; both in DER."""

    certificate: bytes
    issuer_certificate: bytes | None


PKILINT: Work[bytes, tuple[Finding, ...]] = Work(
    "es_pki.adapters.lint.pkilint_work:judge", bytes, tuple[Finding, ...], SECONDS
)
ALL: Work[Judged, tuple[Finding, ...]] = Work(
    "es_pki.adapters.lint.pkilint_work:judge_by_all", Judged, tuple[Finding, ...], SECONDS
)


class SecondOpinion:
    """Belongs to one event loop; judges in the background while `run` runs."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._verdicts: OrderedDict[Shape, tuple[Finding, ...] | None] = OrderedDict()
        self._waiting: asyncio.Queue[tuple[Shape, bytes]] = asyncio.Queue(WAITING)

    async def examine(self, command: object, events: Sequence[codec.Event]) -> None:
        """Judge the certificates that are about to be prepared. Raises `LintFailed` for those that must be sound."""
        for event in events:
            if isinstance(event, AuthorityPrepared):
                await self._require_sound(event.to_be_signed)
            elif isinstance(event, CertificatePrepared):
                certificate = read_to_be_signed(event.to_be_signed, None)
                if certificate.is_authority or is_strict(command):
                    await self._require_sound(event.to_be_signed)
                else:
                    self._judge_beside(
                        shape_of(certificate, f"{event.profile} {event.profile_version}"), event.to_be_signed
                    )
            elif isinstance(event, OCSPResponderPrepared):
                certificate = read_to_be_signed(event.to_be_signed, None)
                self._judge_beside(shape_of(certificate, "OCSP responder"), event.to_be_signed)

    async def of(self, certificate: bytes, issuer_certificate: bytes | None) -> tuple[Finding, ...]:
        """Return what all linters find in a certificate."""
        return await self._asked(ALL, Judged(certificate, issuer_certificate))

    def verdict(self, shape: Shape) -> tuple[Finding, ...] | None:
        """Return what pkilint finds in certificates of a shape, None while that isn't known."""
        return self._verdicts.get(shape)

    async def run(self) -> None:
        """Judge what waits, until cancelled."""
        while True:
            shape, to_be_signed = await self._waiting.get()
            found = await self._judged(to_be_signed)
            self._verdicts[shape] = found
            errors = [finding for finding in found if finding.severity is Severity.ERROR]
            if errors:
                told = {"profile": shape[0], "rules": [f"{error.rule}: {error.detail}" for error in errors]}
                LOG.error("pkilint finds errors in what was issued", extra={"fields": told})

    def _judge_beside(self, shape: Shape, to_be_signed: bytes) -> None:
        if shape in self._verdicts:
            return
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait((shape, to_be_signed))
            self._verdicts[shape] = None
            if len(self._verdicts) > SHAPES:
                self._verdicts.popitem(last=False)

    async def _require_sound(self, to_be_signed: bytes) -> None:
        errors = [each for each in await self._judged(to_be_signed) if each.severity is Severity.ERROR]
        if errors:
            refuse(errors)

    async def _judged(self, to_be_signed: bytes) -> tuple[Finding, ...]:
        return await self._asked(PKILINT, assemble(to_be_signed, NO_SIGNATURE))

    async def _asked(self, work: Work[A, tuple[Finding, ...]], argument: A) -> tuple[Finding, ...]:
        try:
            return await self._workers.do(work, argument)
        except (WorkFailed, WorkUnbounded, OSError) as failure:
            LOG.warning("pkilint gave no verdict", extra={"fields": {"reason": str(failure)}})
            detail = (
                "no worker came to a verdict in time: send the request again, and see the log lines if that is no help"
            )
            return (Finding(Severity.ERROR, Linter.PKILINT, "no_verdict", "", detail),)


def is_strict(command: object) -> bool:
    """Tell whether the profile of what is asked for wants pkilint to be content before anything is signed."""
    match command:
        case IssueCertificate(wanted=wanted) | SignCSR(wanted=wanted) | SelfSignCertificate(wanted=wanted):
            return wanted.profile.terms.lint is LintLevel.STRICT
        case RenewCertificate(further=further) | ReissueCertificate(further=further):
            return further.profile.terms.lint is LintLevel.STRICT
        case _:
            return False


def shape_of(certificate: Certificate, profile: str) -> Shape:
    """Return what a certificate has in common with others of its kind; `profile` names it and its version."""
    key = certificate.key
    return (
        profile,
        certificate.signature,
        (key.algorithm, len(key.octets)),
        tuple((attribute.type, attribute.tag) for rdn in certificate.attributes for attribute in rdn),
        tuple((extension.oid, extension.critical) for extension in certificate.extensions),
        frozenset(tag for tag, _ in certificate.subject_alt_names or ()),
        (certificate.key_usages, certificate.extended_key_usages),
    )
