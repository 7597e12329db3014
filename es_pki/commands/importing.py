"""Certificates that were made elsewhere: a new lineage's first version, or the next one of a lineage that is here.

What it says is taken as it is: others made it, and no rule of today would change it. Only what it means here is judged.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from es_pki.commands.built_in import BUILT_IN, INTERMEDIATE
from es_pki.commands.lineage import State, check_is_signed, check_is_there
from es_pki.commands.names import own_name_violations
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.commands.versions import Version
from es_pki.decider import Kind, Refused, RequestReused, Violation
from es_pki.events.certificate import CertificateEvent, CertificateImported, CertificateKeyImported, CertificatePrepared
from es_pki.values import (
    ExtendedKeyUsage,
    SubjectAltNames,
)
from es_pki.values.foreign import ForeignSubject, KeyKind


class Foreign(Struct, frozen=True):
    """A certificate as it was read; the fields are those of CertificateImported."""

    certificate: bytes
    chain: tuple[bytes, ...]
    subject: ForeignSubject
    issuer: ForeignSubject
    subject_alt_names: SubjectAltNames
    other_names: tuple[str, ...]
    key: KeyKind
    public_key_hash: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    profile: str
    is_self_signed: bool
    is_authority: bool


class ImportCertificate(Struct, frozen=True):
    """Keep a certificate from elsewhere. `issuer_id` is the authority's here that signed it, `key_id` its key's here.

    `request_id` is the id of the request; a new lineage's own id.
    """

    name: str
    foreign: Foreign
    issuer_id: str | None
    key_id: str | None
    request_id: str
    request_digest: bytes


class AlreadyManaged(Refused):
    """This very certificate is here already, under another name, or was deleted. Use what is there."""

    kind = Kind.CLASHING


class KeyLeftOut(Refused):
    """The certificate's other versions have their private key here. Send this one's, too, or choose another name."""

    kind = Kind.CLASHING


class VersionOutdated(Refused):
    """The certificate ends before the current version does. Import it by another name, if it is still needed."""

    kind = Kind.CLASHING


def profile_of(purposes: tuple[ExtendedKeyUsage, ...] | None, *, is_authority: bool) -> str:
    """Return the built-in profile whose certificates have exactly these purposes (None: any), "" if there is none."""
    if is_authority:
        return INTERMEDIATE.name
    wanted = set(purposes or ())
    same = (name for name, each in BUILT_IN.items() if wanted and set(each.terms.extended_key_usages) == wanted)
    return next(same, "")


def bring_in(command: ImportCertificate, state: State) -> list[CertificateEvent]:
    """Decide whether the certificate becomes a version; of one that it is already only the private key may be new."""
    known = known_version(state, command.foreign.certificate)
    if known is not None:
        check_is_there(state)
        return _key_brought_in(command, known, state)
    if state.newest is None:
        RulesBroken.if_any(own_name_violations(command.name))
        return [imported(command, 1, command.key_id)]
    if command.name not in {state.name, *state.aliases}:
        raise RequestReused("this Idempotency-Key was used for another certificate")
    check_is_there(state)
    check_is_signed(state)
    _check_goes_on(command, state)
    return [imported(command, max(state.versions) + 1, _kept_key(command, state))]


def known_version(state: State, certificate: bytes) -> Version | None:
    """Return the version that is this very certificate, however it came."""
    return next((version for version in state.versions.values() if version.certificate == certificate), None)


def kept_key_id(state: State, public_key_hash: str) -> str | None:
    """Return the id of a key that is kept for one of the versions, None if it isn't."""
    same = (v.prepared for v in state.versions.values() if v.prepared.public_key_hash == public_key_hash)
    return next((prepared.key_id for prepared in same if prepared.key_id is not None), None)


def _kept_key(command: ImportCertificate, state: State) -> str | None:
    return kept_key_id(state, command.foreign.public_key_hash) or command.key_id


def _key_brought_in(command: ImportCertificate, known: Version, state: State) -> list[CertificateEvent]:
    """Decide on the private key of a certificate that is here: it is that of each version that has its public key."""
    if command.key_id is None or known.prepared.key_id is not None:
        return []
    of_key = command.foreign.public_key_hash
    key_id = kept_key_id(state, of_key) or command.key_id
    waiting = [version for version in state.versions.values() if _waits_for(of_key, version) or version is known]
    RulesBroken.if_any(violation for version in waiting for violation in _key_violations(version.prepared))
    return [CertificateKeyImported(version.prepared.version, key_id, of_key) for version in waiting]


def _waits_for(of_key: str, version: Version) -> bool:
    prepared = version.prepared
    return version.certificate is not None and prepared.key_id is None and prepared.public_key_hash == of_key


def _key_violations(prepared: CertificatePrepared | CertificateImported) -> Iterator[Violation]:
    """Let no certificate that was made here be an authority's with its key, as `authorities_of_our_own_are_created`."""
    if isinstance(prepared, CertificatePrepared) and prepared.is_authority:
        detail = "it is another's authority, whose key stays with it: use CreateAuthority for one of your own"
        yield Violation("private_key", "authorities are created", detail)


def _check_goes_on(command: ImportCertificate, state: State) -> None:
    """Require that the certificate replaces the current version: for the same names, for longer, with its key."""
    current, foreign = state.model, command.foreign
    if current is None:
        return
    before = current.prepared
    if not _shares_a_name(foreign, current):
        raise taken("name", command.name, "certificate")
    if foreign.not_after < before.not_after:
        detail = f"version {before.version} holds until {before.not_after:%F %T}Z"
        raise VersionOutdated(detail, Violation("certificate", "RFC 5280 section 4.1.2.5", detail))
    if before.key_id is not None and _kept_key(command, state) is None:
        detail = "the private keys of the versions before are here: whoever uses the certificate gets them from here"
        raise KeyLeftOut(detail, Violation("private_key", "a key stays where it is", detail))


def _shares_a_name(foreign: Foreign, current: Version) -> bool:
    """Tell whether it names something that the current version names: a host, an address, or the subject itself."""
    before, now = current.prepared.subject_alt_names, foreign.subject_alt_names
    ours = {*before.dns_names, *before.ip_addresses, *before.email_addresses, *before.uris}
    theirs = {*now.dns_names, *now.ip_addresses, *now.email_addresses, *now.uris}
    pairs = [(a.type, a.value) for a in current.prepared.subject]
    return bool(ours & theirs) or (bool(pairs) and pairs == [(a.type, a.value) for a in foreign.subject])


def imported(command: ImportCertificate, number: int, key_id: str | None, *, order_id: str = "") -> CertificateImported:
    """Return the version of this number."""
    foreign = command.foreign
    return CertificateImported(
        version=number,
        name=command.name,
        issuer_id=command.issuer_id,
        profile=foreign.profile,
        subject=foreign.subject,
        issuer=foreign.issuer,
        subject_alt_names=foreign.subject_alt_names,
        other_names=foreign.other_names,
        key=foreign.key,
        key_id=key_id,
        public_key_hash=foreign.public_key_hash,
        serial_number=foreign.serial_number,
        not_before=foreign.not_before,
        not_after=foreign.not_after,
        certificate=foreign.certificate,
        chain=foreign.chain,
        is_self_signed=foreign.is_self_signed,
        is_authority=foreign.is_authority,
        request_digest=command.request_digest,
        request_id=command.request_id,
        order_id=order_id,
    )
