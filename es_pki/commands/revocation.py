"""How a version of a certificate stops holding (RFC 5280 section 3.3): revoked for ever, or held until released."""

from datetime import datetime

from msgspec import Struct

from es_pki.commands import acme_revocation
from es_pki.commands.lineage import State, VersionExpired, VersionMissing, check_is_signed, plan_ended
from es_pki.commands.reasons import RULE, already_revoked, check_is_the_same, violations
from es_pki.commands.refusals import RulesBroken
from es_pki.commands.versions import Version
from es_pki.decider import Guard, Kind, Refused, Violation
from es_pki.events.certificate import (
    CertificateEvent,
    CertificateHeld,
    CertificateReleased,
    CertificateRevoked,
    RevocationRequested,
)
from es_pki.values import CRLReason


class Which(Struct, frozen=True):
    """A version, by its number or by its serial number (hex); None and None: the current one."""

    version: int | None = None
    serial_number: str | None = None


class RevokeCertificate(Struct, frozen=True):
    """Let a version hold no more. `report` records with it that its key is compromised, where that is the reason.

    `unless_current`: refuse to do so to the version that whoever points at the lineage gets.
    """

    which: Which
    reason: CRLReason
    invalidity_date: datetime | None
    now: datetime
    report: Guard | None = None
    unless_current: bool = False


class HoldCertificate(Struct, frozen=True):
    """Let a version hold no more until it is released."""

    which: Which
    now: datetime


class ReleaseCertificate(Struct, frozen=True):
    """Let a version that is held hold again."""

    which: Which
    now: datetime


RevocationCommand = RevokeCertificate | HoldCertificate | ReleaseCertificate


class VersionServed(Refused):
    """The version is the current one: whoever points at the certificate gets it. Renew the certificate first."""

    kind = Kind.CLASHING


class IssuedElsewhere(Refused):
    """No authority here issued it, so none can revoke it. Ask its issuer; if it signs for itself, distrust it."""

    kind = Kind.CLASHING


def decide(command: RevocationCommand, state: State) -> list[CertificateEvent]:
    """Turn a command into events; also about a certificate that was deleted, whose versions hold as before."""
    version = chosen(state, command.which)
    match command:
        case RevokeCertificate():
            return _revoke(command, state, version)
        case HoldCertificate():
            return _hold(command, state, version)
        case ReleaseCertificate():
            return _release(command, version)


def chosen(state: State, which: Which) -> Version:
    """Return the issued version that is meant. Raises `VersionMissing` and `NotSignedYet`."""
    number = which.version if which.version is not None else state.current
    if which.serial_number is not None:
        serial_numbers = {n: version.prepared.serial_number for n, version in state.versions.items()}
        number = next((n for n, serial in serial_numbers.items() if serial == which.serial_number), 0)
        if which.version not in {None, number}:
            number = 0
    version = state.versions.get(number)
    if version is not None and version.certificate is not None:
        return version
    check_is_signed(state)
    field = "version" if which.serial_number is None else "serial_number"
    detail = f"the certificate {state.name} has no such issued version"
    raise VersionMissing(detail, Violation(field, "versions are counted from 1", detail))


def _revoke(command: RevokeCertificate, state: State, version: Version) -> list[CertificateEvent]:
    if version.revoked is not None:
        check_is_the_same(version.revoked, command.reason, command.invalidity_date)
        return []
    if command.unless_current:
        check_is_not_current(version, state)
    prepared, revoked_at = version.prepared, command.now.replace(microsecond=0)
    if not prepared.is_authority and command.reason is CRLReason.CA_COMPROMISE:
        RulesBroken.if_any([Violation("reason", RULE, "cACompromise is for the certificates of authorities")])
    RulesBroken.if_any(violations(command.reason, command.invalidity_date, prepared.not_before, revoked_at))
    check_is_not_over(version, command.now)
    if order_id := acme_revocation.order_of(version):
        facts = prepared.version, order_id, prepared.serial_number, revoked_at
        wish = RevocationRequested(*facts, command.reason, command.invalidity_date)
        return acme_revocation.request(version, wish)
    return [
        CertificateRevoked(
            version=prepared.version,
            name=state.name,
            issuer_id=issuer_id_of(version),
            serial_number=prepared.serial_number,
            not_after=prepared.not_after,
            revoked_at=version.held.held_at if version.held else revoked_at,
            reason=command.reason,
            invalidity_date=command.invalidity_date,
            crl_shard=version.crl_shard,
        ),
        *plan_ended(version),
    ]


def _hold(command: HoldCertificate, state: State, version: Version) -> list[CertificateEvent]:
    check_is_not_revoked(version)
    if version.held is not None:
        return []
    check_is_not_over(version, command.now)
    prepared = version.prepared
    return [
        CertificateHeld(
            version=prepared.version,
            name=state.name,
            issuer_id=issuer_id_of(version),
            serial_number=prepared.serial_number,
            not_after=prepared.not_after,
            held_at=command.now.replace(microsecond=0),
            crl_shard=version.crl_shard,
        )
    ]


def _release(command: ReleaseCertificate, version: Version) -> list[CertificateEvent]:
    check_is_not_revoked(version)
    if version.held is None:
        return []
    check_is_not_over(version, command.now)
    held = version.held
    return [CertificateReleased(held.version, held.issuer_id, held.serial_number, held.not_after, held.crl_shard)]


def check_is_not_current(version: Version, state: State) -> None:
    """Raise `VersionServed` for the current version."""
    if version.prepared.version == state.current:
        detail = f"version {state.current} is the current one of {state.name}"
        raise VersionServed(detail, Violation("version", "what is served is not superseded", detail))


def check_is_not_revoked(version: Version) -> None:
    """Raise `AlreadyRevoked`."""
    if version.revoked is not None:
        raise already_revoked(version.revoked, "certificate")


def check_is_not_over(version: Version, now: datetime) -> None:
    """Require a version whose end is still to come: nobody accepts others anyway, and no CRL lists them."""
    not_after = version.prepared.not_after
    if not_after < now:
        detail = f"version {version.prepared.version} held until {not_after:%F %T}Z"
        raise VersionExpired(detail, Violation("certificate", "RFC 5280 section 4.1.2.5", detail))


def issuer_id_of(version: Version) -> str:
    """Return the issuer's id. Raises `IssuedElsewhere`."""
    issuer_id = version.prepared.issuer_id
    if acme_revocation.order_of(version):
        detail = "it came from an ACME directory, which revokes for good or not at all"
        raise IssuedElsewhere(detail, Violation("certificate", "RFC 8555 section 7.6", detail))
    if issuer_id is None:
        detail = "it signs for itself: nobody stands above it who could revoke it"
        raise IssuedElsewhere(detail, Violation("certificate", "an issuer revokes what it issued", detail))
    return issuer_id
