"""Whether the events of each certificate make one lineage: the part of the examination that knows versions."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateHeld,
    CertificateImported,
    CertificateIssued,
    CertificateKeyImported,
    CertificatePrepared,
    CertificateReleased,
    CertificateRenamed,
    CertificateRevoked,
    CertificateRolledBack,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    RevocationRefused,
    RevocationRequested,
    SigningFailed,
    SupersessionEnded,
    SupersessionHeldUp,
    SupersessionPlanned,
)
from es_pki.events.happened import Happened


@dataclass
class _Lineage:
    """What a certificate's events said so far. `keys` are its keys' ids that the store should have.

    `public_keys` are the hashes of its versions' keys.
    """

    name: str
    names: set[str]
    versions: int = 0
    issued: set[int] = field(default_factory=set)
    superseding: set[int] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    public_keys: dict[int, str] = field(default_factory=dict)
    is_deleted: bool = False


class Lineages:
    """The state of one reading."""

    def __init__(self) -> None:
        self._lineages: dict[str, _Lineage] = {}

    def problems_of(self, happened: Happened) -> Iterator[str]:
        """Yield how an event contradicts those before it in its lineage."""
        if happened.category != "certificate":
            return
        lineage = self._lineages.get(happened.id)
        match happened.event:
            case CertificatePrepared(name=name) | CertificateImported(name=name) if lineage is None:
                lineage = self._lineages[happened.id] = _Lineage(name, {name})
            case (
                PrivateKeysDiscarded()
                | CertificateRevoked()
                | CertificateHeld()
                | CertificateReleased()
                | SupersessionPlanned()
                | SupersessionHeldUp()
                | SupersessionEnded()
                | RevocationRequested()
                | RevocationRefused()
            ):
                pass  # what was issued has to be revocable after its lineage's end
            case _ if lineage is not None and lineage.is_deleted:
                yield "it happened to a certificate that was deleted"
        if lineage is None:
            yield "it happened to a certificate that never was"
        else:
            yield from _problems(lineage, happened)


def _problems(lineage: _Lineage, happened: Happened) -> Iterator[str]:
    match happened.event:
        case CertificatePrepared() as prepared:
            yield from _next_problems(lineage, prepared)
        case CertificateImported() as imported:
            yield from _next_problems(lineage, imported)
            lineage.issued.add(imported.version)
        case CertificateIssued(version=number) | SigningFailed(version=number) if number != lineage.versions:
            yield f"version {number} was signed or given up when version {lineage.versions} was prepared"
        case CertificateIssued(version=number):
            lineage.issued.add(number)
        case CertificateKeyImported() as brought:
            yield from _key_problems(lineage, brought)
        case CertificateRolledBack(version=number) if number not in lineage.issued:
            yield f"it was rolled back to version {number}, which was never issued"
        case PrivateKeyExported(version=number) if number not in lineage.issued:
            yield f"the key of version {number} was exported, which was never issued"
        case SupersessionPlanned(version=number) if number not in lineage.issued:
            yield f"the end of version {number} was planned, never issued"
        case SupersessionPlanned(version=number):
            lineage.superseding.add(number)
        case SupersessionHeldUp(version=number) if number not in lineage.superseding:
            yield f"version {number} was held up, whose end nobody planned"
        case SupersessionEnded(version=number):
            if number not in lineage.superseding:
                yield f"the plan for version {number} ended, whose end nobody planned"
            lineage.superseding.discard(number)
        case CertificateRenamed() as renamed:
            yield from _name_problems(lineage, renamed)
        case CertificateDeleted() as deleted:
            yield from _end_problems(lineage, deleted)
        case PrivateKeysDiscarded(key_ids=key_ids) if not lineage.is_deleted or set(key_ids) != lineage.keys:
            yield "keys were discarded that are not those of a deleted certificate"
        case _:
            pass


def _next_problems(lineage: _Lineage, prepared: CertificatePrepared | CertificateImported) -> Iterator[str]:
    if prepared.version != lineage.versions + 1:
        yield f"version {prepared.version} was prepared after version {lineage.versions}"
    if prepared.name not in lineage.names:
        yield f"a version was prepared as {prepared.name!r} of a certificate that is called {lineage.name!r}"
    lineage.versions = prepared.version
    lineage.public_keys[prepared.version] = prepared.public_key_hash
    if prepared.key_id is not None:
        lineage.keys.add(prepared.key_id)


def _key_problems(lineage: _Lineage, brought: CertificateKeyImported) -> Iterator[str]:
    if brought.version not in lineage.issued:
        yield f"the key of version {brought.version} was imported, which was never issued"
    elif lineage.public_keys[brought.version] not in {brought.public_key_hash, ""}:
        yield f"a key was imported that is not that of version {brought.version}"
    lineage.keys.add(brought.key_id)


def _name_problems(lineage: _Lineage, renamed: CertificateRenamed) -> Iterator[str]:
    if renamed.former_name != lineage.name:
        yield f"{renamed.former_name!r} was renamed, but it is called {lineage.name!r}"
    lineage.name = renamed.name
    lineage.names.add(renamed.name)
    if renamed.former_name_released:
        lineage.names.discard(renamed.former_name)


def _end_problems(lineage: _Lineage, deleted: CertificateDeleted) -> Iterator[str]:
    lineage.is_deleted = True
    if set(deleted.names) != lineage.names:
        yield "a certificate was deleted by other names than its own"
    if set(deleted.key_ids) != lineage.keys:
        yield "a certificate was deleted with other keys than its own"
