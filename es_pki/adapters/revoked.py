"""Whether what was revoked was there and stayed revoked: the part of the examination that knows revocations."""

from collections.abc import Iterator

from es_pki.events.authority import AuthorityImported, AuthorityPrepared, AuthorityRevoked
from es_pki.events.certificate import (
    CertificateHeld,
    CertificateImported,
    CertificatePrepared,
    CertificateReleased,
    CertificateRevoked,
    CertificateRolledBack,
)
from es_pki.events.happened import Happened

_Facts = tuple[object, ...]


class Revocations:
    """The state of one reading: what a revocation has to say of each certificate, and how it stands."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, int], _Facts] = {}
        self._held: set[tuple[str, int]] = set()
        self._revoked: set[tuple[str, int]] = set()

    def problems_of(self, happened: Happened) -> Iterator[str]:
        """Yield how an event contradicts those before it."""
        match happened.event:
            case CertificatePrepared() as prepared:
                facts = (prepared.issuer_id, prepared.serial_number, prepared.not_after, prepared.crl_shard)
                self._facts[happened.id, prepared.version] = facts
                yield from self._issuer_problems(prepared.issuer_id)
            case AuthorityPrepared() as prepared:
                facts = (prepared.issuer_id, prepared.serial_number, prepared.not_after, 0)
                self._facts[happened.id, 1] = facts
                yield from self._issuer_problems(prepared.issuer_id)
            case CertificateImported() as imported:
                issuer_id = "" if imported.order_id else imported.issuer_id
                facts = (issuer_id, imported.serial_number, imported.not_after, 0)
                self._facts[happened.id, imported.version] = facts
            case AuthorityImported() as imported:
                facts = (imported.issuer_id, imported.serial_number, imported.not_after, 0)
                self._facts[happened.id, 1] = facts
            case CertificateRolledBack(version=version) if (happened.id, version) in self._held | self._revoked:
                yield f"it was rolled back to version {version}, which didn't hold"
            case CertificateHeld() | CertificateReleased() | CertificateRevoked() as event:
                facts = (event.issuer_id, event.serial_number, event.not_after, event.crl_shard)
                yield from self._changed((happened.id, event.version), facts, event)
            case AuthorityRevoked() as event:
                yield from self._changed(
                    (happened.id, 1), (event.issuer_id, event.serial_number, event.not_after, 0), event
                )
            case _:
                pass

    def _issuer_problems(self, issuer_id: str | None) -> Iterator[str]:
        if issuer_id is not None and (issuer_id, 1) in self._revoked:
            yield "it was prepared under an authority that had been revoked"

    def _changed(
        self,
        version: tuple[str, int],
        facts: _Facts,
        event: CertificateHeld | CertificateReleased | CertificateRevoked | AuthorityRevoked,
    ) -> Iterator[str]:
        if self._facts.get(version) != facts:
            yield "a revocation says of the certificate what it doesn't say of itself"
        if version in self._revoked:
            yield "what had been revoked was decided on again"
        match event:
            case CertificateHeld():
                if version in self._held:
                    yield "what was held was held again"
                self._held.add(version)
            case CertificateReleased():
                if version not in self._held:
                    yield "what wasn't held was released"
                self._held.discard(version)
            case CertificateRevoked() | AuthorityRevoked():
                self._held.discard(version)
                self._revoked.add(version)
