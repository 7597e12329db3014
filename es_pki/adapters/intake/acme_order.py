"""Requests about orders at ACME directories: recorded first, then brought to their ends, as far as that goes."""

from typing import assert_never

from es_pki.adapters.intake import acme_renewal
from es_pki.adapters.intake.acme_ordering import check_way, csr_of, fallbacks, pursued, usable_accounts
from es_pki.adapters.intake.answer import Answer, Asked
from es_pki.adapters.intake.deciders import ACME_ORDER, CERTIFICATE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import AbandonACMEOrder, ACMEOrderRequest, PlaceACMEOrder, RenewACME
from es_pki.adapters.keyring import MadeKey
from es_pki.adapters.x509 import names
from es_pki.commands import acme_order
from es_pki.commands.acme_order import ACMEOrderCommand, ACMEOrderMissing
from es_pki.commands.names import is_uuid
from es_pki.commands.refusals import RulesBroken
from es_pki.decider import Violation
from es_pki.values import Attribute, AttributeType, Subject, SubjectAltNames


async def take(office: Office, request: ACMEOrderRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case PlaceACMEOrder():
            return await place(office, request, asked, digest)
        case RenewACME():
            return await acme_renewal.renew(office, request, asked, digest)
        case AbandonACMEOrder():
            return await abandon(office, request, asked)
        case _:
            assert_never(request)


async def place(office: Office, request: PlaceACMEOrder, asked: Asked, digest: bytes) -> Answer:
    """Make a key and order a certificate for it: a lineage that begins with the order and has its id."""
    order_id, actor = asked.new_id(), asked.caller.name
    account_id = await office.acme_account_id(request.account)
    fallback_ids = await fallbacks(office, request.fallback_accounts)
    alt_names = names.subject_alt_names(request.dns_names, request.ip_addresses, (), ())
    subject = _subject(request.common_name, alt_names)

    async def command(key: MadeKey) -> ACMEOrderCommand:
        account_version = await usable_accounts(office, account_id, fallback_ids)
        check_way(office, request.challenge, request.webroot)
        return acme_order.PlaceACMEOrder(
            name=request.name,
            certificate_id=order_id,
            account_id=account_id,
            account_version=account_version,
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
            fallback_ids=fallback_ids,
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


async def abandon(office: Office, request: AbandonACMEOrder, asked: Asked) -> Answer:
    """Record that the order is called off, and end it."""
    order_id, actor = await acme_order_id(office, request.order), asked.caller.name

    async def command() -> ACMEOrderCommand:
        return acme_order.AbandonACMEOrder(request.reason)

    events = (await office.aggregates.handle(ACME_ORDER, order_id, command, actor=actor)).events
    await office.acme.orders.interrupt(order_id)
    return await pursued(office, order_id, asked, events)


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
