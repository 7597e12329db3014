"""The accounts at ACME directories: which are open, with what key, and why one isn't."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

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
from es_pki.events.happened import Happened
from es_pki.projections.view import View, own_id
from es_pki.values import KeyType, public_key_hash
from es_pki.values.acme import ACMEProblem

NAME = "acme_accounts"
VERSION = 2


class Status(StrEnum):
    """How far an account has come."""

    PREPARED = "prepared"
    VALID = "valid"
    FAILED = "failed"
    DEACTIVATING = "deactivating"
    DEACTIVATED = "deactivated"


class Key(Struct, frozen=True):
    """A key of an account; `public_key_hash` is the SHA-256 of its SubjectPublicKeyInfo in hex."""

    key_type: KeyType
    public_key_hash: str


class Row(Struct, frozen=True):
    """One account. `url` is what the directory knows it by; `next_key` was made and is not taken yet.

    `terms_of_service` is where the terms were that were agreed to. `has_ca_bundle`: other roots than the system's are
    trusted for the directory. `problem` is why the account was not opened, or why its next key was not taken.
    `test_account_id` is the account with which orders that failed are rehearsed.
    """

    id: str
    name: str
    status: Status
    directory: str
    contacts: tuple[str, ...]
    terms_of_service_agreed: bool
    eab_key_id: str
    has_ca_bundle: bool
    key_type: KeyType
    public_key_hash: str
    registered_by: str
    prepared_at: datetime
    next_key: Key | None = None
    url: str | None = None
    terms_of_service: str | None = None
    registered_at: datetime | None = None
    key_since: datetime | None = None
    test_account_id: str | None = None
    problem: ACMEProblem | None = None


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the account's row after an event."""
    match happened.event:
        case ACMEAccountPrepared() as event:
            return _prepared(event, happened)
        case _ if row is None:
            return None
        case ACMEAccountRegistered(url=url, terms_of_service=terms):
            return replace(
                row, status=Status.VALID, url=url, terms_of_service=terms or None, registered_at=happened.time
            )
        case ACMERegistrationFailed(problem=problem):
            return replace(row, status=Status.FAILED, problem=problem)
        case ACMEAccountKeyPrepared(key_type=key_type, public_key=spki):
            return replace(row, next_key=Key(key_type, public_key_hash(spki)), problem=None)
        case ACMEAccountKeyRolledOver() if row.next_key is not None:
            key = row.next_key
            rolled = replace(row, key_type=key.key_type, public_key_hash=key.public_key_hash, next_key=None)
            return replace(rolled, key_since=happened.time)
        case ACMEKeyRollOverFailed(problem=problem):
            return replace(row, next_key=None, problem=problem)
        case ACMETestAccountNamed(test_account_id=test_account_id):
            return replace(row, test_account_id=test_account_id or None)
        case ACMEDeactivationRequested():
            return replace(row, status=Status.DEACTIVATING)
        case ACMEAccountDeactivated():
            return replace(row, status=Status.DEACTIVATED)
        case _:
            return row


def _prepared(event: ACMEAccountPrepared, happened: Happened) -> Row:
    return Row(
        id=happened.id,
        name=event.name,
        status=Status.PREPARED,
        directory=event.directory,
        contacts=event.contacts,
        terms_of_service_agreed=event.terms_of_service_agreed,
        eab_key_id=event.eab_key_id,
        has_ca_bundle=bool(event.ca_bundle),
        key_type=event.key_type,
        public_key_hash=public_key_hash(event.public_key),
        registered_by=happened.actor,
        prepared_at=happened.time,
        key_since=happened.time,
        test_account_id=event.test_account_id or None,
    )


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(
        ACMEAccountPrepared,
        ACMEAccountRegistered,
        ACMERegistrationFailed,
        ACMEAccountKeyPrepared,
        ACMEAccountKeyRolledOver,
        ACMEKeyRollOverFailed,
        ACMETestAccountNamed,
        ACMEDeactivationRequested,
        ACMEAccountDeactivated,
    ),
    key=own_id,
    evolve=evolve,
    order_by="name",
    filters=("name", "status", "directory", "public_key_hash"),
    lookups=("name", "public_key_hash"),
)
