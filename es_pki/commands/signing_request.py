"""Signing requests: CSRs made here or elsewhere, each answered once: by an authority here, by an outside one, or no."""

import hashlib
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.key_guard import trusted_key
from es_pki.commands.names import own_name_violations, subject_alt_name_violations, subject_violations
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.decider import Decider, Guard, Kind, Refused, RequestReused, Reservation, Violation
from es_pki.events.reservation import NameReserved
from es_pki.events.signing_request import (
    SigningRequestApproved,
    SigningRequestCreated,
    SigningRequestEvent,
    SigningRequestImported,
    SigningRequestKeyDiscarded,
    SigningRequestRejected,
    SigningRequestSigned,
)
from es_pki.values import PublicKey, Subject, SubjectAltNames
from es_pki.values.profile import Profile

CATEGORY = "signing_request"

_REASON = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}")


# Commands


class CreateCSR(Struct, frozen=True):
    """Keep a CSR (DER) for a key made here; while the wish is judged before there is a key, `csr` is empty."""

    name: str
    subject: Subject
    subject_alt_names: SubjectAltNames
    profile: Profile
    public_key: PublicKey
    key_id: str
    csr: bytes
    request_digest: bytes


class ImportCSR(Struct, frozen=True):
    """Keep a CSR (DER) that was made elsewhere and whose own signature was checked; its key, too, if it has an id."""

    name: str
    subject: Subject
    subject_alt_names: SubjectAltNames
    public_key: PublicKey
    attributes: tuple[str, ...]
    csr: bytes
    request_digest: bytes
    key_id: str | None = None


class Returned(Struct, frozen=True):
    """A DER certificate that came from outside, whom it names and by whom it is (DER), and what its key is known by."""

    certificate: bytes
    subject: bytes
    issuer: bytes
    public_key_hash: str


class CompleteCSR(Struct, frozen=True):
    """Keep what an outside authority returned: the certificate, known by its key, and the chain, in any order."""

    certificates: tuple[Returned, ...]


class ApproveCSR(Struct, frozen=True):
    """Have an authority here certify the key: the certificate of this id is prepared in the same append."""

    certificate_id: str


class RejectCSR(Struct, frozen=True):
    """Answer that the key is not certified."""

    reason: str


class RecordKeyDiscarded(Struct, frozen=True):
    """Record that the private key of an answered signing request is gone from the key store."""

    key_id: str


SigningRequestCommand = CreateCSR | ImportCSR | CompleteCSR | ApproveCSR | RejectCSR | RecordKeyDiscarded


# Refusals


class SigningRequestMissing(Refused):
    """There is no signing request with this id or name. `GET /api/v1/signing-requests` lists them."""

    kind = Kind.MISSING


class AlreadyAnswered(Refused):
    """The signing request was signed or rejected before; an answer is final. Make or import a new CSR to go on."""

    kind = Kind.CLASHING


class AlreadyImported(Refused):
    """This very CSR is kept already, under another name. Use what is there: the list shows it by its key."""

    kind = Kind.CLASHING


class KeyMismatched(Refused):
    """None of the certificates, or the private key, is not for the key of the signing request. Send what is for it."""


# State


Kept = SigningRequestCreated | SigningRequestImported
Answer = SigningRequestApproved | SigningRequestSigned | SigningRequestRejected


class State(Struct, frozen=True):
    """What decisions about a signing request read: how it began, and what it was answered (None: nothing yet).

    `key_id` names its private key as long as that is kept for it.
    """

    kept: Kept | None = None
    answer: Answer | None = None
    key_id: str | None = None


def evolve(state: State, event: SigningRequestEvent) -> State:
    """Fold one event."""
    match event:
        case SigningRequestCreated() | SigningRequestImported():
            return State(kept=event, key_id=event.key_id)
        case SigningRequestApproved() | SigningRequestSigned() | SigningRequestRejected():
            return replace(state, answer=event)
        case SigningRequestKeyDiscarded():
            return replace(state, key_id=None)


def kept(state: State) -> Kept:
    """Return how the signing request began. Raises `SigningRequestMissing`."""
    if state.kept is None:
        detail = "there is no such signing request"
        raise SigningRequestMissing(detail, Violation("signing_request", "signing requests are named", detail))
    return state.kept


# Decide


def decide(command: SigningRequestCommand, state: State) -> list[SigningRequestEvent]:
    """Turn a command into events."""
    match command:
        case CreateCSR():
            return _create(command, state)
        case ImportCSR():
            return _import(command, state)
        case CompleteCSR():
            return _complete(command, state)
        case ApproveCSR():
            return _answered(SigningRequestApproved(command.certificate_id), state)
        case RejectCSR():
            return _reject(command, state)
        case RecordKeyDiscarded(key_id=key_id):
            is_due = state.answer is not None and state.key_id == key_id
            return [SigningRequestKeyDiscarded((key_id,))] if is_due else []


def _create(command: CreateCSR, state: State) -> list[SigningRequestEvent]:
    if _was_kept(state, command.request_digest):
        return []
    RulesBroken.if_any([*_name_violations(command), *_wish_violations(command)])
    return [
        SigningRequestCreated(
            name=command.name,
            subject=command.subject,
            subject_alt_names=command.subject_alt_names,
            profile=command.profile.name,
            key_type=command.public_key.key_type,
            key_id=command.key_id,
            public_key_hash=command.public_key.hash,
            csr=command.csr,
            request_digest=command.request_digest,
        )
    ]


def _import(command: ImportCSR, state: State) -> list[SigningRequestEvent]:
    if _was_kept(state, command.request_digest):
        if command.key_id is not None and kept(state).key_id is None:
            raise RequestReused("this id or Idempotency-Key was used for a CSR without its private key")
        return []
    RulesBroken.if_any(_name_violations(command))
    return [
        SigningRequestImported(
            name=command.name,
            subject=command.subject,
            subject_alt_names=command.subject_alt_names,
            key_type=command.public_key.key_type,
            public_key_hash=command.public_key.hash,
            csr=command.csr,
            request_digest=command.request_digest,
            attributes=command.attributes,
            key_id=command.key_id,
        )
    ]


def _was_kept(state: State, request_digest: bytes) -> bool:
    if state.kept is None:
        return False
    if state.kept.request_digest != request_digest:
        raise RequestReused("this id or Idempotency-Key was used for another signing request")
    return True


def _name_violations(command: CreateCSR | ImportCSR) -> Iterator[Violation]:
    yield from own_name_violations(command.name)
    yield from subject_violations(command.subject)
    yield from subject_alt_name_violations(command.subject_alt_names)


def _wish_violations(command: CreateCSR) -> Iterator[Violation]:
    """Judge only what is made here: others' CSRs may name nothing, and it is for their issuers to add names."""
    if not command.subject and not command.subject_alt_names:
        yield Violation("subject", "RFC 5280 section 4.1.2.6", "give a subject or a subject alternative name")
    if command.profile.terms.is_authority:
        yield Violation("profile", "authorities are created", "use CreateAuthority for an authority of your own")


def _complete(command: CompleteCSR, state: State) -> list[SigningRequestEvent]:
    wanted = kept(state).public_key_hash
    found = next((each for each in command.certificates if each.public_key_hash == wanted), None)
    if found is None:
        detail = f"no certificate is for the key {wanted}"
        raise KeyMismatched(detail, Violation("certificate", "RFC 2986 section 3", detail))
    others = list(dict.fromkeys(each for each in command.certificates if each != found))
    chain = tuple(each.certificate for each in _upwards(found, others))
    return _answered(SigningRequestSigned(certificate=found.certificate, chain=chain), state)


def _upwards(lowest: Returned, others: list[Returned]) -> Iterator[Returned]:
    """Yield the others in the order of TLS (RFC 8446 section 4.4.2): each after what it issued, then the rest."""
    current = lowest
    while above := next((each for each in others if each.subject == current.issuer), None):
        yield above
        others.remove(above)
        current = above
    yield from others


def _reject(command: RejectCSR, state: State) -> list[SigningRequestEvent]:
    kept(state)
    if not _REASON.fullmatch(command.reason):
        RulesBroken.if_any([Violation("reason", "a reason is one line", "1 to 200 printable characters")])
    return _answered(SigningRequestRejected(command.reason), state)


def _answered(answer: Answer, state: State) -> list[SigningRequestEvent]:
    """Return the answer, nothing when it was the same before. Raises `AlreadyAnswered` when it was another one."""
    name, key_id = kept(state).name, kept(state).key_id
    answer = replace(answer, key_ids=() if key_id is None else (key_id,))
    if state.answer is None:
        return [answer]
    if state.answer == answer:
        return []
    verb = "rejected" if isinstance(state.answer, SigningRequestRejected) else "signed"
    detail = f"the signing request {name} was {verb}"
    raise AlreadyAnswered(detail, Violation("signing_request", "an answer is final", detail))


# The aggregate


def reservations(event: SigningRequestEvent, signing_request_id: str) -> Sequence[Reservation]:
    """Return what an event claims for the signing request: its name, and the CSR itself where it could come twice."""
    match event:
        case SigningRequestCreated(name=name):
            return (_name(name, signing_request_id),)
        case SigningRequestImported(name=name, csr=csr):
            return (_name(name, signing_request_id), _csr(csr, signing_request_id))
        case _:
            return ()


def _name(name: str, signing_request_id: str) -> Reservation:
    return Reservation(
        f"signing_request_name-{name}", NameReserved(signing_request_id), taken("name", name, "signing request")
    )


def _csr(csr: bytes, signing_request_id: str) -> Reservation:
    detail = "this CSR is kept already, under another name"
    refusal = AlreadyImported(detail, Violation("csr", "a CSR is kept once", detail))
    return Reservation(f"signing_request_csr-{csr_digest(csr)}", NameReserved(signing_request_id), refusal)


def csr_digest(csr: bytes) -> str:
    """Return the SHA-256 of a DER CSR in hex: what it is known by."""
    return hashlib.sha256(csr).hexdigest()


def guards(command: SigningRequestCommand) -> Sequence[Guard]:
    """Return the guard that nobody reported the key: one that is compromised is not worth a CSR."""
    match command:
        case CreateCSR(public_key=public_key) | ImportCSR(public_key=public_key):
            return (trusted_key(public_key.hash, "public_key"),)
        case _:
            return ()


SigningRequestDecider = Decider[SigningRequestCommand, State, SigningRequestEvent]

decider: SigningRequestDecider = Decider(
    category=CATEGORY, initial=State(), evolve=evolve, decide=decide, reservations=reservations, guards=guards
)
