"""One version of a certificate, from its preparation to its end; the lineage of versions stands in `lineage.py`."""

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.certificate import (
    CertificateHeld,
    CertificateImported,
    CertificateIssued,
    CertificateKeyImported,
    CertificatePrepared,
    CertificateReleased,
    CertificateRevoked,
    CertificateRolledBack,
    RevocationRefused,
    RevocationRequested,
    SigningFailed,
    SupersessionEnded,
    SupersessionEvent,
    SupersessionHeldUp,
    SupersessionPlanned,
)
from es_pki.values.acme import ACMEProblem
from es_pki.values.foreign import KeyKind, kind_of

VersionEvent = (
    CertificateIssued
    | SigningFailed
    | CertificateKeyImported
    | CertificateRolledBack
    | CertificateHeld
    | CertificateReleased
    | CertificateRevoked
    | RevocationRequested
    | RevocationRefused
    | SupersessionEvent
)
"""What happens to a version once it is there."""


class Version(Struct, frozen=True):
    """A version: as it was prepared, then its DER certificate, or why it never got one; or as it was imported.

    `held` while it is held, `revoked` for ever: what was recorded then. `requested` while the directory that issued it
    is to revoke it; `refusal` is why it didn't, when it was asked last. `superseding` is the plan to revoke it, and
    `held_up_by` names the services for which that waits.
    """

    prepared: CertificatePrepared | CertificateImported
    certificate: bytes | None = None
    failure: str | None = None
    held: CertificateHeld | None = None
    revoked: CertificateRevoked | None = None
    requested: RevocationRequested | None = None
    refusal: ACMEProblem | None = None
    superseding: SupersessionPlanned | None = None
    held_up_by: tuple[str, ...] = ()

    @property
    def key(self) -> KeyKind:
        """Return what kind of key it has."""
        return kind_of(self.prepared.key_type) if isinstance(self.prepared, CertificatePrepared) else self.prepared.key

    @property
    def crl_shard(self) -> int:
        """Return the shard of its issuer's CRL that lists it; what was made elsewhere names none."""
        return self.prepared.crl_shard if isinstance(self.prepared, CertificatePrepared) else 0

    @property
    def holds(self) -> bool:
        """Tell whether nothing was said against it: it is not held, not revoked, and not to be."""
        return self.held is None and self.revoked is None and self.requested is None

    @property
    def is_outstanding(self) -> bool:
        """Tell whether it still waits for its signature."""
        return self.certificate is None and self.failure is None


def changed(version: Version, event: VersionEvent) -> Version:
    """Fold one event."""
    match event:
        case CertificateIssued(certificate=certificate):
            return replace(version, certificate=certificate)
        case SigningFailed(reason=reason):
            return replace(version, failure=reason)
        case CertificateKeyImported(key_id=key_id):
            return replace(version, prepared=replace(version.prepared, key_id=key_id))
        case CertificateRolledBack():
            return version
        case CertificateHeld():
            return replace(version, held=event)
        case CertificateReleased():
            return replace(version, held=None)
        case CertificateRevoked():
            return replace(version, revoked=event, held=None, requested=None, refusal=None)
        case RevocationRequested():
            return replace(version, requested=event, refusal=None)
        case RevocationRefused(problem=problem):
            return replace(version, requested=None, refusal=problem)
        case SupersessionPlanned():
            return replace(version, superseding=event, held_up_by=())
        case SupersessionHeldUp(services=services, due_at=due_at):
            plan = version.superseding
            return replace(version, superseding=plan and replace(plan, due_at=due_at), held_up_by=services)
        case SupersessionEnded():
            return replace(version, superseding=None, held_up_by=())
