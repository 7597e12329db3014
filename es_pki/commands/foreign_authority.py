"""Authorities that were made elsewhere: with their key they sign here too, without it they only stand above others."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from es_pki.commands.names import own_name_violations
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.decider import Kind, Refused, Violation
from es_pki.events.authority import (
    AuthorityEvent,
    AuthorityImported,
    AuthorityKeyImported,
    AuthorityPrepared,
    IssuancePolicyAdopted,
)
from es_pki.values import IssuancePolicy, KeyType, NameConstraints, Subject
from es_pki.values.foreign import ForeignSubject, KeyKind, known_subject


class ImportAuthority(Struct, frozen=True):
    """Keep an authority from elsewhere. `key_id` None: its private key stays where it is.

    `issuer_id` is the authority's here that signed it. `is_authority` and `name_constraints` are as they were read
    (None: of forms that nobody here checks); the other fields are those of AuthorityImported.
    """

    name: str
    certificate: bytes
    chain: tuple[bytes, ...]
    issuer_id: str | None
    subject: ForeignSubject
    issuer: ForeignSubject
    key: KeyKind
    key_id: str | None
    public_key: bytes
    public_key_hash: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    is_authority: bool
    path_length: int | None
    name_constraints: NameConstraints | None
    request_digest: bytes


class AuthorityKeyElsewhere(Refused):
    """The authority's private key is not here: it verifies, but signs nothing. Import it again, with its key."""

    kind = Kind.CLASHING


def bring_in(
    command: ImportAuthority, known: AuthorityPrepared | AuthorityImported | None, certificate: bytes | None
) -> list[AuthorityEvent]:
    """Decide on an authority from elsewhere; `known` is the one of this name, `certificate` that one's.

    Where it is this very authority, only its private key may be new.
    """
    if known is None:
        RulesBroken.if_any(_violations(command))
        return [_imported(command), IssuancePolicyAdopted(IssuancePolicy())]
    if certificate != command.certificate:
        raise taken("name", command.name, "authority")
    if command.key_id is None or known.key_id is not None:
        return []
    RulesBroken.if_any(_key_violations(command))
    return [AuthorityKeyImported(command.key_id, command.public_key_hash)]


def _imported(command: ImportAuthority) -> AuthorityImported:
    return AuthorityImported(
        name=command.name,
        subject=command.subject,
        issuer=command.issuer,
        issuer_id=command.issuer_id,
        key=command.key,
        key_id=command.key_id,
        public_key=command.public_key,
        serial_number=command.serial_number,
        not_before=command.not_before,
        not_after=command.not_after,
        path_length=command.path_length,
        name_constraints=command.name_constraints or NameConstraints(),
        certificate=command.certificate,
        request_digest=command.request_digest,
        chain=command.chain,
    )


def key_type_of(prepared: AuthorityPrepared | AuthorityImported) -> KeyType | None:
    """Return the type of an authority's key, None for one of a kind that nothing is signed with here."""
    return prepared.key_type if isinstance(prepared, AuthorityPrepared) else prepared.key.key_type


def subject_of(prepared: AuthorityPrepared | AuthorityImported) -> Subject:
    """Return an authority's subject; of a name that nobody here can have nothing, for nothing is equal to it."""
    if isinstance(prepared, AuthorityPrepared):
        return prepared.subject
    return known_subject(prepared.subject) or ()


def _violations(command: ImportAuthority) -> Iterator[Violation]:
    yield from own_name_violations(command.name)
    if not command.is_authority:
        detail = "this is no authority's certificate: its basic constraints or key usage say so"
        yield Violation("certificate", "RFC 5280 section 4.2.1.9", detail)
    if not command.subject:
        yield Violation("certificate", "RFC 5280 section 4.1.2.6", "an authority has a subject")
    if command.name_constraints is None:
        detail = "it is constrained to names of forms that aren't checked here: it could sign what it may not"
        yield Violation("certificate", "RFC 5280 section 4.2.1.10", detail)
    yield from _key_violations(command)


def _key_violations(command: ImportAuthority) -> Iterator[Violation]:
    if command.key_id is not None and command.key.key_type is None:
        detail = f"nothing is signed here with {command.key.name} keys: import it without its private key"
        yield Violation("private_key", "key types are known", detail)
