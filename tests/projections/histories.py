"""Histories of an es-pki for the views' tests: any number of events, the same for the same seed."""

import itertools
import random
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from es_pki.commands.built_in import BUILT_IN
from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityPrepared,
    AuthorityRevoked,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
from es_pki.events.certificate import (
    CertificateDeleted,
    CertificateHeld,
    CertificateIssued,
    CertificateLabelled,
    CertificatePrepared,
    CertificateReleased,
    CertificateRenamed,
    CertificateRevoked,
    CertificateRolledBack,
    OwnerAssigned,
    PrivateKeyExported,
    PrivateKeysDiscarded,
    SigningFailed,
    SupersessionEnded,
    SupersessionHeldUp,
    SupersessionPlanned,
    UseBegun,
    UseEnded,
)
from es_pki.events.codec import Event
from es_pki.events.key_compromise import KeyCompromiseReported
from es_pki.events.ocsp_responder import OCSPResponderCertified, OCSPResponderPrepared
from es_pki.events.principal import ClientAdmitted, TokenCreated, TokenRevoked
from es_pki.events.profile import ProfileDefined, ProfileRetired
from es_pki.events.reservation import NameReleased, NameReserved, SerialNumberReserved
from es_pki.events.revocation_list import CRLIssued, CRLPrepared, Signed
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestImported,
    SigningRequestKeyDiscarded,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted, TrustStoreCreated
from es_pki.values import (
    Attribute,
    AttributeType,
    CRLReason,
    ExportFormat,
    IssuancePolicy,
    KeyType,
    NameConstraints,
    Role,
    TrustAnchor,
)
from es_pki.values import SubjectAltNames as Names
from es_pki.values.profile import ProfileTerms
from tests.builders import NOW
from tests.projections.acme_histories import ACMELives
from tests.projections.dns_provider_lives import dns_provider_life
from tests.projections.notice_lives import notice_channel_life, notice_life
from tests.projections.service_life import service_life


class _Author(ACMELives):
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
            profile=self._random.choice(list(BUILT_IN)),
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
        """Yield the events of one aggregate after the other, without end: one of every kind, then as they come."""
        lives = {
            "certificate": (self._certificate_life, 12),
            "authority": (self._authority_life, 4),
            "principal": (self._principal_life, 2),
            "signing_request": (self._signing_request_life, 2),
            "acme_account": (self._acme_account_life, 2),
            "dns_provider": (lambda stream: dns_provider_life(stream, next(self._numbers), self._random), 2),
            "notice_channel": (lambda stream: notice_channel_life(stream, next(self._numbers), self._random), 2),
            "notice": (lambda stream: notice_life(stream, self.new_id, self._random), 1),
            "acme_order": (self._acme_order_life, 3),
            "acme_renewal": (self._acme_renewal_life, 1),
            "profile": (self._profile_life, 1),
            "service": (self._service_life, 2),
            "trust_store": (self._trust_store_life, 1),
            "revocation_list": (self._revocation_list_life, 1),
            "key_compromise": (self._compromise, 1),
        }
        kinds, weights = list(lives), [weight for _, weight in lives.values()]
        drawn = iter(lambda: self._random.choices(kinds, weights)[0], None)
        for kind in itertools.chain(kinds, drawn):
            yield lives[kind][0](f"{kind}-{self.new_id()}")

    def _compromise(self, _stream: str) -> Iterator[tuple[str, Event]]:
        yield f"key_compromise-{self._random.getrandbits(256):064x}", KeyCompromiseReported("stolen")

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
                yield from self._supersession_of(stream, prepared)
                yield from self._end_of(stream, prepared)

        yield from self._lineage_life(stream)

    def _supersession_of(self, stream: str, prepared: CertificatePrepared) -> Iterator[tuple[str, Event]]:
        """Yield what may be planned for a version."""
        if self._random.random() < 0.6:
            return
        due_at, number = NOW + timedelta(days=self._random.randrange(9)), prepared.version
        validity = prepared.not_before, prepared.not_after
        yield stream, SupersessionPlanned(number, prepared.name, prepared.serial_number, *validity, due_at)
        if self._random.random() < 0.5:
            yield stream, SupersessionHeldUp(number, ("nginx",), due_at + timedelta(days=1))
        if self._random.random() < 0.5:
            yield stream, SupersessionEnded(number)

    def _end_of(self, stream: str, prepared: CertificatePrepared) -> Iterator[tuple[str, Event]]:
        """Yield what may happen to a version so that it holds no more."""
        if prepared.issuer_id is None or self._random.random() < 0.5:
            return
        facts = prepared.issuer_id, prepared.serial_number, prepared.not_after
        yield stream, CertificateHeld(prepared.version, prepared.name, *facts, NOW)
        if self._random.random() < 0.5:
            yield stream, CertificateReleased(prepared.version, *facts)
        if self._random.random() < 0.5:
            reason = self._random.choice([CRLReason.SUPERSEDED, CRLReason.UNSPECIFIED])
            yield stream, CertificateRevoked(prepared.version, prepared.name, *facts, NOW, reason)

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
        authority_id = stream.removeprefix("authority-")
        responder, serial = f"ocsp_responder-{authority_id}", f"{self._random.getrandbits(64):x}"
        end = NOW + timedelta(days=30)
        yield (
            responder,
            OCSPResponderPrepared(1, authority_id, KeyType.EC_P256, self.new_id(), "07" * 32, serial, NOW, end, b"tbs"),
        )
        yield f"serial_number-{authority_id}-{serial}", SerialNumberReserved(authority_id)
        yield responder, OCSPResponderCertified(1, b"certificate")
        for _ in range(self._random.randrange(3)):
            days = self._random.randrange(1, 800)
            yield stream, IssuancePolicyAdopted(IssuancePolicy(maximum_validity_days=days))
        if self._random.random() < 0.3:
            reason = CRLReason.CESSATION_OF_OPERATION
            yield stream, AuthorityRevoked("authority", self.new_id(), "0a", NOW + timedelta(days=9), NOW, reason)

    def _principal_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        name = f"principal-{next(self._numbers)}"
        if self._random.random() < 0.3:
            yield stream, ClientAdmitted(name, (Role.VIEWER,), b"digest", certificate_id=self.new_id())
        else:
            yield stream, TokenCreated(name, (Role.VIEWER,), self._random.randbytes(32), None, b"digest")
        if self._random.random() < 0.5:
            yield stream, TokenRevoked("left")

    def _profile_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        name = f"profile-{next(self._numbers)}"
        for version in range(1, self._random.randrange(2, 4)):
            yield stream, ProfileDefined(name, version, ProfileTerms(default_validity_days=version))
            if self._random.random() < 0.3:
                yield stream, ProfileRetired("nobody uses it")

    def _revocation_list_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        stream = f"{stream}/{self._random.randrange(3)}"
        for number in range(1, self._random.randrange(2, 5)):
            base = number - 1 or None
            yield stream, CRLPrepared(number, NOW, NOW + timedelta(days=number), self.new_id(), NOW, base)
            yield stream, CRLIssued(number, Signed(b"digest", b"signature", self._random.randrange(9), 300))

    def _signing_request_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        name, of_key, key_type = f"csr-{next(self._numbers)}", self._random.choice(self._keys), KeyType.EC_P256
        key_id = self._random.choice([self.new_id(), None])
        if key_id is not None and self._random.random() < 0.5:
            profile = self._random.choice(list(BUILT_IN))
            kept = (name, (), Names(), profile, key_type, key_id, of_key, b"csr", b"digest")
            yield stream, SigningRequestCreated(*kept)
        else:
            brought = (name, (), Names(), key_type, of_key, b"csr", b"digest", ("1.2.3",), key_id)
            yield stream, SigningRequestImported(*brought)
        yield f"signing_request_name-{name}", NameReserved(stream)
        key_ids = () if key_id is None else (key_id,)
        answers = [
            SigningRequestApproved(self.new_id(), key_ids),
            SigningRequestSigned(b"certificate", (b"authority",), key_ids),
            SigningRequestRejected("nobody knows it", key_ids),
            None,
        ]
        answer = self._random.choice(answers)
        if answer is not None:
            yield stream, answer
        if answer is not None and key_ids:
            yield stream, SigningRequestKeyDiscarded(key_ids)

    def _trust_store_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        name = f"trust-store-{next(self._numbers)}"
        yield stream, TrustStoreCreated(name, b"digest")
        yield f"trust_store_name-{name}", NameReserved(stream)
        for _ in range(self._random.randrange(1, 5)):
            of_key = self._random.choice(self._keys)
            anchor = TrustAnchor(of_key, b"root", f"CN=Root {of_key[:4]}", "01", NOW, NOW + timedelta(days=9), of_key)
            yield stream, CertificateTrusted(anchor)
            if self._random.random() < 0.5:
                yield stream, CertificateDistrusted(of_key, "caught", self._random.choice([NOW, None]))

    def _service_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        return service_life(self._random, self.new_id, stream, f"service-{next(self._numbers)}")

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
