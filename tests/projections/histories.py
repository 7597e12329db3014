"""Histories of an es-pki for the views' tests: any number of events, the same for the same seed."""

import random
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from es_pki.events.authority import AuthorityCreated, AuthorityPrepared, AuthoritySigningFailed, IssuancePolicyAdopted
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateIssued,
    CertificateLabelled,
    CertificatePrepared,
    CertificateRenamed,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    SigningFailed,
    UseBegun,
    UseEnded,
)
from es_pki.events.codec import Event
from es_pki.events.key_compromise import KeyCompromiseReported
from es_pki.events.principal import TokenCreated, TokenRevoked
from es_pki.events.reservation import NameReleased, NameReserved, SerialNumberReserved
from es_pki.events.service import (
    CertificateBound,
    CertificateDeployed,
    CertificateUnbound,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentStep,
    Drift,
    Installation,
    InstallationAdopted,
    ServiceKind,
    ServiceObserved,
    ServiceRegistered,
    ServiceRetired,
)
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.values import (
    Attribute,
    AttributeType,
    ExportFormat,
    IssuancePolicy,
    KeyType,
    NameConstraints,
    Profile,
    Role,
)
from es_pki.values import SubjectAltNames as Names
from tests.builders import NOW


class _Author:
    """Makes events up."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a test's, not a key's
        self._numbers = iter(range(1, 1_000_000))
        self._keys = [f"{self._random.getrandbits(256):064x}" for _ in range(20)]

    def new_id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def prepared(self, version: int) -> CertificatePrepared:
        host = f"host-{self._random.randrange(1000):03d}.example.test"
        return CertificatePrepared(
            version=version,
            name=f"{host}-{next(self._numbers)}",
            issuer_id=self.new_id() if self._random.random() < 0.9 else None,
            profile=self._random.choice(list(Profile)),
            subject=(Attribute(AttributeType.COMMON_NAME, host),),
            subject_alt_names=Names(dns_names=(host,)),
            key_type=self._random.choice(list(KeyType)),
            key_id=self.new_id() if self._random.random() < 0.5 else None,
            serial_number=f"{self._random.getrandbits(64):x}",
            not_before=NOW,
            not_after=NOW + timedelta(days=self._random.randrange(1, 400)),
            to_be_signed=b"to be signed",
            request_digest=b"digest",
            public_key_hash=self._random.choice(self._keys),
        )

    def authority(self) -> AuthorityPrepared:
        return AuthorityPrepared(
            name=f"authority-{next(self._numbers)}",
            subject=(Attribute(AttributeType.COMMON_NAME, "Example CA"),),
            issuer_id=None,
            key_type=KeyType.EC_P256,
            key_id=self.new_id(),
            public_key=b"spki",
            serial_number=f"{self._random.getrandbits(64):x}",
            not_before=NOW,
            not_after=NOW + timedelta(days=3650),
            path_length=self._random.choice([None, 0, 1]),
            name_constraints=NameConstraints(),
            to_be_signed=b"to be signed",
            request_digest=b"digest",
        )

    def lifetimes(self) -> Iterator[Iterator[tuple[str, Event]]]:
        """Yield the events of one aggregate after the other, without end."""
        while True:
            kind = self._random.random()
            if kind < 0.15:
                yield self._authority_life(f"authority-{self.new_id()}")
            elif kind < 0.2:
                yield iter([(f"key_compromise-{self._random.getrandbits(256):064x}", KeyCompromiseReported("stolen"))])
            elif kind < 0.3:
                yield self._principal_life(f"principal-{self.new_id()}")
            elif kind < 0.4:
                yield self._signing_request_life(f"signing_request-{self.new_id()}")
            elif kind < 0.5:
                yield self._service_life(f"service-{self.new_id()}")
            else:
                yield self._certificate_life(f"certificate-{self.new_id()}")

    def _certificate_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        for version in range(1, self._random.randrange(2, 5)):
            prepared = self.prepared(version)
            yield stream, prepared
            yield f"certificate_name-{prepared.name}", NameReserved(stream)
            yield f"serial_number-{prepared.issuer_id}-{prepared.serial_number}", SerialNumberReserved(stream)
            if self._random.random() < 0.2:
                yield stream, SigningFailed(version, "the key is gone")
            else:
                yield stream, CertificateIssued(version, f"certificate {prepared.serial_number}".encode())

        yield from self._lineage_life(stream)

    def _lineage_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        """Yield what may happen to a certificate besides its versions."""
        name, other = f"name-{next(self._numbers)}", f"name-{next(self._numbers)}"
        if self._random.random() < 0.5:
            yield stream, CertificateRenamed(other, name, former_name_released=self._random.random() < 0.5)
            yield f"certificate_name-{other}", NameReserved(stream)
        if self._random.random() < 0.5:
            yield stream, CertificateLabelled({"team": self._random.choice(["web", "mail"])})
            yield stream, OwnerAssigned(self._random.choice(["alice", ""]))
        if self._random.random() < 0.3:
            yield stream, CertificateRolledBack(self._random.randrange(1, 4))
        if self._random.random() < 0.8:
            service_id = self.new_id()
            yield stream, UseBegun(service_id, "nginx", as_fallback=self._random.random() < 0.5)
            if self._random.random() < 0.3:
                yield stream, UseEnded(service_id)
        if self._random.random() < 0.3:
            form = self._random.choice(list(ExportFormat))
            yield stream, PrivateKeyExported(1, form, "a move", "05" * 32, self.new_id(), b"digest")
        if self._random.random() < 0.2:
            yield stream, CertificateDeleted((other,), ("key",), "out of service")
            yield f"certificate_name-{other}", NameReleased(stream)
            yield stream, PrivateKeysDiscarded(("key",))

    def _authority_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        yield stream, self.authority()
        if self._random.random() < 0.2:
            yield stream, AuthoritySigningFailed("the key is gone")
            return
        yield stream, AuthorityCreated(b"authority " + stream.encode())
        for _ in range(self._random.randrange(3)):
            days = self._random.randrange(1, 800)
            yield stream, IssuancePolicyAdopted(IssuancePolicy(maximum_validity_days=days))

    def _principal_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        name = f"principal-{next(self._numbers)}"
        yield stream, TokenCreated(name, (Role.VIEWER,), self._random.randbytes(32), None, b"digest")
        if self._random.random() < 0.5:
            yield stream, TokenRevoked("left")

    def _signing_request_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        name, of_key, key_type = f"csr-{next(self._numbers)}", self._random.choice(self._keys), KeyType.EC_P256
        if self._random.random() < 0.5:
            profile = self._random.choice(list(Profile))
            yield (
                stream,
                SigningRequestCreated(name, (), Names(), profile, key_type, self.new_id(), of_key, b"csr", b"digest"),
            )
        else:
            yield stream, SigningRequestImported(name, (), Names(), key_type, of_key, b"csr", b"digest", ("1.2.3",))
        yield f"signing_request_name-{name}", NameReserved(stream)
        answers = [
            SigningRequestApproved(self.new_id()),
            SigningRequestSigned(b"certificate", (b"authority",)),
            SigningRequestRejected("nobody knows it"),
            None,
        ]
        answer = self._random.choice(answers)
        if answer is not None:
            yield stream, answer

    def _service_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        name, installation = f"service-{next(self._numbers)}", Installation(owner="root")
        yield stream, ServiceRegistered(name, self._random.choice(list(ServiceKind)), installation, b"digest")
        yield f"service_name-{name}", NameReserved(stream)
        certificate_id = self.new_id()
        yield stream, CertificateBound(certificate_id, self._random.choice([None, self.new_id()]))
        if self._random.random() < 0.5:
            yield stream, InstallationAdopted(Installation(group="www-data"))
        for _ in range(self._random.randrange(3)):
            deployment_id = self.new_id()
            yield stream, DeploymentStarted(deployment_id, certificate_id, 1, "09" * 32, "05" * 32)
            yield (
                stream,
                self._random.choice(
                    [
                        CertificateDeployed(deployment_id),
                        DeploymentFailed(deployment_id, DeploymentStep.RESTORE, "all is lost"),
                        DeploymentRolledBack(deployment_id, DeploymentStep.TEST, "a wrong pair"),
                    ]
                ),
            )
        if self._random.random() < 0.5:
            yield stream, ServiceObserved("", (Drift.UNREACHABLE,), "connection refused")
        if self._random.random() < 0.5:
            yield stream, CertificateUnbound(certificate_id)
        if self._random.random() < 0.3:
            yield stream, ServiceRetired("replaced")

    def interleaved(self) -> Iterator[tuple[str, Event]]:
        """Yield the events of several lives at once, without end."""
        lives = self.lifetimes()
        running = [next(lives) for _ in range(8)]
        while True:
            place = self._random.randrange(len(running))
            event = next(running[place], None)
            if event is None:
                running[place] = next(lives)
            else:
                yield event


def history(*, seed: int, size: int) -> list[tuple[str, Event]]:
    """Return streams and their events, in the order in which they happened."""
    events = _Author(seed).interleaved()
    return [next(events) for _ in range(size)]
