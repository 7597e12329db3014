"""The orders at ACME directories: how far each has come, and what it waits for."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from es_pki.events.acme_order import (
    ACMEAuthorizationValidated,
    ACMECertificateObtained,
    ACMEChallengeCleanedUp,
    ACMEChallengePresented,
    ACMEChallengeSeen,
    ACMEOrderAbandoned,
    ACMEOrderCreated,
    ACMEOrderFailed,
    ACMEOrderFinalized,
    ACMEOrderHindered,
    ACMEOrderMoved,
    ACMEOrderPlaced,
    ACMERehearsalPassed,
)
from es_pki.events.happened import Happened
from es_pki.projections.view import View, own_id
from es_pki.values import KeyType, SubjectAltNames
from es_pki.values.acme import ACMEProblem, ChallengeType

NAME = "acme_orders"
VERSION = 3


class Status(StrEnum):
    """How far an order has come."""

    PLACED = "placed"
    PENDING = "pending"
    FINALIZED = "finalized"
    ABANDONED = "abandoned"
    ISSUED = "issued"
    REHEARSED = "rehearsed"
    FAILED = "failed"


class Progress(StrEnum):
    """How far the proof of a name has come."""

    PRESENTED = "presented"
    SEEN = "seen"
    VALIDATED = "validated"
    CLEANED_UP = "cleaned-up"


class Proof(Struct, frozen=True):
    """A name's proof; `authorization` is its URL. A name that was proved for an earlier order has none."""

    authorization: str
    identifier: str
    type: ChallengeType
    progress: Progress


class Row(Struct, frozen=True):
    """One order. `name` is the certificate's, and `version` the one that it became.

    `account_id` is the account that it is ordered with now, or that brought it; `fallback_ids` are those with which it
    goes on where a directory can't or won't. `is_rehearsal`: its certificate is thrown away.
    `problem` is what it failed for, or what hinders it now: then it is tried again at `next_attempt`; `hindered` counts
    how often that happened since it last went on.
    """

    id: str
    name: str
    status: Status
    certificate_id: str
    account_id: str
    subject_alt_names: SubjectAltNames
    challenge_type: ChallengeType
    key_type: KeyType
    public_key_hash: str
    profile: str
    preferred_chain: str
    replaces: str
    renews: bool
    fallback_ids: tuple[str, ...]
    is_rehearsal: bool
    webroot: str
    placed_by: str
    placed_at: datetime
    url: str | None = None
    expires: datetime | None = None
    authorizations: int = 0
    validated: int = 0
    proofs: tuple[Proof, ...] = ()
    version: int | None = None
    ended_at: datetime | None = None
    problem: ACMEProblem | None = None
    next_attempt: datetime | None = None
    hindered: int = 0


def evolve(row: Row | None, happened: Happened) -> Row | None:
    """Return the order's row after an event."""
    match happened.event:
        case ACMEOrderPlaced() as event:
            return _placed(event, happened)
        case _ if row is None:
            return None
        case ACMEOrderHindered(problem=problem, next_attempt=next_attempt):
            return replace(row, problem=problem, next_attempt=next_attempt, hindered=row.hindered + 1)
        case ACMEOrderAbandoned():
            return replace(row, status=Status.ABANDONED)
        case ACMEOrderMoved(account_id=account_id, problem=problem):
            moved = replace(row, status=Status.PLACED, account_id=account_id, problem=problem, url=None, expires=None)
            return replace(moved, authorizations=0, validated=0, proofs=())
        case _:
            return _gone_on(replace(row, problem=None, next_attempt=None, hindered=0), happened)


def _gone_on(row: Row, happened: Happened) -> Row:
    match happened.event:
        case ACMEOrderCreated() as event:
            count = len(event.authorizations)
            return replace(row, status=Status.PENDING, url=event.url, expires=event.expires, authorizations=count)
        case ACMEChallengePresented() as event:
            proof = Proof(event.authorization, event.identifier, event.type, Progress.PRESENTED)
            others = (other for other in row.proofs if other.authorization != proof.authorization)
            return replace(row, proofs=(*others, proof))
        case ACMEChallengeSeen(authorization=authorization):
            return _progressed(row, authorization, Progress.SEEN)
        case ACMEAuthorizationValidated(authorization=authorization):
            return _progressed(replace(row, validated=row.validated + 1), authorization, Progress.VALIDATED)
        case ACMEChallengeCleanedUp(authorization=authorization):
            return _progressed(row, authorization, Progress.CLEANED_UP)
        case ACMEOrderFinalized():
            return replace(row, status=Status.FINALIZED)
        case ACMECertificateObtained(version=version):
            return replace(row, status=Status.ISSUED, version=version, ended_at=happened.time)
        case ACMERehearsalPassed():
            return replace(row, status=Status.REHEARSED, ended_at=happened.time)
        case ACMEOrderFailed(problem=problem):
            return replace(row, status=Status.FAILED, problem=problem, ended_at=happened.time)
        case _:
            return row


def _progressed(row: Row, authorization: str, progress: Progress) -> Row:
    proofs = (
        replace(proof, progress=progress) if proof.authorization == authorization else proof for proof in row.proofs
    )
    return replace(row, proofs=tuple(proofs))


def _placed(event: ACMEOrderPlaced, happened: Happened) -> Row:
    return Row(
        id=happened.id,
        name=event.name,
        status=Status.PLACED,
        certificate_id=event.certificate_id,
        account_id=event.account_id,
        subject_alt_names=event.subject_alt_names,
        challenge_type=event.challenge_type,
        key_type=event.key_type,
        public_key_hash=event.public_key_hash,
        profile=event.profile,
        preferred_chain=event.preferred_chain,
        replaces=event.replaces,
        renews=event.renews,
        fallback_ids=event.fallback_ids,
        is_rehearsal=event.is_rehearsal,
        webroot=event.webroot,
        placed_by=happened.actor,
        placed_at=happened.time,
    )


view = View(
    name=NAME,
    version=VERSION,
    row=Row,
    events=(
        ACMEOrderPlaced,
        ACMEOrderCreated,
        ACMEChallengePresented,
        ACMEChallengeSeen,
        ACMEAuthorizationValidated,
        ACMEChallengeCleanedUp,
        ACMEOrderFinalized,
        ACMECertificateObtained,
        ACMERehearsalPassed,
        ACMEOrderHindered,
        ACMEOrderMoved,
        ACMEOrderAbandoned,
        ACMEOrderFailed,
    ),
    key=own_id,
    evolve=evolve,
    order_by="placed_at",
    filters=("name", "status", "certificate_id", "account_id", "public_key_hash"),
    lookups=("name", "certificate_id", "public_key_hash"),
)
