"""Requests about accounts at ACME directories: recorded first, then brought to the directory at once.

Whatever the directory says, the answer tells; while it can't be reached, what was recorded is tried again until it can.
"""

from collections.abc import Awaitable, Callable

from es_pki.adapters.acme.accounts import Done
from es_pki.adapters.acme.jws import decoded
from es_pki.adapters.acme.known import address_of
from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import ACME_ACCOUNT
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    ACMEAccountRequest,
    DeactivateACMEAccount,
    NameACMETestAccount,
    RegisterACMEAccount,
    RollOverACMEAccountKey,
)
from es_pki.adapters.keyring import MadeKey
from es_pki.adapters.x509 import names
from es_pki.adapters.x509.bundle import read_bundle
from es_pki.adapters.x509.formats import pem_chain
from es_pki.commands import acme_account
from es_pki.commands.acme_account import ACMEAccountCommand, State, opened, usable
from es_pki.commands.refusals import Malformed
from es_pki.decider import Refused
from es_pki.events.acme_account import ACMEAccountEvent, ACMEKeyRollOverFailed, ACMERegistrationFailed
from es_pki.values.acme import ACMEProblem
from eventlog import Conflict

MAILTO = "mailto:"


async def take(
    office: Office,
    request: ACMEAccountRequest,
    asked: Asked,
    digest: bytes,
) -> Answer:
    """Do what was asked."""
    match request:
        case RegisterACMEAccount():
            return await register(office, request, asked, digest)
        case RollOverACMEAccountKey():
            return await roll_over(office, request, asked)
        case NameACMETestAccount():
            return await name_test_account(office, request, asked)
        case DeactivateACMEAccount():
            return await deactivate(office, request, asked)


async def register(office: Office, request: RegisterACMEAccount, asked: Asked, digest: bytes) -> Answer:
    """Make a key and open an account for it."""
    account_id, actor = asked.new_id(), asked.caller.name
    contacts, ca_bundle = _contacts(request.contacts), _ca_bundle(request.ca_bundle)
    secret = _mac_key(request.eab_hmac_key)
    secret_id = ""
    if secret and (await office.aggregates.load(ACME_ACCOUNT, account_id)).state.opening is None:
        secret_id = await office.keys.keep(secret, purpose=acme_account.CATEGORY, owner=account_id)

    test_account_id = await office.acme_account_id(request.test_account, "test_account") if request.test_account else ""

    async def command(key: MadeKey) -> ACMEAccountCommand:
        if test_account_id:
            usable((await office.aggregates.load(ACME_ACCOUNT, test_account_id)).state)
        return acme_account.RegisterACMEAccount(
            name=request.name,
            directory=address_of(request.directory),
            contacts=contacts,
            terms_of_service_agreed=request.terms_of_service_agreed,
            public_key=key.public_key,
            key_id=key.key_id,
            eab_key_id=request.eab_key_id,
            eab_mac_id=secret_id,
            ca_bundle=ca_bundle,
            request_digest=digest,
            test_account_id=test_account_id,
        )

    try:
        events = await office.with_new_key(ACME_ACCOUNT, account_id, request.key_type, command, actor=actor)
    except (Refused, Conflict):
        await office.keys.discard(secret_id)
        raise
    return await _answer(office, account_id, events, lambda: office.acme.accounts.register(account_id, actor=actor))


async def roll_over(office: Office, request: RollOverACMEAccountKey, asked: Asked) -> Answer:
    """Make a key and have the directory take it for the account."""
    account_id, actor, request_id = await office.acme_account_id(request.account), asked.caller.name, asked.new_id()
    prepared = usable((await office.aggregates.load(ACME_ACCOUNT, account_id, afresh=True)).state).prepared

    async def command(key: MadeKey) -> ACMEAccountCommand:
        return acme_account.RollOverACMEAccountKey(key.public_key, key.key_id, request_id)

    key_type = request.key_type or prepared.key_type
    events = await office.with_new_key(ACME_ACCOUNT, account_id, key_type, command, actor=actor)
    return await _answer(office, account_id, events, lambda: office.acme.accounts.roll_over(account_id, actor=actor))


async def name_test_account(office: Office, request: NameACMETestAccount, asked: Asked) -> Answer:
    """Record with which account it is rehearsed."""
    account_id, actor = await office.acme_account_id(request.account), asked.caller.name
    test_account_id = await office.acme_account_id(request.test_account, "test_account") if request.test_account else ""

    async def command() -> ACMEAccountCommand:
        if test_account_id:
            usable((await office.aggregates.load(ACME_ACCOUNT, test_account_id)).state)
        return acme_account.NameACMETestAccount(test_account_id, is_itself=test_account_id == account_id)

    handled = await office.aggregates.handle(ACME_ACCOUNT, account_id, command, actor=actor)
    return await _told(office, account_id, handled.events, None)


async def deactivate(office: Office, request: DeactivateACMEAccount, asked: Asked) -> Answer:
    """Record that the account ends, and close it."""
    account_id, actor = await office.acme_account_id(request.account), asked.caller.name

    async def command() -> ACMEAccountCommand:
        return acme_account.DeactivateACMEAccount(request.reason)

    events = (await office.aggregates.handle(ACME_ACCOUNT, account_id, command, actor=actor)).events
    for key_id in (key_id for event in events if isinstance(event, ACMERegistrationFailed) for key_id in event.key_ids):
        await office.keys.discard(key_id)
    return await _answer(office, account_id, events, lambda: office.acme.accounts.deactivate(account_id, actor=actor))


async def _answer(
    office: Office, account_id: str, events: tuple[ACMEAccountEvent, ...], work: Callable[[], Awaitable[Done]]
) -> Answer:
    """Do the work at the directory that was recorded; answer with what came of it, or what it waits for."""
    waits_for: ACMEProblem | None = None
    try:
        events += (await work()).events
    except DirectoryFailed as failed:
        waits_for = failed.problem
    return await _told(office, account_id, events, waits_for)


async def _told(
    office: Office, account_id: str, events: tuple[ACMEAccountEvent, ...], waits_for: ACMEProblem | None
) -> Answer:
    """Answer with how an account stands."""
    loaded = await office.aggregates.load(ACME_ACCOUNT, account_id)
    opening, state = opened(loaded.state), loaded.state
    return Answer(
        position=loaded.position,
        stream=ACME_ACCOUNT.stream(account_id),
        events=answered(events),
        result={
            "account_id": account_id,
            "name": opening.prepared.name,
            "status": _status(state),
            "url": opening.url or None,
            "directory": opening.prepared.directory,
            "public_key_hash": state.key.public_key.hash if state.key else None,
            "problem": waits_for or opening.failure or _of_key(events),
        },
    )


def _of_key(events: tuple[ACMEAccountEvent, ...]) -> ACMEProblem | None:
    """Return why a new key was not taken just now."""
    return next((event.problem for event in events if isinstance(event, ACMEKeyRollOverFailed)), None)


def _status(state: State) -> str:
    if state.is_closing:
        return "deactivated" if state.is_closed else "deactivating"
    opening = opened(state)
    return "failed" if opening.failure else "valid" if opening.url else "prepared"


def _contacts(contacts: tuple[str, ...]) -> tuple[str, ...]:
    """Return contacts as directories want them: `mailto:` and a mailbox. Raises `Malformed`."""
    found = []
    for index, contact in enumerate(contacts):
        try:
            found.append(MAILTO + names.email_address(contact.removeprefix(MAILTO)))
        except ValueError as error:
            raise Malformed.at(f"contacts[{index}]", "RFC 8555 section 7.3", str(error)) from None
    return tuple(found)


def _ca_bundle(text: str) -> str:
    """Return only the certificates of a text, in PEM. Raises `Malformed`."""
    return pem_chain(each.certificate for each in read_bundle(text, "ca_bundle")) if text else ""


def _mac_key(text: str) -> bytes:
    try:
        return decoded(text)
    except ValueError as error:
        raise Malformed.at("eab_hmac_key", "RFC 8555 section 7.3.4", str(error)) from None
