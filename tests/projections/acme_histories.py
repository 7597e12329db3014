"""Histories of accounts, orders and renewals at ACME directories, for the views' tests."""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import timedelta

from es_pki.events.acme_account import (
    ACMEAccountDeactivated,
    ACMEAccountKeyPrepared,
    ACMEAccountKeyRolledOver,
    ACMEAccountPrepared,
    ACMEAccountRegistered,
    ACMEDeactivationRequested,
    ACMEKeyRollOverFailed,
    ACMERegistrationFailed,
    ACMETestAccountNamed,
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
    ACMEOrderMoved,
    ACMEOrderPlaced,
    ACMERehearsalPassed,
)
from es_pki.events.acme_renewal import ACMERenewalFailed, ACMERenewalMissed, ACMERenewalPlanned
from es_pki.events.certificate import (
    CertificateImported,
    CertificateRevoked,
    RevocationRefused,
    RevocationRequested,
)
from es_pki.events.codec import Event
from es_pki.events.reservation import NameReleased, NameReserved
from es_pki.values import CRLReason, KeyType
from es_pki.values import SubjectAltNames as Names
from es_pki.values.acme import ACMEProblem, ChallengeType
from es_pki.values.foreign import kind_of
from tests.builders import NOW


class ACMELives(ABC):
    """Makes such events up."""

    _random: random.Random
    _numbers: Iterator[int]
    _keys: list[str]

    @abstractmethod
    def new_id(self) -> str:
        """Return an id that nothing has."""

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
            yield stream, ACMETestAccountNamed(self._random.choice([self.new_id(), ""]))
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
            yield stream, ACMEOrderMoved(self.new_id(), problem)
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
        if self._random.random() < 0.2:
            yield stream, ACMERehearsalPassed(order_id)
            return
        yield stream, ACMECertificateObtained(order_id, 1)
        obtained = self._obtained(order_id, name)
        yield f"certificate-{order_id}", obtained
        if self._random.random() < 0.5:
            yield from self._end_of_obtained(f"certificate-{order_id}", obtained)

    def _end_of_obtained(self, stream: str, obtained: CertificateImported) -> Iterator[tuple[str, Event]]:
        reason = CRLReason.SUPERSEDED
        yield stream, RevocationRequested(1, obtained.order_id, obtained.serial_number, NOW, reason)
        if self._random.random() < 0.5:
            yield stream, RevocationRefused(1, ACMEProblem("urn:ietf:params:acme:error:unauthorized", "not yours"))
        else:
            facts = obtained.name, "", obtained.serial_number, obtained.not_after
            yield stream, CertificateRevoked(1, *facts, NOW, reason)

    def _obtained(self, order_id: str, name: str) -> CertificateImported:
        return CertificateImported(
            version=1,
            name=name,
            issuer_id=None,
            profile="server",
            subject=(),
            issuer=(),
            subject_alt_names=Names(dns_names=("www.example.test",)),
            key=kind_of(KeyType.EC_P256),
            key_id=self.new_id(),
            public_key_hash=self._random.choice(self._keys),
            serial_number=f"{self._random.getrandbits(64):x}",
            not_before=NOW,
            not_after=NOW + timedelta(days=90),
            certificate=self._random.randbytes(8),
            request_digest=b"digest",
            request_id=order_id,
            order_id=order_id,
        )

    def _acme_renewal_life(self, stream: str) -> Iterator[tuple[str, Event]]:
        name, end = f"renewed-{next(self._numbers)}", NOW + timedelta(days=90)
        for version in range(1, self._random.randrange(2, 4)):
            yield stream, ACMERenewalPlanned(name, version, end, NOW + timedelta(days=61), NOW, end)
            if self._random.random() < 0.5:
                problem = ACMEProblem("urn:ietf:params:acme:error:dns", "no such name")
                yield stream, ACMERenewalFailed(version, 1, problem, NOW + timedelta(days=62))
            if self._random.random() < 0.3:
                yield stream, ACMERenewalMissed(version, end)
