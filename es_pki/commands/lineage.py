"""A certificate as a lineage: its versions and which of them is current, its names and its end.

What makes versions stands in `certificate.py`; this is the state that both read, and what is decided about the whole.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.names import own_name_violations
from es_pki.commands.refusals import NotSignedYet, RulesBroken
from es_pki.commands.versions import Version, VersionEvent, changed
from es_pki.decider import Kind, Refused, Violation
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateEvent,
    CertificateHeld,
    CertificateImported,
    CertificateIssued,
    CertificateKeyImported,
    CertificateLabelled,
    CertificatePrepared,
    CertificateReleased,
    CertificateRenamed,
    CertificateRevoked,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    RevocationRefused,
    RevocationRequested,
    SigningFailed,
    SupersessionEnded,
    SupersessionHeldUp,
    SupersessionPlanned,
    UseBegun,
    UseEnded,
)

MAXIMUM_ALIASES = 20

_LONGEST_REASON = 200


class RollBackCertificate(Struct, frozen=True):
    """Make a version the current one again; the later ones stay, but are not served.

    `public_key_hash` is that of the version's key, whose compromise is guarded against; "" while it was not noted.
    """

    version: int
    public_key_hash: str
    now: datetime


class RenameCertificate(Struct, frozen=True):
    """Call the lineage otherwise. Its former name goes on leading to it, unless it is released.

    `used_by` names those who use it besides the services bound to it.
    """

    name: str
    keeps_former_name: bool
    used_by: tuple[str, ...]


class DeleteCertificate(Struct, frozen=True):
    """Be done with the lineage; `used_by` names those who still use it besides the services bound to it."""

    reason: str
    used_by: tuple[str, ...]


class RecordKeysDiscarded(Struct, frozen=True):
    """The deleted certificate's keys were removed from the key store."""

    key_ids: tuple[str, ...]


LineageCommand = RollBackCertificate | RenameCertificate | DeleteCertificate | RecordKeysDiscarded


class AlreadyDeleted(Refused):
    """The certificate was deleted. Queries with `as_of` still show it; issue a new one to go on."""

    kind = Kind.MISSING


class CertificateInUse(Refused):
    """Somebody still uses the certificate, as the answer names. Give them another one first."""

    kind = Kind.CLASHING


class VersionMissing(Refused):
    """The lineage has no issued version of this number. `GET /api/v1/certificates/{id}/versions` lists them."""

    kind = Kind.MISSING


class VersionExpired(Refused):
    """The version doesn't hold at this time: nobody would accept it. Renew the certificate instead."""

    kind = Kind.CLASHING


class VersionRevoked(Refused):
    """The version was revoked, or is held: nobody would accept it. Renew the certificate, or release the version."""

    kind = Kind.CLASHING


class State(Struct, frozen=True):
    """What decisions about a certificate read. `versions` by number; `current` is the served one's, 0 before any.

    `aliases` are former names that still lead to it; `exports` its keys' exports, by the ids of their requests; `uses`
    the services bound to it, by their ids.
    """

    versions: Mapping[int, Version] = {}
    current: int = 0
    name: str = ""
    aliases: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    owner: str = ""
    is_deleted: bool = False
    has_keys: bool = True
    exports: Mapping[str, PrivateKeyExported] = {}
    uses: Mapping[str, UseBegun] = {}

    @property
    def newest(self) -> Version | None:
        """Return the version that was prepared last."""
        return self.versions[max(self.versions)] if self.versions else None

    @property
    def served(self) -> Version | None:
        """Return the current version, which whoever points at the lineage gets; None before the first signature."""
        return self.versions.get(self.current)

    @property
    def model(self) -> Version | None:
        """Return the version after which the next one is made: the current one, or the newest while none is."""
        return self.served or self.newest

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Return the ids of its keys in the key store, each once."""
        found = (version.prepared.key_id for version in self.versions.values())
        return tuple(dict.fromkeys(key_id for key_id in found if key_id is not None))

    @property
    def imported(self) -> tuple[CertificateImported, ...]:
        """Return those of its versions that were made elsewhere."""
        return tuple(v.prepared for v in self.versions.values() if isinstance(v.prepared, CertificateImported))


def evolve(state: State, event: CertificateEvent) -> State:
    """Fold one event."""
    match event:
        case CertificatePrepared(version=number):
            versions = {**state.versions, number: Version(event)}
            return replace(state, versions=versions, name=state.name or event.name)
        case CertificateImported(version=number, certificate=certificate):
            versions = {**state.versions, number: Version(event, certificate)}
            return replace(state, versions=versions, current=number, name=state.name or event.name)
        case (
            CertificateIssued()
            | SigningFailed()
            | CertificateKeyImported()
            | CertificateRolledBack()
            | CertificateHeld()
            | CertificateReleased()
            | CertificateRevoked()
            | SupersessionPlanned()
            | SupersessionHeldUp()
            | SupersessionEnded()
            | RevocationRequested()
            | RevocationRefused()
        ):
            return _with_version(state, event) if event.version in state.versions else state
        case CertificateRenamed():
            return replace(state, name=event.name, aliases=_aliases(state.aliases, event))
        case CertificateLabelled(labels=labels):
            return replace(state, labels=labels)
        case OwnerAssigned(owner=owner):
            return replace(state, owner=owner)
        case CertificateDeleted():
            return replace(state, is_deleted=True)
        case PrivateKeysDiscarded():
            return replace(state, has_keys=False)
        case PrivateKeyExported(export_id=export_id):
            return replace(state, exports={**state.exports, export_id: event})
        case UseBegun(service_id=service_id):
            return replace(state, uses={**state.uses, service_id: event})
        case UseEnded(service_id=service_id):
            return replace(state, uses={key: use for key, use in state.uses.items() if key != service_id})


def _with_version(state: State, event: VersionEvent) -> State:
    number = event.version
    current = number if isinstance(event, CertificateIssued | CertificateRolledBack) else state.current
    return replace(state, current=current, versions={**state.versions, number: changed(state.versions[number], event)})


def _aliases(before: tuple[str, ...], event: CertificateRenamed) -> tuple[str, ...]:
    kept = before if event.former_name_released else (*before, event.former_name)
    return tuple(dict.fromkeys(name for name in kept if name != event.name))


def decide(command: LineageCommand, state: State) -> list[CertificateEvent]:
    """Turn a command about a lineage that was prepared at some time into events."""
    if isinstance(command, RecordKeysDiscarded):
        return _record_discarded(command, state)
    if isinstance(command, DeleteCertificate) and state.is_deleted:
        return []
    check_is_there(state)
    match command:
        case RollBackCertificate():
            return _roll_back(command, state)
        case RenameCertificate():
            return _rename(command, state)
        case DeleteCertificate():
            return _delete(command, state)


def check_is_there(state: State) -> None:
    """Raise `AlreadyDeleted` for a certificate that was deleted."""
    if state.is_deleted:
        detail = f"the certificate {state.name} was deleted"
        raise AlreadyDeleted(detail, Violation("certificate", "what is deleted stays deleted", detail))


def check_reason(reason: str) -> None:
    """Raise `RulesBroken` for a reason that is more than a line."""
    if not is_line(reason, _LONGEST_REASON):
        RulesBroken.if_any(
            [Violation("reason", "a reason is one line", f"at most {_LONGEST_REASON} printable characters")]
        )


def check_is_signed(state: State) -> None:
    """Raise `NotSignedYet` while a version waits for its signature."""
    if state.newest is not None and state.newest.is_outstanding:
        number = state.newest.prepared.version
        raise NotSignedYet(f"version {number} of the certificate {state.name} waits for its signature")


def _roll_back(command: RollBackCertificate, state: State) -> list[CertificateEvent]:
    version = state.versions.get(command.version)
    if version is None or version.certificate is None:
        detail = f"the certificate {state.name} has no issued version {command.version}"
        raise VersionMissing(detail, Violation("version", "versions are counted from 1", detail))
    if command.version == state.current:
        return []
    check_is_signed(state)
    if not version.prepared.not_before <= command.now <= version.prepared.not_after:
        detail = f"version {command.version} held until {version.prepared.not_after:%F %T}Z"
        raise VersionExpired(detail, Violation("version", "RFC 5280 section 4.1.2.5", detail))
    if not version.holds:
        detail = f"version {command.version} {'is held' if version.held else 'was revoked'}"
        raise VersionRevoked(detail, Violation("version", "RFC 5280 section 3.3", detail))
    return [CertificateRolledBack(command.version), *plan_ended(version)]


def plan_ended(version: Version) -> list[CertificateEvent]:
    """Return what ends the plan to revoke a version, if there is one."""
    return [] if version.superseding is None else [SupersessionEnded(version.prepared.version)]


def _rename(command: RenameCertificate, state: State) -> list[CertificateEvent]:
    if command.name == state.name:
        return []
    RulesBroken.if_any(own_name_violations(command.name))
    released = not command.keeps_former_name
    if released:
        _check_is_unused(command.used_by, state)
    event = CertificateRenamed(name=command.name, former_name=state.name, former_name_released=released)
    if len(_aliases(state.aliases, event)) > MAXIMUM_ALIASES:
        RulesBroken.if_any([Violation("name", "former names are counted", f"at most {MAXIMUM_ALIASES} lead here")])
    return [event]


def is_line(text: str, longest: int) -> bool:
    """Tell whether a text is at most one line of this many printable characters."""
    return len(text) <= longest and text.isprintable()


def _delete(command: DeleteCertificate, state: State) -> list[CertificateEvent]:
    _check_is_unused(command.used_by, state)
    check_is_signed(state)
    check_reason(command.reason)
    return [
        CertificateDeleted(
            names=(state.name, *state.aliases),
            key_ids=state.key_ids,
            reason=command.reason,
            fingerprints=tuple(fingerprint(imported.certificate) for imported in state.imported),
        )
    ]


def fingerprint(certificate: bytes) -> str:
    """Return a DER certificate's SHA-256 in hex."""
    return hashlib.sha256(certificate).hexdigest()


def _check_is_unused(used_by: tuple[str, ...], state: State) -> None:
    users = (*used_by, *(use.service for use in state.uses.values()))
    if users:
        raise CertificateInUse(
            f"the certificate is used by {', '.join(users)}",
            *(Violation("certificate", "what is used stays", f"used by {user}") for user in users),
        )


def _record_discarded(command: RecordKeysDiscarded, state: State) -> list[CertificateEvent]:
    if not state.is_deleted:
        raise CertificateInUse("a certificate that was not deleted needs its keys")
    return [PrivateKeysDiscarded(command.key_ids)] if state.has_keys else []
