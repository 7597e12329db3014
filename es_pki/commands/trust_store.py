"""Trust stores: which certificates chains may end at, and since when they may not."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.names import own_name_violations
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.decider import Decider, Kind, Refused, RequestReused, Reservation, Violation
from es_pki.events.reservation import NameReserved
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted, TrustStoreCreated, TrustStoreEvent
from es_pki.values import TrustAnchor

CATEGORY = "trust_store"

MOST_CERTIFICATES = 2_000
"""Certificates that a store has ever had: a system's has about 150."""

_REASON = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


# Commands


class CreateTrustStore(Struct, frozen=True):
    """Make a store that trusts `anchors`."""

    name: str
    anchors: tuple[TrustAnchor, ...]
    request_digest: bytes


class TrustCertificate(Struct, frozen=True):
    """Trust `anchors`, which somebody chose, and `roots`, which come from a list that others keep.

    A root that was distrusted here stays so; an anchor only becomes trusted again when it is meant: `again`.
    """

    anchors: tuple[TrustAnchor, ...]
    roots: tuple[TrustAnchor, ...]
    again: bool


class DistrustCertificate(Struct, frozen=True):
    """Trust a certificate no more, at all or for what was issued after a time."""

    fingerprint: str
    reason: str
    issued_after: datetime | None


TrustStoreCommand = CreateTrustStore | TrustCertificate | DistrustCertificate


# Refusals


class TrustStoreMissing(Refused):
    """There is no trust store with this id or name. `GET /api/v1/trust-stores` lists them."""

    kind = Kind.MISSING


class CertificateUnknownHere(Refused):
    """The trust store never had this certificate. `GET /api/v1/trust-stores/{id}/certificates` lists those it has."""

    kind = Kind.MISSING


class Distrusted(Refused):
    """The certificate was distrusted here, for a reason that is on record. Say `again` if it is to be trusted anew."""

    kind = Kind.CLASHING


# State


class State(Struct, frozen=True):
    """What decisions about a store read: the certificates it ever had, by fingerprint, and why not (None: trusted)."""

    created: TrustStoreCreated | None = None
    certificates: Mapping[str, CertificateDistrusted | None] = {}


def evolve(state: State, event: TrustStoreEvent) -> State:
    """Fold one event."""
    match event:
        case TrustStoreCreated():
            return replace(state, created=event)
        case CertificateTrusted(anchor=anchor):
            return replace(state, certificates={**state.certificates, anchor.fingerprint: None})
        case CertificateDistrusted(fingerprint=fingerprint):
            return replace(state, certificates={**state.certificates, fingerprint: event})


# Decide


def decide(command: TrustStoreCommand, state: State) -> list[TrustStoreEvent]:
    """Turn a command into events."""
    match command:
        case CreateTrustStore():
            return _create(command, state)
        case TrustCertificate():
            return _trust(command, state)
        case DistrustCertificate():
            return _distrust(command, state)


def _create(command: CreateTrustStore, state: State) -> list[TrustStoreEvent]:
    if state.created is not None:
        if state.created.request_digest == command.request_digest:
            return []
        raise RequestReused("this id or Idempotency-Key was used for another trust store")
    RulesBroken.if_any([*own_name_violations(command.name), *_size_violations(len(_each_once(command.anchors)))])
    return [TrustStoreCreated(command.name, command.request_digest), *_trusted(command.anchors, state)]


def _trust(command: TrustCertificate, state: State) -> list[TrustStoreEvent]:
    _check_is_there(state)
    if not command.again:
        for anchor in command.anchors:
            if state.certificates.get(anchor.fingerprint) is not None:
                detail = f"{anchor.subject_name} was distrusted: {anchor.fingerprint}"
                raise Distrusted(detail, Violation("certificates", "distrust lasts", detail))
    roots = [root for root in command.roots if root.fingerprint not in state.certificates]
    events = _trusted((*command.anchors, *roots), state)
    RulesBroken.if_any(_size_violations(len(state.certificates) + len(events)))
    return events


def _distrust(command: DistrustCertificate, state: State) -> list[TrustStoreEvent]:
    _check_is_there(state)
    RulesBroken.if_any(_distrust_violations(command))
    if command.fingerprint not in state.certificates:
        detail = "the trust store never had a certificate of this fingerprint"
        raise CertificateUnknownHere(detail, Violation("fingerprint", "certificates are in the store", detail))
    before = state.certificates[command.fingerprint]
    if before is not None and before.issued_after == command.issued_after:
        return []
    return [CertificateDistrusted(command.fingerprint, command.reason, command.issued_after)]


def _check_is_there(state: State) -> None:
    if state.created is None:
        raise TrustStoreMissing("there is no such trust store")


def _trusted(anchors: Iterable[TrustAnchor], state: State) -> list[TrustStoreEvent]:
    """Return that each is trusted which isn't yet."""
    return [
        CertificateTrusted(anchor)
        for fingerprint, anchor in _each_once(anchors).items()
        if state.certificates.get(fingerprint, "unknown") is not None
    ]


def _each_once(anchors: Iterable[TrustAnchor]) -> dict[str, TrustAnchor]:
    return {anchor.fingerprint: anchor for anchor in anchors}


def _size_violations(size: int) -> Iterator[Violation]:
    if size > MOST_CERTIFICATES:
        yield Violation("certificates", "trust stores are bounded", f"at most {MOST_CERTIFICATES} certificates")


def _distrust_violations(command: DistrustCertificate) -> Iterator[Violation]:
    if not _FINGERPRINT.fullmatch(command.fingerprint):
        yield Violation("fingerprint", "certificates are known by their SHA-256", "64 hex digits")
    if not _REASON.fullmatch(command.reason):
        yield Violation("reason", "a reason is one line", "1 to 200 printable characters")


# The aggregate


def reservations(event: TrustStoreEvent, trust_store_id: str) -> Sequence[Reservation]:
    """Return what an event claims for the trust store: its name."""
    match event:
        case TrustStoreCreated(name=name):
            refusal = taken("name", name, "trust store")
            return (Reservation(f"trust_store_name-{name}", NameReserved(trust_store_id), refusal),)
        case _:
            return ()


TrustStoreDecider = Decider[TrustStoreCommand, State, TrustStoreEvent]

decider: TrustStoreDecider = Decider(
    category=CATEGORY, initial=State(), evolve=evolve, decide=decide, reservations=reservations
)
