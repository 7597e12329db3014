"""Requests about orders at ACME directories: recorded first, then brought to their ends, as far as that goes."""

import asyncio
from base64 import b64encode
from typing import assert_never

from es_pki.adapters.acme.chain import ari_identifier
from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER, CERTIFICATE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import AbandonACMEOrder, ACMEOrderRequest, PlaceACMEOrder, RenewACME
from es_pki.adapters.keyring import MadeKey
from es_pki.adapters.postponed import Postponed
from es_pki.adapters.x509 import names
from es_pki.adapters.x509.csr import read_csr
from es_pki.adapters.x509.encode import csr_builder
from es_pki.adapters.x509.keys import public_key_of
from es_pki.commands import acme_order
from es_pki.commands.acme_account import usable
from es_pki.commands.acme_order import ACMEOrderCommand, ACMEOrderMissing, placed
from es_pki.commands.acme_renewal import NotObtainedByACME
from es_pki.commands.acme_steps import State
from es_pki.commands.built_in import BUILT_IN
from es_pki.commands.certificate import model
from es_pki.commands.lineage import check_is_there
from es_pki.commands.names import is_uuid
from es_pki.commands.refusals import Malformed, RulesBroken
from es_pki.commands.usages import key_usages
from es_pki.decider import Violation
from es_pki.events.acme_order import ACMEOrderEvent, ACMEOrderPlaced
from es_pki.events.certificate import CertificateImported
from es_pki.values import Attribute, AttributeType, Subject, SubjectAltNames
from es_pki.values.acme import ChallengeType

PATIENCE_SECONDS = 40.0
"""How long a request waits for an order's end; the order goes on without it."""


async def take(office: Office, request: ACMEOrderRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case PlaceACMEOrder():
            return await place(office, request, asked, digest)
        case RenewACME():
            return await renew(office, request, asked, digest)
        case AbandonACMEOrder():
            return await abandon(office, request, asked)
        case _:
            assert_never(request)


async def place(office: Office, request: PlaceACMEOrder, asked: Asked, digest: bytes) -> Answer:
    """Make a key and order a certificate for it: a lineage that begins with the order and has its id."""
    order_id, actor = asked.new_id(), asked.caller.name
    account_id = await office.acme_account_id(request.account)
    alt_names = names.subject_alt_names(request.dns_names, request.ip_addresses, (), ())
    subject = _subject(request.common_name, alt_names)

    async def command(key: MadeKey) -> ACMEOrderCommand:
        account = await office.aggregates.load(ACME_ACCOUNT, account_id)
        usable(account.state)
        _check_way(office, request.challenge, request.webroot)
        return acme_order.PlaceACMEOrder(
            name=request.name,
            certificate_id=order_id,
            account_id=account_id,
            account_version=account.version,
            subject_alt_names=alt_names,
            challenge_type=request.challenge,
            public_key=key.public_key,
            key_id=key.key_id,
            csr=await csr_of(office, key, order_id, subject, alt_names),
            profile=request.profile,
            preferred_chain=request.preferred_chain,
            replaces="",
            renews=False,
            request_digest=digest,
            webroot=request.webroot,
        )

    events = await office.with_new_key(
        ACME_ORDER,
        order_id,
        request.key_type,
        command,
        actor=actor,
        purpose=CERTIFICATE.category,
        owner=order_id,
    )
    return await pursued(office, order_id, asked, events)


async def renew(office: Office, request: RenewACME, asked: Asked, digest: bytes) -> Answer:
    """Order a lineage's next version: with a new key, or for the present one."""
    if request.reuse_key and request.key_type is not None:
        raise Malformed.at("reuse_key", "a key comes from one place", "give one of reuse_key and key_type")
    order_id, actor = asked.new_id(), asked.caller.name
    certificate_id = await office.certificate_id(request.certificate)
    before, version, certificate = await _obtained(office, certificate_id)
    subject = read_csr(b64encode(before.csr).decode()).subject

    async def command(key: MadeKey) -> ACMEOrderCommand:
        account = await office.aggregates.load(ACME_ACCOUNT, before.account_id)
        usable(account.state)
        _check_way(office, before.challenge_type, before.webroot)
        lineage = (await office.aggregates.load(CERTIFICATE, certificate_id)).state
        return acme_order.PlaceACMEOrder(
            name=lineage.name,
            certificate_id=certificate_id,
            account_id=before.account_id,
            account_version=account.version,
            subject_alt_names=before.subject_alt_names,
            challenge_type=before.challenge_type,
            public_key=key.public_key,
            key_id=key.key_id,
            csr=await csr_of(office, key, certificate_id, subject, before.subject_alt_names),
            profile=before.profile,
            preferred_chain=before.preferred_chain,
            replaces=ari_identifier(certificate),
            renews=True,
            request_digest=digest,
            webroot=before.webroot,
        )

    if request.reuse_key:
        present = MadeKey(version.key_id or "", public_key_of(certificate, "reuse_key"))
        events = (await office.aggregates.handle(ACME_ORDER, order_id, lambda: command(present), actor=actor)).events
    else:
        events = await office.with_new_key(
            ACME_ORDER,
            order_id,
            request.key_type or before.key_type,
            command,
            actor=actor,
            purpose=CERTIFICATE.category,
            owner=certificate_id,
        )
    return await pursued(office, order_id, asked, events)


def _check_way(office: Office, challenge: ChallengeType, webroot: str) -> None:
    """Require that the settings let names be proved so. Raises `ChallengeNotSetUp` and `WebrootNotAllowed`."""
    office.acme.orders.check(challenge)
    if webroot:
        office.acme.http_01.webroots.check(webroot)


async def _obtained(office: Office, certificate_id: str) -> tuple[ACMEOrderPlaced, CertificateImported, bytes]:
    """Return the order by which a lineage's current version came, and the version. Raises `NotObtainedByACME`."""
    state = (await office.aggregates.load(CERTIFICATE, certificate_id, afresh=True)).state
    version = model(state)
    check_is_there(state)
    prepared = version.prepared
    if not isinstance(prepared, CertificateImported) or not prepared.order_id or version.certificate is None:
        detail = f"the certificate {state.name} did not come from an ACME directory"
        raise NotObtainedByACME(detail, Violation("certificate", "orders are repeated", detail))
    order = (await office.aggregates.load(ACME_ORDER, prepared.order_id)).state
    return placed(order), prepared, version.certificate


async def csr_of(
    office: Office, key: MadeKey, certificate_id: str, subject: Subject, alt_names: SubjectAltNames
) -> bytes:
    """Return the DER CSR for a key that will be the certificate's; b"" for one that only stands in."""
    if not key.key_id:
        return b""
    terms = BUILT_IN["server"].terms
    usages = key_usages(terms, key.public_key.key_type)
    builder = csr_builder(subject, alt_names, usages, terms.extended_key_usages)
    return await office.keys.sign_csr(builder, key.key_id, purpose=CERTIFICATE.category, owner=certificate_id)


async def abandon(office: Office, request: AbandonACMEOrder, asked: Asked) -> Answer:
    """Record that the order is called off, and end it."""
    order_id, actor = await acme_order_id(office, request.order), asked.caller.name

    async def command() -> ACMEOrderCommand:
        return acme_order.AbandonACMEOrder(request.reason)

    events = (await office.aggregates.handle(ACME_ORDER, order_id, command, actor=actor)).events
    await office.acme.orders.interrupt(order_id)
    return await pursued(office, order_id, asked, events)


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
        "status": "issued" if state.version else "failed" if state.failure else "pending",
        "problem": state.failure or (state.trouble.problem if state.trouble else None),
        "next_attempt": state.trouble.next_attempt if state.trouble and not state.is_over else None,
    }
    if not state.version:
        return told
    return told | await office.version_result(began.certificate_id, state.version)


async def acme_order_id(office: Office, name_or_id: str) -> str:
    """Return an order's id; a certificate's name stands for the order that is under way for it.

    Raises `ACMEOrderMissing`.
    """
    if is_uuid(name_or_id):
        return name_or_id.lower()
    certificate_id = await office.certificate_owner(name_or_id)
    found = None if certificate_id is None else await office.aggregates.owner(f"acme_order_for-{certificate_id}")
    if found is None:
        detail = "no ACME order for a certificate of this name is under way"
        raise ACMEOrderMissing(detail, Violation("order", "orders are known", detail))
    return found


def _subject(common_name: str, alt_names: SubjectAltNames) -> Subject:
    if not common_name:
        return ()
    name = common_name.lower()
    if name not in alt_names.dns_names or len(name) > 64:
        detail = "a common name is one of the DNS names, of at most 64 characters"
        rule = "CA/Browser Forum Baseline Requirements section 7.1.4.3"
        RulesBroken.if_any([Violation("common_name", rule, detail)])
    return (Attribute(AttributeType.COMMON_NAME, name),)
