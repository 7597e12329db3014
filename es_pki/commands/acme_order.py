"""Orders at ACME directories, as processes: what was done is recorded step by step, so that any step can be resumed.

What is done between two steps happens outside; each `Record…` finds recorded what was recorded before.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from es_pki.commands import acme_steps
from es_pki.commands.acme_steps import State, Step
from es_pki.commands.installation import path_fault
from es_pki.commands.key_guard import trusted_key
from es_pki.commands.names import own_name_violations, subject_alt_name_violations
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.decider import Claim, Decider, Guard, Kind, Refused, Release, RequestReused, Reservation, Violation
from es_pki.events.acme_order import (
    ACMECertificateObtained,
    ACMEChallengeCleanedUp,
    ACMEChallengePresented,
    ACMEOrderAbandoned,
    ACMEOrderCreated,
    ACMEOrderEvent,
    ACMEOrderFailed,
    ACMEOrderPlaced,
    ACMERehearsalPassed,
)
from es_pki.events.reservation import NameReleased, NameReserved
from es_pki.values import PublicKey, SubjectAltNames
from es_pki.values.acme import ChallengeType, server_name

CATEGORY = "acme_order"

BY_DNS = frozenset({ChallengeType.DNS_01, ChallengeType.DNS_PERSIST_01})
"""The challenges that prove wildcards, and no IP addresses."""

MOST_ACCOUNTS = 5

_WORD = re.compile(r"[!-~]{0,128}")
_REASON = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,200}")


# Commands


class PlaceACMEOrder(Struct, frozen=True):
    """Order a certificate; while the wish is judged before there is a key, `key_id` and `csr` are empty.

    `account_version` is that of the account's stream, on which the wish rests.
    """

    name: str
    certificate_id: str
    account_id: str
    account_version: int
    subject_alt_names: SubjectAltNames
    challenge_type: ChallengeType
    public_key: PublicKey
    key_id: str
    csr: bytes
    profile: str
    preferred_chain: str
    replaces: str
    renews: bool
    request_digest: bytes
    webroot: str = ""
    fallback_ids: tuple[str, ...] = ()
    former_account_id: str = ""
    is_rehearsal: bool = False


class AbandonACMEOrder(Struct, frozen=True):
    """Call the order off."""

    reason: str


ACMEOrderCommand = PlaceACMEOrder | AbandonACMEOrder | Step


# Refusals


class ACMEOrderMissing(Refused):
    """There is no ACME order with this id or certificate name. `GET /api/v1/acme/orders` lists them."""

    kind = Kind.MISSING


class ACMEOrderUnderWay(Refused):
    """An order for the certificate is under way already. Wait for it, or abandon it first."""

    kind = Kind.CLASHING


class ACMEOrderOver(Refused):
    """The order has come to its end: its certificate came, or it failed. Place another one."""

    kind = Kind.CLASHING


class ACMEOrderShared(Refused):
    """The directory answered with an order that another one here uses. It is tried again when that one is over."""

    kind = Kind.CLASHING


# State


def placed(state: State) -> ACMEOrderPlaced:
    """Return how the order began. Raises `ACMEOrderMissing`."""
    if state.placed is None:
        detail = "there is no such ACME order"
        raise ACMEOrderMissing(detail, Violation("order", "orders are known", detail))
    return state.placed


# Decide


def decide(command: ACMEOrderCommand, state: State) -> list[ACMEOrderEvent]:
    """Turn a command into events."""
    match command:
        case PlaceACMEOrder():
            return _place(command, state)
        case AbandonACMEOrder():
            return _abandon(command, state, placed(state))
        case _:
            return acme_steps.decide(command, state, placed(state))


def _place(command: PlaceACMEOrder, state: State) -> list[ACMEOrderEvent]:
    if state.placed is not None:
        if state.placed.request_digest == command.request_digest:
            return []
        raise RequestReused("this id or Idempotency-Key was used for another order")
    RulesBroken.if_any(_order_violations(command))
    return [
        ACMEOrderPlaced(
            name=command.name,
            certificate_id=command.certificate_id,
            account_id=command.account_id,
            subject_alt_names=command.subject_alt_names,
            challenge_type=command.challenge_type,
            key_id=command.key_id,
            key_type=command.public_key.key_type,
            public_key_hash=command.public_key.hash,
            csr=command.csr,
            request_digest=command.request_digest,
            profile=command.profile,
            preferred_chain=command.preferred_chain,
            replaces=command.replaces,
            renews=command.renews,
            webroot=command.webroot,
            fallback_ids=command.fallback_ids,
            former_account_id=command.former_account_id,
            is_rehearsal=command.is_rehearsal,
        )
    ]


def _order_violations(command: PlaceACMEOrder) -> Iterator[Violation]:
    yield from own_name_violations(command.name)
    yield from subject_alt_name_violations(command.subject_alt_names)
    names = command.subject_alt_names
    if not names.dns_names and not names.ip_addresses:
        yield Violation("dns_names", "RFC 8555 section 7.1.3", "an order is for one name or more")
    for index, name in enumerate(names.dns_names):
        if name.startswith("*.") and command.challenge_type not in BY_DNS:
            detail = f"a wildcard is proved by DNS, not by {command.challenge_type}"
            yield Violation(f"dns_names[{index}]", "CA/Browser Forum Baseline Requirements section 3.2.2.4", detail)
    if names.ip_addresses and command.challenge_type in BY_DNS:
        detail = f"an IP address is proved by http-01 or tls-alpn-01, not by {command.challenge_type}"
        yield Violation("ip_addresses", "RFC 8738 section 7", detail)
    if command.webroot and command.challenge_type is not ChallengeType.HTTP_01:
        yield Violation("webroot", "RFC 8555 section 8.3", "a folder of a web server is for http-01")
    if command.webroot and (fault := path_fault(command.webroot)):
        yield Violation("webroot", "paths are absolute and normal", fault)
    if command.public_key.key_type.algorithm not in {"rsa", "ec"}:
        detail = "public authorities certify RSA and EC keys only"
        yield Violation("key_type", "CA/Browser Forum Baseline Requirements section 6.1.5", detail)
    accounts = (command.account_id, *command.fallback_ids)
    if len(set(accounts)) != len(accounts) or len(accounts) > MOST_ACCOUNTS:
        detail = f"at most {MOST_ACCOUNTS - 1} others, each once"
        yield Violation("fallback_accounts", "fallbacks are other accounts", detail)
    if not _WORD.fullmatch(command.profile):
        yield Violation("profile", "profiles are named", "at most 128 ASCII characters without spaces")
    if not _REASON.fullmatch(command.preferred_chain):
        yield Violation("preferred_chain", "a common name is one line", "at most 200 printable characters")


def _abandon(command: AbandonACMEOrder, state: State, began: ACMEOrderPlaced) -> list[ACMEOrderEvent]:
    if state.abandoned is not None or state.failure is not None:
        return []
    if state.is_over:
        detail = f"the order for {began.name} is over"
        raise ACMEOrderOver(detail, Violation("order", "what is over stays as it is", detail))
    if not _REASON.fullmatch(command.reason):
        RulesBroken.if_any([Violation("reason", "a reason is one line", "at most 200 printable characters")])
    return [ACMEOrderAbandoned(command.reason)]


# The aggregate


def reservations(event: ACMEOrderEvent, order_id: str) -> Sequence[Claim]:
    """Return what an event claims for the order, or gives up.

    The lineage's name while there is no lineage yet, the lineage for one order at a time, the directory's order, and
    the tokens and names under which answers are found.
    """
    refusal: Refused
    match event:
        case ACMEOrderPlaced():
            under_way = _reserved(f"acme_order_for-{event.certificate_id}", order_id, _under_way(event.name))
            if event.renews:
                return (under_way,)
            refusal = taken("name", event.name, "certificate")
            return (under_way, _reserved(f"certificate_name-{event.name}", order_id, refusal))
        case ACMEOrderCreated(url=url):
            refusal = ACMEOrderShared("another order here uses the directory's order")
            return (_reserved(f"acme_order_url-{url_digest(url)}", order_id, refusal),)
        case ACMEChallengePresented(type=ChallengeType.TLS_ALPN_01, token=token, identifier=identifier):
            refusal = ACMEOrderShared(f"another order here answers for {identifier} by TLS")
            by_name = _reserved(tls_alpn_stream(server_name(identifier)), order_id, refusal)
            return (_token_reserved(token, order_id), by_name)
        case ACMEChallengePresented(token=token):
            return (_token_reserved(token, order_id),) if token else ()
        case ACMEChallengeCleanedUp(token=token, server_name=by_name):
            streams = (f"acme_token-{token}" if token else "", tls_alpn_stream(by_name) if by_name else "")
            return tuple(_released(stream, order_id) for stream in streams if stream)
        case ACMECertificateObtained() | ACMERehearsalPassed():
            return (_released(f"acme_order_for-{event.certificate_id}", order_id),)
        case ACMEOrderFailed(certificate_id=certificate_id, name=name):
            name_too = (_released(f"certificate_name-{name}", order_id),) if name else ()
            return (_released(f"acme_order_for-{certificate_id}", order_id), *name_too)
        case _:
            return ()


def tls_alpn_stream(name: str) -> str:
    """Return the stream that says which order is proved by whoever names `name` in TLS (tls-alpn-01)."""
    return f"acme_tls_alpn-{name}"


def _token_reserved(token: str, order_id: str) -> Reservation:
    refusal = ACMEOrderShared("another order here answers under this token")
    return _reserved(f"acme_token-{token}", order_id, refusal)


def url_digest(url: str) -> str:
    """Return the SHA-256 of a URL in hex: what a directory's order is known by."""
    return hashlib.sha256(url.encode()).hexdigest()


def _under_way(name: str) -> ACMEOrderUnderWay:
    detail = f"an order for the certificate {name} is under way"
    return ACMEOrderUnderWay(detail, Violation("certificate", "one order at a time", detail))


def _reserved(stream: str, order_id: str, refusal: Refused) -> Reservation:
    return Reservation(stream, NameReserved(order_id), refusal)


def _released(stream: str, order_id: str) -> Release:
    return Release(stream, NameReleased(order_id))


def guards(command: ACMEOrderCommand) -> Sequence[Guard]:
    """Return the guards that the account is as it was read, and that nobody reported the key."""
    match command:
        case PlaceACMEOrder():
            account = Guard(f"acme_account-{command.account_id}", command.account_version)
            return (account, trusted_key(command.public_key.hash, "public_key"))
        case _:
            return ()


ACMEOrderDecider = Decider[ACMEOrderCommand, State, ACMEOrderEvent]

decider: ACMEOrderDecider = Decider(
    category=CATEGORY,
    initial=State(),
    evolve=acme_steps.evolve,
    decide=decide,
    reservations=reservations,
    guards=guards,
)
