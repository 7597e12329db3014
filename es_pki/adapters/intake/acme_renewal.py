"""Requests to order anew what came from an ACME directory, or only to rehearse that."""

from base64 import b64encode
from collections.abc import Awaitable, Callable

from msgspec import Struct
from msgspec.structs import replace

from es_pki.adapters.acme.chain import ari_identifier
from es_pki.adapters.intake.acme_ordering import check_way, csr_for, csr_of, fallbacks, pursued, usable_accounts
from es_pki.adapters.intake.answer import Answer, Asked
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER, CERTIFICATE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import RenewACME
from es_pki.adapters.keyring import MadeKey
from es_pki.adapters.x509.csr import read_csr
from es_pki.adapters.x509.keys import public_key_of
from es_pki.commands.acme_account import opened
from es_pki.commands.acme_order import ACMEOrderCommand, PlaceACMEOrder, placed
from es_pki.commands.acme_renewal import NotObtainedByACME, RehearsalImpossible
from es_pki.commands.certificate import model
from es_pki.commands.lineage import check_is_there
from es_pki.commands.refusals import Malformed
from es_pki.decider import Violation
from es_pki.events.acme_order import ACMEOrderPlaced
from es_pki.events.certificate import CertificateImported
from es_pki.values import KeyType, Subject

Command = Callable[[MadeKey], Awaitable[ACMEOrderCommand]]


class Before(Struct, frozen=True):
    """How a lineage's current version came: its order, the account that brought it, and itself (DER)."""

    certificate_id: str
    order: ACMEOrderPlaced
    account_id: str
    version: CertificateImported
    certificate: bytes

    @property
    def subject(self) -> Subject:
        """Return the subject that was asked for."""
        return read_csr(b64encode(self.order.csr).decode()).subject


async def renew(office: Office, request: RenewACME, asked: Asked, digest: bytes) -> Answer:
    """Order a lineage's next version: with a new key, or for the present one; or rehearse it."""
    if request.reuse_key and (request.key_type is not None or request.rehearse):
        raise Malformed.at("reuse_key", "a key comes from one place", "give one of reuse_key, key_type and rehearse")
    order_id = asked.new_id()
    before = await _before(office, await office.certificate_id(request.certificate))
    command = _command(office, before, await _wanted(office, request, before), digest)
    if request.rehearse:
        ask = await _rehearsed(office, before, request.key_type or before.order.key_type, command)
        events = (await office.aggregates.handle(ACME_ORDER, order_id, ask, actor=asked.caller.name)).events
    elif request.reuse_key:
        present = MadeKey(before.version.key_id or "", public_key_of(before.certificate, "reuse_key"))
        handled = await office.aggregates.handle(
            ACME_ORDER, order_id, lambda: command(present), actor=asked.caller.name
        )
        events = handled.events
    else:
        events = await office.with_new_key(
            ACME_ORDER,
            order_id,
            request.key_type or before.order.key_type,
            command,
            actor=asked.caller.name,
            purpose=CERTIFICATE.category,
            owner=before.certificate_id,
        )
    return await pursued(office, order_id, asked, events)


class Wanted(Struct, frozen=True):
    """With which accounts it is ordered, and whether only to see if that works."""

    account_id: str
    fallback_ids: tuple[str, ...]
    is_rehearsal: bool = False


async def _wanted(office: Office, request: RenewACME, before: Before) -> Wanted:
    """Return the accounts of a request: those of the order before, where it doesn't say."""
    account_id, fallback_ids = before.order.account_id, before.order.fallback_ids
    if request.account is not None:
        account_id = await office.acme_account_id(request.account)
        fallback_ids = tuple(fallback_id for fallback_id in fallback_ids if fallback_id != account_id)
    if request.fallback_accounts is not None:
        fallback_ids = await fallbacks(office, request.fallback_accounts)
    if not request.rehearse:
        return Wanted(account_id, fallback_ids)
    account = (await office.aggregates.load(ACME_ACCOUNT, account_id)).state
    if not account.test_account_id:
        detail = f"the account {opened(account).prepared.name} names no test account"
        raise RehearsalImpossible(detail, Violation("rehearse", "a rehearsal takes a directory for tests", detail))
    return Wanted(account.test_account_id, (), is_rehearsal=True)


def _command(office: Office, before: Before, wanted: Wanted, digest: bytes) -> Command:
    """Return what makes the command for a key."""
    order = before.order

    async def command(key: MadeKey) -> ACMEOrderCommand:
        # A fallback that was closed since is passed over when its turn comes.
        account_version = await usable_accounts(office, wanted.account_id, ())
        check_way(office, order.challenge_type, order.webroot)
        lineage = (await office.aggregates.load(CERTIFICATE, before.certificate_id)).state
        csr = await csr_of(office, key, before.certificate_id, before.subject, order.subject_alt_names)
        return PlaceACMEOrder(
            name=lineage.name,
            certificate_id=before.certificate_id,
            account_id=wanted.account_id,
            account_version=account_version,
            subject_alt_names=order.subject_alt_names,
            challenge_type=order.challenge_type,
            public_key=key.public_key,
            key_id=key.key_id,
            csr=csr,
            profile=order.profile,
            preferred_chain=order.preferred_chain,
            replaces="" if wanted.is_rehearsal else ari_identifier(before.certificate),
            renews=True,
            request_digest=digest,
            webroot=order.webroot,
            fallback_ids=wanted.fallback_ids,
            former_account_id=before.account_id,
            is_rehearsal=wanted.is_rehearsal,
        )

    return command


async def _rehearsed(
    office: Office, before: Before, key_type: KeyType, command: Command
) -> Callable[[], Awaitable[ACMEOrderCommand]]:
    """Return what makes the command of a rehearsal, for a key that nobody keeps."""
    builder = csr_for(before.subject, before.order.subject_alt_names, key_type)
    public_key, csr = await office.keys.sign_csr_and_forget(builder, key_type)

    async def ask() -> ACMEOrderCommand:
        wish = await command(MadeKey("", public_key))
        return replace(wish, csr=csr) if isinstance(wish, PlaceACMEOrder) else wish

    return ask


async def _before(office: Office, certificate_id: str) -> Before:
    """Return how a lineage's current version came. Raises `NotObtainedByACME`."""
    state = (await office.aggregates.load(CERTIFICATE, certificate_id, afresh=True)).state
    version = model(state)
    check_is_there(state)
    prepared = version.prepared
    if not isinstance(prepared, CertificateImported) or not prepared.order_id or version.certificate is None:
        detail = f"the certificate {state.name} did not come from an ACME directory"
        raise NotObtainedByACME(detail, Violation("certificate", "orders are repeated", detail))
    order = (await office.aggregates.load(ACME_ORDER, prepared.order_id)).state
    return Before(certificate_id, placed(order), order.account_id, prepared, version.certificate)
