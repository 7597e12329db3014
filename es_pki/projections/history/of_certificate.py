"""What the events of a certificate are about."""

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
    SupersessionEvent,
    SupersessionHeldUp,
    SupersessionPlanned,
    UseBegun,
    UseEnded,
)


def of_certificate(event: CertificateEvent) -> str:
    """Say what it is about; the type checker names a forgotten event."""
    match event:
        case CertificatePrepared():
            until = f"serial number {event.serial_number}, until {event.not_after:%F}"
            return f"{event.name}: version {event.version}, {event.profile} {event.profile_version}, {until}"
        case CertificateIssued():
            return "signed"
        case SigningFailed():
            return event.reason
        case CertificateImported():
            until = f"serial number {event.serial_number}, until {event.not_after:%F}"
            return f"{event.name}: version {event.version}, made elsewhere, {until}"
        case CertificateKeyImported():
            return f"version {event.version}: its private key is here"
        case CertificateRolledBack():
            return f"version {event.version} is the current one again"
        case (
            CertificateRevoked()
            | CertificateHeld()
            | CertificateReleased()
            | RevocationRequested()
            | RevocationRefused()
        ):
            return _of_revocation(event)
        case SupersessionPlanned() | SupersessionHeldUp() | SupersessionEnded():
            return _of_supersession(event)
        case CertificateRenamed():
            return f"{event.former_name} is called {event.name}"
        case CertificateLabelled():
            return ", ".join(f"{key}={value}" for key, value in event.labels.items()) or "no labels"
        case OwnerAssigned():
            return event.owner or "nobody"
        case CertificateDeleted():
            return f"{', '.join(event.names)}: {event.reason}".removesuffix(": ")
        case PrivateKeysDiscarded():
            return f"{len(event.key_ids)} private keys"
        case PrivateKeyExported():
            return f"version {event.version}, {event.format}: {event.reason}"
        case UseBegun() | UseEnded():
            return _of_use(event)


def _of_use(event: UseBegun | UseEnded) -> str:
    if isinstance(event, UseEnded):
        return f"no more used by the service {event.service_id}"
    return f"used by {event.service}{' as its fallback' if event.as_fallback else ''}"


def _of_supersession(event: SupersessionEvent) -> str:
    match event:
        case SupersessionPlanned():
            return f"version {event.version} is to be revoked at {event.due_at:%F %T}Z"
        case SupersessionHeldUp():
            return f"version {event.version} is still served by {', '.join(event.services)}"
        case SupersessionEnded():
            return f"version {event.version}"


def _of_revocation(
    event: CertificateRevoked | CertificateHeld | CertificateReleased | RevocationRequested | RevocationRefused,
) -> str:
    match event:
        case CertificateRevoked():
            return f"version {event.version}: {event.reason}, since {event.revoked_at:%F %T}Z"
        case RevocationRequested():
            return f"version {event.version}: {event.reason}, asked of its directory"
        case RevocationRefused():
            return f"version {event.version}: {event.problem.type}: {event.problem.detail}"
        case CertificateHeld() | CertificateReleased():
            return f"version {event.version}"
