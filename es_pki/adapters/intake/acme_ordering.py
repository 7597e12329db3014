"""What every order at an ACME directory needs, whoever asks for it: accounts, a CSR, and somebody who waits for it."""

import asyncio
from collections.abc import Sequence

from cryptography.x509 import CertificateSigningRequestBuilder

from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER, CERTIFICATE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.keyring import MadeKey
from es_pki.adapters.postponed import Postponed
from es_pki.adapters.x509.encode import csr_builder
from es_pki.commands.acme_account import usable
from es_pki.commands.acme_order import placed
from es_pki.commands.acme_steps import State
from es_pki.commands.built_in import BUILT_IN
from es_pki.commands.usages import key_usages
from es_pki.events.acme_order import ACMEOrderEvent, ACMEOrderPlaced
from es_pki.values import KeyType, Subject, SubjectAltNames
from es_pki.values.acme import ChallengeType

PATIENCE_SECONDS = 40.0
"""How long a request waits for an order's end; the order goes on without it."""


async def fallbacks(office: Office, accounts: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of accounts to fall back on. Raises `ACMEAccountMissing`."""
    found = [await office.acme_account_id(name, f"fallback_accounts[{n}]") for n, name in enumerate(accounts)]
    return tuple(found)


async def usable_accounts(office: Office, account_id: str, fallback_ids: Sequence[str]) -> int:
    """Require that orders can be placed with these accounts; return the version of the first one's stream.

    Raises `ACMEAccountMissing` and `ACMEAccountUnusable`.
    """
    for fallback_id in fallback_ids:
        usable((await office.aggregates.load(ACME_ACCOUNT, fallback_id)).state)
    account = await office.aggregates.load(ACME_ACCOUNT, account_id)
    usable(account.state)
    return account.version


def check_way(office: Office, challenge: ChallengeType, webroot: str) -> None:
    """Require that the settings let names be proved so. Raises `ChallengeNotSetUp` and `WebrootNotAllowed`."""
    office.acme.orders.check(challenge)
    if webroot:
        office.acme.http_01.webroots.check(webroot)


async def csr_of(
    office: Office, key: MadeKey, certificate_id: str, subject: Subject, alt_names: SubjectAltNames
) -> bytes:
    """Return the DER CSR for a key that will be the certificate's; b"" for one that only stands in."""
    if not key.key_id:
        return b""
    builder = csr_for(subject, alt_names, key.public_key.key_type)
    return await office.keys.sign_csr(builder, key.key_id, purpose=CERTIFICATE.category, owner=certificate_id)


def csr_for(subject: Subject, alt_names: SubjectAltNames, key_type: KeyType) -> CertificateSigningRequestBuilder:
    """Return a CSR for a key of a type, not signed yet."""
    terms = BUILT_IN["server"].terms
    return csr_builder(subject, alt_names, key_usages(terms, key_type), terms.extended_key_usages)


async def pursued(office: Office, order_id: str, asked: Asked, events: tuple[ACMEOrderEvent, ...]) -> Answer:
    """Bring an order as far as it goes for now; answer with where it is."""
    is_new = any(isinstance(event, ACMEOrderPlaced) for event in events)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await office.acme.orders.advance(order_id, actor=asked.caller.name, is_new=is_new)
    except (Postponed, TimeoutError, DirectoryFailed):
        pass  # what hinders it is recorded, and the reactions go on with it
    loaded = await office.aggregates.load(ACME_ORDER, order_id)
    return Answer(
        position=loaded.position,
        stream=ACME_ORDER.stream(order_id),
        events=answered(events),
        result=await _result(office, order_id, loaded.state),
    )


async def _result(office: Office, order_id: str, state: State) -> dict[str, object]:
    began = placed(state)
    told: dict[str, object] = {
        "order_id": order_id,
        "name": began.name,
        "certificate_id": began.certificate_id,
        "account_id": state.account_id,
        "status": _status(state),
        "problem": state.failure or (state.trouble.problem if state.trouble else None),
        "next_attempt": state.trouble.next_attempt if state.trouble and not state.is_over else None,
    }
    if not state.version:
        return told
    return told | await office.version_result(began.certificate_id, state.version)


def _status(state: State) -> str:
    if state.has_passed:
        return "rehearsed"
    return "issued" if state.version else "failed" if state.failure else "pending"
