"""How events lie on disk: a written-out type name and JSON (RFC 3339 times, base64 bytes).

The names are part of the format. An event class may be renamed or moved; its name here may not. Where an event's
meaning changed it got a new name, and what was stored under the old one is upcast when it is read: readers see only
the newest form, and the bytes in the log stay as they are.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from es_pki.events.acme_account import (
    ACMEAccountDeactivated,
    ACMEAccountEvent,
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
    ACMEOrderEvent,
    ACMEOrderFailed,
    ACMEOrderFinalized,
    ACMEOrderHindered,
    ACMEOrderMoved,
    ACMEOrderPlaced,
    ACMERehearsalPassed,
)
from es_pki.events.acme_renewal import ACMERenewalEvent, ACMERenewalFailed, ACMERenewalMissed, ACMERenewalPlanned
from es_pki.events.authority import (
    AuthorityCreated,
    AuthorityEvent,
    AuthorityImported,
    AuthorityKeyImported,
    AuthorityPrepared,
    AuthorityRevoked,
    AuthoritySigningFailed,
    IssuancePolicyAdopted,
)
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
from es_pki.events.dns_provider import (
    DNSCredentialsReplaced,
    DNSProviderAdded,
    DNSProviderEvent,
    DNSProviderRemoved,
)
from es_pki.events.key_compromise import KeyCompromiseEvent, KeyCompromiseReported, KeyUsesRevoked
from es_pki.events.log_key import LogKeyAdopted, LogKeyEvent, LogRestored
from es_pki.events.notice import NoticeBegun, NoticeEvent, NoticeFailed, NoticeSent
from es_pki.events.notice_channel import (
    NoticeChannelAdded,
    NoticeChannelEvent,
    NoticeChannelRemoved,
    NoticeSecretReplaced,
)
from es_pki.events.ocsp_responder import (
    OCSPResponderCertified,
    OCSPResponderEvent,
    OCSPResponderPrepared,
    OCSPResponderSigningFailed,
)
from es_pki.events.principal import ClientAdmitted, PrincipalEvent, TokenCreated, TokenRevoked
from es_pki.events.profile import ProfileDefined, ProfileEvent, ProfileRetired
from es_pki.events.reservation import NameReleased, NameReserved, ReservationEvent, SerialNumberReserved
from es_pki.events.revocation_list import CRLIssued, CRLPrepared, RevocationListEvent
from es_pki.events.service import (
    CertificateBound,
    CertificateDeployed,
    CertificateUnbound,
    CHAPRotationFailed,
    CHAPSecretPrepared,
    CHAPSecretRotated,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentStarted,
    InstallationAdopted,
    ServiceEvent,
    ServiceObserved,
    ServiceRegistered,
    ServiceResumed,
    ServiceRetired,
    ServiceStopped,
)
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestEvent,
    SigningRequestImported,
    SigningRequestKeyDiscarded,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted, TrustStoreCreated, TrustStoreEvent

Event = (
    ACMEAccountEvent
    | ACMEOrderEvent
    | ACMERenewalEvent
    | AuthorityEvent
    | CertificateEvent
    | DNSProviderEvent
    | KeyCompromiseEvent
    | LogKeyEvent
    | NoticeChannelEvent
    | NoticeEvent
    | OCSPResponderEvent
    | PrincipalEvent
    | ProfileEvent
    | ReservationEvent
    | RevocationListEvent
    | ServiceEvent
    | SigningRequestEvent
    | TrustStoreEvent
)

EVENT_TYPES: dict[str, type[Event]] = {
    "acme_account.prepared.v1": ACMEAccountPrepared,
    "acme_account.registered.v1": ACMEAccountRegistered,
    "acme_account.registration_failed.v1": ACMERegistrationFailed,
    "acme_account.key_prepared.v1": ACMEAccountKeyPrepared,
    "acme_account.key_rolled_over.v1": ACMEAccountKeyRolledOver,
    "acme_account.key_roll_over_failed.v1": ACMEKeyRollOverFailed,
    "acme_account.test_account_named.v1": ACMETestAccountNamed,
    "acme_account.deactivation_requested.v1": ACMEDeactivationRequested,
    "acme_account.deactivated.v1": ACMEAccountDeactivated,
    "acme_order.placed.v1": ACMEOrderPlaced,
    "acme_order.created.v1": ACMEOrderCreated,
    "acme_order.challenge_presented.v1": ACMEChallengePresented,
    "acme_order.challenge_seen.v1": ACMEChallengeSeen,
    "acme_order.authorization_validated.v1": ACMEAuthorizationValidated,
    "acme_order.challenge_cleaned_up.v1": ACMEChallengeCleanedUp,
    "acme_order.finalized.v1": ACMEOrderFinalized,
    "acme_order.certificate_obtained.v1": ACMECertificateObtained,
    "acme_order.rehearsal_passed.v1": ACMERehearsalPassed,
    "acme_order.hindered.v1": ACMEOrderHindered,
    "acme_order.moved.v1": ACMEOrderMoved,
    "acme_order.abandoned.v1": ACMEOrderAbandoned,
    "acme_order.failed.v1": ACMEOrderFailed,
    "acme_renewal.planned.v1": ACMERenewalPlanned,
    "acme_renewal.failed.v1": ACMERenewalFailed,
    "acme_renewal.missed.v1": ACMERenewalMissed,
    "authority.prepared.v1": AuthorityPrepared,
    "authority.created.v1": AuthorityCreated,
    "authority.signing_failed.v1": AuthoritySigningFailed,
    "authority.imported.v1": AuthorityImported,
    "authority.key_imported.v1": AuthorityKeyImported,
    "authority.issuance_policy_adopted.v1": IssuancePolicyAdopted,
    "authority.revoked.v1": AuthorityRevoked,
    "certificate.prepared.v1": CertificatePrepared,
    "certificate.issued.v1": CertificateIssued,
    "certificate.signing_failed.v1": SigningFailed,
    "certificate.imported.v1": CertificateImported,
    "certificate.key_imported.v1": CertificateKeyImported,
    "certificate.rolled_back.v1": CertificateRolledBack,
    "certificate.renamed.v1": CertificateRenamed,
    "certificate.labelled.v1": CertificateLabelled,
    "certificate.owner_assigned.v1": OwnerAssigned,
    "certificate.deleted.v1": CertificateDeleted,
    "certificate.private_keys_discarded.v1": PrivateKeysDiscarded,
    "certificate.private_key_exported.v1": PrivateKeyExported,
    "certificate.held.v1": CertificateHeld,
    "certificate.released.v1": CertificateReleased,
    "certificate.revoked.v1": CertificateRevoked,
    "certificate.supersession_planned.v1": SupersessionPlanned,
    "certificate.supersession_held_up.v1": SupersessionHeldUp,
    "certificate.supersession_ended.v1": SupersessionEnded,
    "certificate.revocation_requested.v1": RevocationRequested,
    "certificate.revocation_refused.v1": RevocationRefused,
    "certificate.use_begun.v1": UseBegun,
    "certificate.use_ended.v1": UseEnded,
    "key_compromise.reported.v1": KeyCompromiseReported,
    "key_compromise.uses_revoked.v1": KeyUsesRevoked,
    "log_key.adopted.v1": LogKeyAdopted,
    "log_key.log_restored.v1": LogRestored,
    "notice.begun.v1": NoticeBegun,
    "notice.sent.v1": NoticeSent,
    "notice.failed.v1": NoticeFailed,
    "notice_channel.added.v1": NoticeChannelAdded,
    "notice_channel.secret_replaced.v1": NoticeSecretReplaced,
    "notice_channel.removed.v1": NoticeChannelRemoved,
    "ocsp_responder.prepared.v1": OCSPResponderPrepared,
    "ocsp_responder.certified.v1": OCSPResponderCertified,
    "ocsp_responder.signing_failed.v1": OCSPResponderSigningFailed,
    "principal.client_admitted.v1": ClientAdmitted,
    "principal.token_created.v1": TokenCreated,
    "principal.token_revoked.v1": TokenRevoked,
    "profile.defined.v1": ProfileDefined,
    "profile.retired.v1": ProfileRetired,
    "reservation.name_reserved.v1": NameReserved,
    "reservation.name_released.v1": NameReleased,
    "reservation.serial_number_reserved.v1": SerialNumberReserved,
    "revocation_list.crl_prepared.v1": CRLPrepared,
    "revocation_list.crl_issued.v1": CRLIssued,
    "service.registered.v1": ServiceRegistered,
    "service.installation_adopted.v1": InstallationAdopted,
    "service.certificate_bound.v1": CertificateBound,
    "service.certificate_unbound.v1": CertificateUnbound,
    "service.stopped.v1": ServiceStopped,
    "service.resumed.v1": ServiceResumed,
    "service.retired.v1": ServiceRetired,
    "service.deployment_started.v1": DeploymentStarted,
    "service.certificate_deployed.v1": CertificateDeployed,
    "service.deployment_failed.v1": DeploymentFailed,
    "service.deployment_rolled_back.v1": DeploymentRolledBack,
    "service.observed.v1": ServiceObserved,
    "service.chap_secret_prepared.v1": CHAPSecretPrepared,
    "service.chap_secret_rotated.v1": CHAPSecretRotated,
    "service.chap_rotation_failed.v1": CHAPRotationFailed,
    "signing_request.created.v1": SigningRequestCreated,
    "signing_request.imported.v1": SigningRequestImported,
    "signing_request.approved.v1": SigningRequestApproved,
    "signing_request.signed.v1": SigningRequestSigned,
    "signing_request.rejected.v1": SigningRequestRejected,
    "signing_request.key_discarded.v1": SigningRequestKeyDiscarded,
    "dns_provider.added.v1": DNSProviderAdded,
    "dns_provider.credentials_replaced.v1": DNSCredentialsReplaced,
    "dns_provider.removed.v1": DNSProviderRemoved,
    "trust_store.created.v1": TrustStoreCreated,
    "trust_store.certificate_trusted.v1": CertificateTrusted,
    "trust_store.certificate_distrusted.v1": CertificateDistrusted,
}

"""The newest stored type of every event."""


class Upcast(NamedTuple):
    """How an old stored type becomes the next one: `change` is pure; the JSON object that it gets is its own."""

    to: str
    change: Callable[[dict[str, Any]], dict[str, Any]]


UPCASTS: dict[str, Upcast] = {}
"""Every stored type that is no longer written. `tests/events/test_upcasting.py` shows the steps."""


class UnknownEvent(Exception):
    """A stored type that this release does not know: written by a newer one."""


class UndecodableEvent(Exception):
    """Stored data that is not what its type says: damage, or a broken rule of `events/__init__.py`."""


E = TypeVar("E")


class Vocabulary(Generic[E]):
    """Stored types and the events that they stand for. Raises `ValueError` for an upcast that leads nowhere."""

    def __init__(self, events: Mapping[str, type[E]], upcasts: Mapping[str, Upcast]) -> None:
        self._names = {event: name for name, event in events.items()}
        self._events = events
        self._encoder = msgspec.json.Encoder()
        self._decoders = {name: msgspec.json.Decoder(event) for name, event in events.items()}
        self._chains = {name: list(_chain(name, events, upcasts)) for name in upcasts}
        self._stored: dict[str, set[str]] = {name: {name} for name in (*events, *upcasts)}
        for name, chain in self._chains.items():
            self._stored[chain[-1].to].add(name)

    def encode(self, event: E) -> tuple[str, bytes]:
        """Return the event's stored type and data."""
        return self._names[type(event)], self._encoder.encode(event)

    def decode(self, type_name: str, data: bytes) -> E:
        """Return the event of a stored type and data. Raises `UnknownEvent` and `UndecodableEvent`."""
        decoder = self._decoders.get(type_name)
        try:
            return decoder.decode(data) if decoder else self._upcast(type_name, data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # the latter for what is no UTF-8 within a text
            raise UndecodableEvent(f"{type_name}: {error}") from error

    def newest(self, type_name: str) -> str:
        """Return the type under which an event of a stored type would be stored today. Raises `UnknownEvent`."""
        if type_name in self._events:
            return type_name
        return self._chain_of(type_name)[-1].to

    def stored_types(self, *type_names: str) -> frozenset[str]:
        """Return all types under which events of these types may lie: to a newest one belong its old names.

        Raises `UnknownEvent`.
        """
        unknown = [name for name in type_names if name not in self._stored]
        if unknown:
            raise UnknownEvent(unknown[0])
        return frozenset(stored for name in type_names for stored in self._stored[name])

    def stored_types_of(self, *events: type[E]) -> frozenset[str]:
        """Return all types under which these events may lie."""
        return self.stored_types(*(self._names[event] for event in events))

    def _upcast(self, type_name: str, data: bytes) -> E:
        chain = self._chain_of(type_name)
        form = msgspec.json.decode(data, type=dict[str, Any])
        try:
            for upcast in chain:
                form = upcast.change(form)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UndecodableEvent(f"{type_name}: {error!r}") from error
        return msgspec.convert(form, self._events[chain[-1].to])

    def _chain_of(self, type_name: str) -> list[Upcast]:
        try:
            return self._chains[type_name]
        except KeyError:
            raise UnknownEvent(type_name) from None


def _chain(name: str, events: Mapping[str, type[E]], upcasts: Mapping[str, Upcast]) -> Iterator[Upcast]:
    """Yield the upcasts that lead from an old type to one that is written."""
    seen: set[str] = set()
    while name not in seen and name in upcasts and name not in events:
        seen.add(name)
        yield upcasts[name]
        name = upcasts[name].to
    if name not in events or not seen:
        raise ValueError(f"{name} is neither an event nor upcast to one")


VOCABULARY: Vocabulary[Event] = Vocabulary(EVENT_TYPES, UPCASTS)


def encode(event: Event) -> tuple[str, bytes]:
    """See `Vocabulary.encode`."""
    return VOCABULARY.encode(event)


def decode(type_name: str, data: bytes) -> Event:
    """See `Vocabulary.decode`."""
    return VOCABULARY.decode(type_name, data)


def newest(type_name: str) -> str:
    """See `Vocabulary.newest`."""
    return VOCABULARY.newest(type_name)


def stored_types(*type_names: str) -> frozenset[str]:
    """See `Vocabulary.stored_types`."""
    return VOCABULARY.stored_types(*type_names)


def stored_types_of(*events: type[Event]) -> frozenset[str]:
    """See `Vocabulary.stored_types_of`."""
    return VOCABULARY.stored_types_of(*events)
