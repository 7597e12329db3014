"""Histories of an es-pki for the views' tests: any number of events, the same for the same seed."""

import random
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from es_pki.events.acme_account import (
    ACMEAccountDeactivated,
    ACMEAccountKeyPrepared,
    ACMEAccountKeyRolledOver,
    ACMEAccountPrepared,
    ACMEAccountRegistered,
    ACMEDeactivationRequested,
    ACMEKeyRollOverFailed,
    ACMERegistrationFailed,
)
from es_pki.events.acme_order import (
    ACMEAuthorizationValidated,
    ACMECertificateObtained,
    ACMEChallengeCleanedUp,
    ACMEChallengePresented,
    ACMEChallengeSeen,
    ACMEOrderAbandoned,
    ACMEOrderCreated,
    ACMEOrderFailed,
    ACMEOrderFinalized,
    ACMEOrderHindered,
    ACMEOrderPlaced,
)
from es_pki.events.acme_renewal import ACMERenewalFailed, ACMERenewalPlanned
from es_pki.events.authority import AuthorityCreated, AuthorityPrepared, AuthoritySigningFailed, IssuancePolicyAdopted
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateImported,
    CertificateIssued,
    CertificateLabelled,
    CertificatePrepared,
    CertificateRenamed,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    SigningFailed,
)
from es_pki.events.codec import Event
from es_pki.events.key_compromise import KeyCompromiseReported
from es_pki.events.principal import TokenCreated, TokenRevoked
from es_pki.events.reservation import NameReleased, NameReserved, SerialNumberReserved
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.values import (
    ACMEProblem,
    Attribute,
    AttributeType,
    ChallengeType,
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
            elif kind < 0.38:
                yield self._acme_account_life(f"acme_account-{self.new_id()}")
            elif kind < 0.52:
                yield self._acme_order_life(f"acme_order-{self.new_id()}")
            elif kind < 0.62:
                yield self._signing_request_life(f"signing_request-{self.new_id()}")
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

    def _acme_account_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        name, key_type = f"account-{next(self._numbers)}", KeyType.EC_P256
        problem = ACMEProblem("urn:ietf:params:acme:error:malformed", "it is malformed")
        yield stream, ACMEAccountPrepared(name, "https://acme.test/", self.new_id(), key_type, b"spki", True, b"digest")
        yield f"acme_account_name-{name}", NameReserved(stream)
        if self._random.random() < 0.2:
            yield stream, ACMERegistrationFailed(name, problem, ("key",))
            yield f"acme_account_name-{name}", NameReleased(stream)
            return
        yield stream, ACMEAccountRegistered("https://acme.test/1", "https://acme.test/terms")
        for refused in self._random.choices([True, False], k=self._random.randrange(3)):
            key_id = self.new_id()
            yield stream, ACMEAccountKeyPrepared(key_id, key_type, self._random.randbytes(8), self.new_id())
            yield stream, ACMEKeyRollOverFailed(problem, (key_id,)) if refused else ACMEAccountKeyRolledOver(key_id)
        if self._random.random() < 0.3:
            yield stream, ACMEDeactivationRequested("no longer needed")
            yield stream, ACMEAccountDeactivated()

    def _acme_order_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        order_id, name = stream.removeprefix("acme_order-"), f"order-{next(self._numbers)}"
        authorization, token = f"https://acme.test/{self.new_id()}", self.new_id()
        names, kind = Names(dns_names=("www.example.test",)), ChallengeType.HTTP_01
        key = ("key", KeyType.EC_P256, self._random.choice(self._keys))
        yield stream, ACMEOrderPlaced(name, order_id, self.new_id(), names, kind, *key, b"csr", b"digest")
        yield f"acme_order_for-{order_id}", NameReserved(order_id)
        if self._random.random() < 0.5:
            problem = ACMEProblem("urn:ietf:params:acme:error:rateLimited", "too many")
            yield stream, ACMEOrderHindered(problem, NOW + timedelta(hours=1))
        yield stream, ACMEOrderCreated(f"https://acme.test/{order_id}", (authorization,), None)
        yield stream, ACMEChallengePresented(authorization, "www.example.test", kind, "https://acme.test/c", token)
        yield stream, ACMEChallengeSeen(authorization)
        if self._random.random() < 0.2:
            yield stream, ACMEOrderAbandoned("no longer needed")
        if self._random.random() < 0.5:
            yield stream, ACMEChallengeCleanedUp(authorization, token)
            yield stream, ACMEOrderFailed(ACMEProblem("urn:ietf:params:acme:error:dns", "no"), order_id, name)
            return
        yield stream, ACMEAuthorizationValidated(authorization)
        yield stream, ACMEChallengeCleanedUp(authorization, token)
        yield stream, ACMEOrderFinalized()
        yield stream, ACMECertificateObtained(order_id, 1)
        yield from self._renewal_life(order_id, name)

    def _renewal_life(self, certificate_id: str, name: str) -> Iterator[tuple[str, Event]]:
        stream, end = f"acme_renewal-{certificate_id}", NOW + timedelta(days=90)
        for version in range(1, self._random.randrange(2, 4)):
            certificate = self._random.randbytes(8)
            imported = CertificateImported(
                version=version,
                name=name,
                issuer_id=None,
                profile=Profile.SERVER,
                subject=(),
                issuer=(),
                subject_alt_names=Names(dns_names=("www.example.test",)),
                key=KeyType.EC_P256.kind,
                key_id=self.new_id(),
                public_key_hash=self._random.choice(self._keys),
                serial_number=f"{self._random.getrandbits(64):x}",
                not_before=NOW,
                not_after=end,
                certificate=certificate,
                request_digest=b"digest",
                request_id=certificate_id,
                order_id=certificate_id,
            )
            yield f"certificate-{certificate_id}", imported
            yield stream, ACMERenewalPlanned(name, version, end, NOW + timedelta(days=61), NOW, end)
            if self._random.random() < 0.5:
                problem = ACMEProblem("urn:ietf:params:acme:error:dns", "no such name")
                yield stream, ACMERenewalFailed(version, 1, problem, NOW + timedelta(days=62))

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
