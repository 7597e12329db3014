"""How a lineage goes on: its next version, with the same names or with others, judged by the rules of today."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from es_pki.commands.lineage import State, check_is_signed, check_is_there
from es_pki.commands.preparation import Wanted, completed, drafted, prepared, was_decided
from es_pki.commands.refusals import RulesBroken, SigningGivenUp
from es_pki.commands.rules import Draft
from es_pki.commands.supersession import due_at
from es_pki.commands.versions import Version
from es_pki.decider import Kind, Refused, RequestReused, Violation
from es_pki.events.certificate import CertificateEvent, CertificateImported, CertificatePrepared
from es_pki.values import Issuer, PublicKey, Subject, SubjectAltNames, Template
from es_pki.values.foreign import known_subject
from es_pki.values.profile import Profile


class Further(Struct, frozen=True):
    """What every way of asking for a lineage's next version has in common.

    `request_id` is the same for the same Idempotency-Key. `issuer` None: it signs for itself, as the versions before
    did. `key_id` None: the private key is not kept here. `profile` is that of the version before, as it is today.
    `revoke_previous_after_days`: when the version before is revoked as superseded, None for never.
    """

    certificate_id: str
    issuer: Issuer | None
    profile: Profile
    public_key: PublicKey
    key_id: str | None
    validity_days: int | None
    serial_number: int
    now: datetime
    request_id: str
    request_digest: bytes
    revoke_previous_after_days: int | None = None


class Names(Struct, frozen=True):
    """What a certificate or CSR names; a CSR tells no security identifier."""

    subject: Subject
    subject_alt_names: SubjectAltNames
    security_identifier: str = ""


class RenewCertificate(Struct, frozen=True):
    """Make the next version, named like the one before; `csr` is what the CSR of a new key names, if one was sent."""

    further: Further
    csr: Names | None = None


class ReissueCertificate(Struct, frozen=True):
    """Make the next version with other names."""

    further: Further
    names: Names


class KeyElsewhere(Refused):
    """The certificate's private key isn't kept here. Renew with a CSR or `reuse_key`, or import it with its key."""

    kind = Kind.CLASHING


class KeyHere(Refused):
    """The certificate's private key is kept here, and what uses it gets it from here. Sign the CSR by another name."""

    kind = Kind.CLASHING


class IssuedElsewhere(Refused):
    """Who issued the certificate isn't here. Import what it issues next, or issue a certificate by another name."""

    kind = Kind.CLASHING


def renew(
    command: RenewCertificate, state: State, before: Version, encode: Callable[[Template], bytes]
) -> list[CertificateEvent]:
    """Decide on the version after `before`, with its names."""
    if _was_asked_for(command.further, state, before):
        return []
    if before.certificate is None:
        raise SigningGivenUp(f"the certificate {state.name} was never signed: {before.failure}")
    same = names_of(before)
    if command.csr is not None:
        asked = Names(completed(command.csr.subject, command.further.profile), command.csr.subject_alt_names)
        RulesBroken.if_any(_csr_violations(asked, same))
    return [_next(command.further, same, state, before, encode)]


def reissue(
    command: ReissueCertificate, state: State, before: Version, encode: Callable[[Template], bytes]
) -> list[CertificateEvent]:
    """Decide on the version after `before`, with other names; a lineage that was never signed gets its chance."""
    if _was_asked_for(command.further, state, before):
        return []
    return [_next(command.further, command.names, state, before, encode)]


def names_of(version: Version) -> Names:
    """Return what a version names. Raises `RulesBroken` for one from elsewhere that names what none here may."""
    prepared = version.prepared
    if isinstance(prepared, CertificatePrepared):
        return Names(prepared.subject, prepared.subject_alt_names, prepared.security_identifier)
    subject = known_subject(prepared.subject)
    if subject is None or prepared.other_names:
        detail = "it has names of forms that aren't certified here: reissue it with others"
        raise RulesBroken(detail, Violation("certificate", "names are known", detail))
    return Names(subject, prepared.subject_alt_names)


def profile_name_of(prepared: CertificatePrepared | CertificateImported) -> str:
    """Return the name of a version's profile. Raises `RulesBroken` for one from elsewhere that has none."""
    if not prepared.profile:
        detail = "its purposes are those of no profile: issue one by another name"
        raise RulesBroken(detail, Violation("certificate", "profiles are known", detail))
    return prepared.profile


def _check_issuer(further: Further, before: Version) -> None:
    """Require an issuer for what neither an authority here issued nor it itself."""
    prepared = before.prepared
    if isinstance(prepared, CertificateImported) and further.issuer is None and not prepared.is_self_signed:
        detail = "its authority isn't here: import what that issues next, or issue a certificate by another name"
        raise IssuedElsewhere(detail, Violation("certificate", "who issued it goes on", detail))


def _was_asked_for(further: Further, state: State, before: Version) -> bool:
    """Tell whether this very request was decided; if not, require that the lineage may go on with its key."""
    if further.request_id == further.certificate_id:
        raise RequestReused("this Idempotency-Key was used for the certificate's first version")
    made = (v for v in state.versions.values() if v.prepared.request_id == further.request_id)
    if was_decided(next(made, None), further.request_digest):
        return True
    check_is_there(state)
    check_is_signed(state)
    _check_issuer(further, before)
    if further.key_id is not None and before.prepared.key_id is None:
        detail = "the private key is not kept here: send a CSR of a new key, or ask for reuse_key"
        raise KeyElsewhere(detail, Violation("certificate", "a key stays where it is", detail))
    if further.key_id is None and before.prepared.key_id is not None:
        detail = "the private key is kept here: a CSR would leave those without it who get it from here"
        raise KeyHere(detail, Violation("csr", "a key stays where it is", detail))
    return False


def _csr_violations(asked: Names, same: Names) -> Iterator[Violation]:
    """RFC 7030 section 4.2.2: a CSR for a renewal names what the certificate named, in whatever order."""
    if set(asked.subject) != set(same.subject):
        yield Violation("csr.subject", "RFC 7030 section 4.2.2", "a renewal keeps the certificate's subject")
    if _by_form(asked.subject_alt_names) != _by_form(same.subject_alt_names):
        yield Violation("csr.subject_alt_names", "RFC 7030 section 4.2.2", "a renewal keeps the certificate's names")


def _by_form(names: SubjectAltNames) -> list[set[str]]:
    return [set(getattr(names, form)) for form in names.__struct_fields__]


def draft_of_next(command: RenewCertificate | ReissueCertificate, state: State, before: Version) -> Draft:
    """Return the version after `before`, before anyone agreed to it."""
    further = command.further
    names = command.names if isinstance(command, ReissueCertificate) else names_of(before)
    return drafted(
        _wanted(further, names, state),
        issuer=further.issuer,
        key_is_here=further.key_id is not None,
        default_days=_days_of(before),
    )


def _wanted(further: Further, names: Names, state: State) -> Wanted:
    return Wanted(
        certificate_id=further.certificate_id,
        name=state.name,
        profile=further.profile,
        subject=names.subject,
        subject_alt_names=names.subject_alt_names,
        security_identifier=names.security_identifier,
        public_key=further.public_key,
        validity_days=further.validity_days,
        serial_number=further.serial_number,
        now=further.now,
        request_digest=further.request_digest,
    )


def _days_of(before: Version) -> int:
    """Return the whole days that a version holds."""
    return -(-(before.prepared.not_after - before.prepared.not_before) // timedelta(days=1))


def _supersede_at(further: Further, state: State) -> datetime | None:
    days, before = further.revoke_previous_after_days, state.served
    if days is None or before is None:
        return None
    return due_at(before, days, further.now, "revoke_previous_after_days")


def _next(
    further: Further, names: Names, state: State, before: Version, encode: Callable[[Template], bytes]
) -> CertificatePrepared:
    """Prepare the next version, unless days were asked for, for as many as the one before it."""
    return prepared(
        _wanted(further, names, state),
        encode,
        issuer=further.issuer,
        key_id=further.key_id,
        default_days=_days_of(before),
        version=max(state.versions) + 1,
        request_id=further.request_id,
        supersede_at=_supersede_at(further, state),
    )
