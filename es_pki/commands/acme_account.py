"""Accounts at ACME directories: opened, given another key, closed. Each wish is recorded before the directory hears it.

What the directory answers comes back as `Record…`; a wish that it refused for good has its problem.
"""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.names import email_address_fault, own_name_violations, uri_fault
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.decider import Claim, Decider, Kind, Refused, Release, RequestReused, Reservation, Violation
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
from es_pki.events.reservation import NameReleased, NameReserved
from es_pki.values import KeyType, PublicKey
from es_pki.values.acme import ACME_GIVEN_UP, ACMEProblem

CATEGORY = "acme_account"

KEY_TYPES = (KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048, KeyType.RSA_3072, KeyType.RSA_4096)
"""The keys that directories take for accounts."""

MOST_CONTACTS = 10

_REASON = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,200}")
_PRINTABLE = re.compile(r"[!-~]{1,256}")


# Commands


class RegisterACMEAccount(Struct, frozen=True):
    """Open an account for a key made here; `eab_mac_id` is where the CA's own key lies, "" without one."""

    name: str
    directory: str
    contacts: tuple[str, ...]
    terms_of_service_agreed: bool
    public_key: PublicKey
    key_id: str
    eab_key_id: str
    eab_mac_id: str
    ca_bundle: str
    request_digest: bytes
    test_account_id: str = ""


class RecordACMERegistration(Struct, frozen=True):
    """The directory opened the account."""

    url: str
    terms_of_service: str


class RecordACMERegistrationFailure(Struct, frozen=True):
    """The directory opens no such account, and it is no use to try again."""

    problem: ACMEProblem


class RollOverACMEAccountKey(Struct, frozen=True):
    """Give the account another key, made here; `request_id` is the same for the same Idempotency-Key."""

    public_key: PublicKey
    key_id: str
    request_id: str


class RecordACMEKeyRollOver(Struct, frozen=True):
    """The directory took the new key."""

    key_id: str


class RecordACMEKeyRollOverFailure(Struct, frozen=True):
    """The directory doesn't take the new key."""

    key_id: str
    problem: ACMEProblem


class NameACMETestAccount(Struct, frozen=True):
    """Rehearse with this account, "" for none; `is_itself`: it is the account's own id."""

    test_account_id: str
    is_itself: bool


class DeactivateACMEAccount(Struct, frozen=True):
    """Close the account for ever."""

    reason: str


class RecordACMEDeactivation(Struct, frozen=True):
    """The directory closed the account."""


ACMEAccountCommand = (
    RegisterACMEAccount
    | RecordACMERegistration
    | RecordACMERegistrationFailure
    | RollOverACMEAccountKey
    | RecordACMEKeyRollOver
    | RecordACMEKeyRollOverFailure
    | NameACMETestAccount
    | DeactivateACMEAccount
    | RecordACMEDeactivation
)


# Refusals


class ACMEAccountMissing(Refused):
    """There is no ACME account with this id or name. `GET /api/v1/acme/accounts` lists them."""

    kind = Kind.MISSING


class ACMEAccountUnusable(Refused):
    """The account isn't open yet, was never opened, or was closed. Wait, or register another one."""

    kind = Kind.CLASHING


# State


class Opening(Struct, frozen=True):
    """How an account began, and what became of that: `url` "" until it is open."""

    prepared: ACMEAccountPrepared
    url: str = ""
    failure: ACMEProblem | None = None


class AccountKeyOf(Struct, frozen=True):
    """A key of the account: where it lies, and its public half."""

    key_id: str
    public_key: PublicKey


class State(Struct, frozen=True):
    """What decisions about an account read. `next_key` was made and is not known to the directory yet.

    `rolled_over` are the keys' ids by the wishes that they were made for.
    """

    opening: Opening | None = None
    key: AccountKeyOf | None = None
    next_key: AccountKeyOf | None = None
    rolled_over: tuple[str, ...] = ()
    test_account_id: str = ""
    is_closing: bool = False
    is_closed: bool = False


def evolve(state: State, event: ACMEAccountEvent) -> State:
    """Fold one event."""
    match event:
        case ACMEAccountPrepared():
            key = AccountKeyOf(event.key_id, PublicKey(event.key_type, event.public_key))
            return State(Opening(event), key, test_account_id=event.test_account_id)
        case ACMEAccountRegistered(url=url) if state.opening is not None:
            return replace(state, opening=replace(state.opening, url=url))
        case ACMERegistrationFailed(problem=problem) if state.opening is not None:
            return replace(state, opening=replace(state.opening, failure=problem))
        case ACMEAccountKeyPrepared():
            next_key = AccountKeyOf(event.key_id, PublicKey(event.key_type, event.public_key))
            return replace(state, next_key=next_key, rolled_over=(*state.rolled_over, event.request_id))
        case ACMEAccountKeyRolledOver():
            return replace(state, key=state.next_key or state.key, next_key=None)
        case ACMEKeyRollOverFailed():
            return replace(state, next_key=None)
        case ACMETestAccountNamed(test_account_id=test_account_id):
            return replace(state, test_account_id=test_account_id)
        case ACMEDeactivationRequested():
            return replace(state, is_closing=True)
        case ACMEAccountDeactivated():
            return replace(state, is_closed=True)
        case ACMEAccountRegistered() | ACMERegistrationFailed():
            return state


def opened(state: State) -> Opening:
    """Return how the account began. Raises `ACMEAccountMissing`."""
    if state.opening is None:
        detail = "there is no such ACME account"
        raise ACMEAccountMissing(detail, Violation("account", "accounts are named", detail))
    return state.opening


def is_open(state: State) -> bool:
    """Tell whether orders can be placed with the account."""
    return state.opening is not None and state.opening.url != "" and not state.is_closing


def usable(state: State) -> Opening:
    """Return the account if orders can be placed with it. Raises `ACMEAccountMissing` and `ACMEAccountUnusable`."""
    opening = opened(state)
    if is_open(state):
        return opening
    why = "is closed" if state.is_closing else "was never opened" if opening.failure else "is not open yet"
    detail = f"the ACME account {opening.prepared.name} {why}"
    raise ACMEAccountUnusable(detail, Violation("account", "an open account is needed", detail))


# Decide


def decide(command: ACMEAccountCommand, state: State) -> list[ACMEAccountEvent]:
    """Turn a command into events."""
    match command:
        case RegisterACMEAccount():
            return _register(command, state)
        case RecordACMERegistration():
            return _registered(command, state)
        case RecordACMERegistrationFailure():
            return _not_registered(command, state)
        case RollOverACMEAccountKey():
            return _roll_over(command, state)
        case RecordACMEKeyRollOver(key_id=key_id):
            return [ACMEAccountKeyRolledOver(key_id)] if _is_next(state, key_id) else []
        case RecordACMEKeyRollOverFailure(key_id=key_id, problem=problem):
            return [ACMEKeyRollOverFailed(problem, (key_id,))] if _is_next(state, key_id) else []
        case NameACMETestAccount():
            return _name_test_account(command, state)
        case DeactivateACMEAccount():
            return _deactivate(command, state)
        case RecordACMEDeactivation():
            return [ACMEAccountDeactivated()] if state.is_closing and not state.is_closed else []


def _register(command: RegisterACMEAccount, state: State) -> list[ACMEAccountEvent]:
    if state.opening is not None:
        if state.opening.prepared.request_digest == command.request_digest:
            return []
        raise RequestReused("this id or Idempotency-Key was used for another account")
    RulesBroken.if_any(_account_violations(command))
    return [
        ACMEAccountPrepared(
            name=command.name,
            directory=command.directory,
            key_id=command.key_id,
            key_type=command.public_key.key_type,
            public_key=command.public_key.spki,
            terms_of_service_agreed=command.terms_of_service_agreed,
            request_digest=command.request_digest,
            contacts=command.contacts,
            eab_key_id=command.eab_key_id,
            eab_mac_id=command.eab_mac_id,
            ca_bundle=command.ca_bundle,
            test_account_id=command.test_account_id,
        )
    ]


def _account_violations(command: RegisterACMEAccount) -> Iterator[Violation]:
    yield from own_name_violations(command.name)
    if urlsplit(command.directory).scheme != "https" or uri_fault(command.directory):
        detail = "a directory is an https:// address, or one of the known short names"
        yield Violation("directory", "RFC 8555 section 6.1", detail)
    if command.public_key.key_type not in KEY_TYPES:
        yield Violation("key_type", "RFC 8555 section 6.2", f"account keys are one of {', '.join(KEY_TYPES)}")
    if len(command.contacts) > MOST_CONTACTS or not all(map(_is_contact, command.contacts)):
        detail = f"at most {MOST_CONTACTS} addresses as mailto:admin@example.com"
        yield Violation("contacts", "RFC 8555 section 7.3", detail)
    if bool(command.eab_key_id) != bool(command.eab_mac_id):
        detail = "the CA gives both, or neither: eab_key_id and eab_hmac_key"
        yield Violation("eab_key_id", "RFC 8555 section 7.3.4", detail)
    if command.eab_key_id and not _PRINTABLE.fullmatch(command.eab_key_id):
        yield Violation("eab_key_id", "RFC 8555 section 7.3.4", "1 to 256 ASCII characters without spaces")


def _is_contact(contact: str) -> bool:
    """RFC 8555 section 7.3: one mailbox, without the header fields of RFC 6068."""
    return contact.startswith("mailto:") and not email_address_fault(contact.removeprefix("mailto:").lower())


def _registered(command: RecordACMERegistration, state: State) -> list[ACMEAccountEvent]:
    opening = opened(state)
    if opening.url or opening.failure:
        return []
    return [ACMEAccountRegistered(command.url, command.terms_of_service)]


def _not_registered(command: RecordACMERegistrationFailure, state: State) -> list[ACMEAccountEvent]:
    opening = opened(state)
    if opening.url or opening.failure:
        return []
    return [_failed(opening.prepared, command.problem)]


def _failed(prepared: ACMEAccountPrepared, problem: ACMEProblem) -> ACMERegistrationFailed:
    key_ids = tuple(key_id for key_id in (prepared.key_id, prepared.eab_mac_id) if key_id)
    return ACMERegistrationFailed(prepared.name, problem, key_ids)


def _roll_over(command: RollOverACMEAccountKey, state: State) -> list[ACMEAccountEvent]:
    if command.request_id in state.rolled_over:
        return []
    opening = usable(state)
    if state.next_key is not None:
        detail = f"another key of {opening.prepared.name} is on its way to the directory"
        raise ACMEAccountUnusable(detail, Violation("account", "one key at a time", detail))
    if command.public_key.key_type not in KEY_TYPES:
        detail = f"account keys are one of {', '.join(KEY_TYPES)}"
        RulesBroken.if_any([Violation("key_type", "RFC 8555 section 6.2", detail)])
    public_key = command.public_key
    return [ACMEAccountKeyPrepared(command.key_id, public_key.key_type, public_key.spki, command.request_id)]


def _name_test_account(command: NameACMETestAccount, state: State) -> list[ACMEAccountEvent]:
    usable(state)
    if command.is_itself:
        detail = "a rehearsal takes an account at a directory for tests"
        RulesBroken.if_any([Violation("test_account", "test accounts are other accounts", detail)])
    return [] if command.test_account_id == state.test_account_id else [ACMETestAccountNamed(command.test_account_id)]


def _is_next(state: State, key_id: str) -> bool:
    return state.next_key is not None and state.next_key.key_id == key_id


def _deactivate(command: DeactivateACMEAccount, state: State) -> list[ACMEAccountEvent]:
    opening = opened(state)
    if state.is_closing or opening.failure:
        return []
    if not _REASON.fullmatch(command.reason):
        RulesBroken.if_any([Violation("reason", "a reason is one line", "at most 200 printable characters")])
    if not opening.url:
        given_up = ACMEProblem(ACME_GIVEN_UP, command.reason or "it was closed before the directory answered")
        return [_failed(opening.prepared, given_up)]
    return [ACMEDeactivationRequested(command.reason)]


# The aggregate


def reservations(event: ACMEAccountEvent, account_id: str) -> Sequence[Claim]:
    """Return what an event claims for the account, its name, or gives up: one that was never opened needs none."""
    match event:
        case ACMEAccountPrepared(name=name):
            refusal = taken("name", name, "ACME account")
            return (Reservation(f"{CATEGORY}_name-{name}", NameReserved(account_id), refusal),)
        case ACMERegistrationFailed(name=name):
            return (Release(f"{CATEGORY}_name-{name}", NameReleased(account_id)),)
        case _:
            return ()


ACMEAccountDecider = Decider[ACMEAccountCommand, State, ACMEAccountEvent]

decider: ACMEAccountDecider = Decider(
    category=CATEGORY, initial=State(), evolve=evolve, decide=decide, reservations=reservations
)
