"""Requests about CSRs that are kept: made here, brought here, answered."""

from base64 import b64encode

from msgspec import Struct
from msgspec.structs import replace

from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import SIGNING_REQUEST
from es_pki.adapters.intake.importing import Importing, with_kept_key
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import CompleteCSR, CreateCSR, CSRRequest, ImportCertificate, ImportCSR, RejectCSR
from es_pki.adapters.keyring import MadeKey
from es_pki.adapters.keystore import KeyMissing
from es_pki.adapters.x509 import names
from es_pki.adapters.x509.csr import SigningRequest, read_csr
from es_pki.adapters.x509.encode import csr_builder
from es_pki.adapters.x509.formats import csr_pem, pem_chain
from es_pki.adapters.x509.reading.many import OPEN_KEYS
from es_pki.adapters.x509.reading.opening import OPEN_ONE, OPEN_RETURNED, Sent
from es_pki.commands import signing_request
from es_pki.commands.signing_request import SigningRequestCommand, State, kept
from es_pki.commands.usages import key_usages
from es_pki.decider import Guard, Violation
from es_pki.events.signing_request import SigningRequestEvent
from es_pki.values.profile import Profile


async def take(office: Office, request: CSRRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case CreateCSR():
            return await create(office, request, asked, digest)
        case ImportCSR():
            return await bring_in(office, request, asked, digest)
        case CompleteCSR() | RejectCSR():
            return await answer(office, request, asked)


async def create(office: Office, request: CreateCSR, asked: Asked, digest: bytes) -> Answer:
    """Make a key and a CSR for it."""
    signing_request_id = asked.new_id()
    subject = names.subject(request.subject)
    subject_alt_names = names.subject_alt_names(
        request.dns_names, request.ip_addresses, request.email_addresses, request.uris
    )

    async def csr(key: MadeKey, profile: Profile) -> bytes:
        if not key.key_id:
            return b""  # a stand-in, by which the names are judged first
        usages = key_usages(profile.terms, request.key_type)
        builder = csr_builder(subject, subject_alt_names, usages, profile.terms.extended_key_usages)
        return await office.keys.sign_csr(
            builder, key.key_id, purpose=SIGNING_REQUEST.category, owner=signing_request_id
        )

    async def command(key: MadeKey) -> SigningRequestCommand:
        profile = await office.profile(request.profile)
        return signing_request.CreateCSR(
            name=request.name,
            subject=subject,
            subject_alt_names=subject_alt_names,
            profile=profile,
            public_key=key.public_key,
            key_id=key.key_id,
            csr=await csr(key, profile),
            request_digest=digest,
        )

    events = await office.with_new_key(
        SIGNING_REQUEST, signing_request_id, request.key_type, command, actor=asked.caller.name
    )
    loaded = await office.aggregates.load(SIGNING_REQUEST, signing_request_id)
    return _answer(signing_request_id, loaded.state, loaded.position, events)


async def bring_in(office: Office, request: ImportCSR, asked: Asked, digest: bytes) -> Answer:
    """Keep a CSR that was made elsewhere, and its private key if it came with it."""
    csr = read_csr(request.csr)
    private_key = await _private_key(office, request, csr)

    async def command(key_id: str | None) -> SigningRequestCommand:
        return signing_request.ImportCSR(
            name=request.name,
            subject=csr.subject,
            subject_alt_names=csr.subject_alt_names,
            public_key=csr.public_key,
            attributes=csr.attributes,
            csr=csr.der,
            request_digest=digest,
            key_id=key_id,
        )

    signing_request_id, actor = asked.new_id(), asked.caller.name
    handled = await with_kept_key(
        office, SIGNING_REQUEST, signing_request_id, command, private_key=private_key, actor=actor
    )
    return _answer(signing_request_id, handled.state, handled.position, handled.events)


async def _private_key(office: Office, request: ImportCSR, csr: SigningRequest) -> bytes | None:
    """Return the private key (DER PKCS#8) that came with a CSR. Raises `KeyMismatched`, and what opening it raises."""
    if request.private_key is None:
        return None
    sent = Sent(request.private_key.encode(), passphrase=request.passphrase, field="private_key")
    keys = (await office.workers.do(OPEN_KEYS, sent)).by_hash
    if keys.keys() != {csr.public_key.hash}:
        detail = "this is not the private key of the CSR, or not it alone"
        raise signing_request.KeyMismatched(detail, Violation("private_key", "a key pair has two halves", detail))
    return keys[csr.public_key.hash]


async def answer(office: Office, request: CompleteCSR | RejectCSR, asked: Asked) -> Answer:
    """Answer a CSR with what an outside authority returned, or with a reason why not."""
    decided: signing_request.CompleteCSR | signing_request.RejectCSR
    if isinstance(request, CompleteCSR):
        returned = await office.workers.do(OPEN_RETURNED, Sent(request.certificate.encode()))
        decided = signing_request.CompleteCSR(returned)
    else:
        decided = signing_request.RejectCSR(request.reason)
    signing_request_id = await office.signing_request_id(request.signing_request)

    async def command() -> SigningRequestCommand:
        return decided

    actor = asked.caller.name
    if isinstance(decided, signing_request.CompleteCSR):
        await office.aggregates.preview(SIGNING_REQUEST, signing_request_id, command)
        await _make_lineage(office, signing_request_id, decided, asked)
    handled = await office.aggregates.handle(SIGNING_REQUEST, signing_request_id, command, actor=actor)
    return _answer(signing_request_id, handled.state, handled.position, handled.events)


async def _make_lineage(
    office: Office, signing_request_id: str, completed: signing_request.CompleteCSR, asked: Asked
) -> None:
    """Make the certificate of a CSR whose key is here one like any other, by the CSR's name and with that key.

    It comes before the CSR is answered, and is found done when the same request comes again.
    """
    secret = await kept_secret(office, signing_request_id)
    if secret is None:
        return
    known = kept((await office.aggregates.load(SIGNING_REQUEST, signing_request_id)).state)
    pem = pem_chain(each.certificate for each in completed.certificates)
    opened = await office.workers.do(OPEN_ONE, Sent(pem.encode(), secret))
    await Importing(office, ImportCertificate(known.name, pem), replace(asked, idempotency_key=""), opened).done()


async def kept_secret(office: Office, signing_request_id: str) -> bytes | None:
    """Return the private key (DER PKCS#8) that is kept for a CSR until that is answered, None if there is none."""
    state = (await office.aggregates.load(SIGNING_REQUEST, signing_request_id)).state
    if state.key_id is None or state.answer is not None:
        return None
    try:
        return await office.keys.secret(state.key_id, purpose=SIGNING_REQUEST.category, owner=signing_request_id)
    except KeyMissing:  # unless somebody answered it meanwhile, nothing may have taken it away
        state = (await office.aggregates.load(SIGNING_REQUEST, signing_request_id, afresh=True)).state
        if state.answer is None:
            raise
        return None


class KeptCSR(Struct, frozen=True):
    """A CSR that is kept, read again: today's rules judge its key as they judge one that comes today."""

    signing_request_id: str
    csr: SigningRequest


async def kept_csr(office: Office, name_or_id: str) -> KeptCSR:
    """Return a CSR that is kept. Raises `SigningRequestMissing`, and what `read_csr` raises."""
    signing_request_id = await office.signing_request_id(name_or_id)
    state = (await office.aggregates.load(SIGNING_REQUEST, signing_request_id)).state
    if state.kept is None:
        state = (await office.aggregates.load(SIGNING_REQUEST, signing_request_id, afresh=True)).state
    return KeptCSR(signing_request_id, read_csr(b64encode(kept(state).csr).decode(), "signing_request"))


async def approval(office: Office, signing_request_id: str, certificate_id: str) -> Guard:
    """Return what is recorded with the certificate: that it answers the CSR. Raises `AlreadyAnswered`."""
    state, version, _ = await office.aggregates.load(SIGNING_REQUEST, signing_request_id)
    events = SIGNING_REQUEST.decide(signing_request.ApproveCSR(certificate_id), state)
    return Guard(SIGNING_REQUEST.stream(signing_request_id), version, events=tuple(events))


def _answer(signing_request_id: str, state: State, position: int, events: tuple[SigningRequestEvent, ...]) -> Answer:
    known = kept(state)
    return Answer(
        position=position,
        stream=SIGNING_REQUEST.stream(signing_request_id),
        events=answered(events),
        result={
            "signing_request_id": signing_request_id,
            "name": known.name,
            "public_key_hash": known.public_key_hash,
            "csr_pem": csr_pem(known.csr),
        },
    )
