"""Revocation lists: which CRL comes next, with which number, and until when it holds (RFC 5280 section 5).

What a CRL lists is no decision: all that was recorded before it was prepared.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from es_pki.commands.key_guard import trusted_key
from es_pki.commands.refusals import NotFound
from es_pki.decider import Decider, Guard, Kind, Refused, Violation
from es_pki.events.revocation_list import CRLIssued, CRLPrepared, RevocationListEvent, Signed

CATEGORY = "revocation_list"

BASES_APART = timedelta(hours=1)
"""How far apart the CRLs are from which deltas go on: they are remembered as long as one of between may be in use."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def list_id(authority_id: str, shard: int) -> str:
    """Return the id of an authority's list."""
    return f"{authority_id}/{shard}"


def parts_of(aggregate_id: str) -> tuple[str, int]:
    """Return the authority's id and the shard of a list's id."""
    authority_id, _, shard = aggregate_id.partition("/")
    return authority_id, int(shard or 0)


# Commands


class PrepareCRL(Struct, frozen=True):
    """Decide on the list's next CRL, which holds for `validity`, at most until the issuer's end `not_after`.

    `public_key_hash` is that of the issuer's key. The other fields are as in CRLPrepared.
    """

    request_id: str
    now: datetime
    validity: timedelta
    not_after: datetime
    public_key_hash: str
    location: str
    freshest_crl: str


class RecordCRLSignature(Struct, frozen=True):
    """The prepared CRL was signed, and its delta if it has one."""

    crl_number: int
    complete: Signed
    delta: Signed | None


RevocationListCommand = PrepareCRL | RecordCRLSignature


# Refusals


class CRLIssuerExpired(Refused):
    """The authority's certificate doesn't hold any more: nobody would accept a CRL of it, and none is needed."""

    kind = Kind.CLASHING


# State


class Base(Struct, frozen=True):
    """An issued CRL from which deltas may go on."""

    crl_number: int
    this_update: datetime
    next_update: datetime


class State(Struct, frozen=True):
    """What decisions about a list read: what was prepared and issued last, and the bases of deltas, oldest first."""

    prepared: CRLPrepared | None = None
    issued: CRLIssued | None = None
    bases: tuple[Base, ...] = ()

    @property
    def outstanding(self) -> CRLPrepared | None:
        """Return the CRL that waits for its signature."""
        if self.prepared is None or (self.issued and self.issued.crl_number == self.prepared.crl_number):
            return None
        return self.prepared


def evolve(state: State, event: RevocationListEvent) -> State:
    """Fold one event."""
    match event:
        case CRLPrepared():
            return replace(state, prepared=event, bases=_in_use(state.bases, event.this_update))
        case CRLIssued():
            return replace(state, issued=event, bases=_with(state.bases, state.prepared))


def _in_use(bases: tuple[Base, ...], now: datetime) -> tuple[Base, ...]:
    """Return the bases without those that nobody needs: whose successor has run out as well."""
    while len(bases) > 1 and bases[1].next_update <= now:
        bases = bases[1:]
    return bases


def _with(bases: tuple[Base, ...], issued: CRLPrepared | None) -> tuple[Base, ...]:
    if issued is None or (bases and issued.this_update < bases[-1].this_update + BASES_APART):
        return bases
    return (*bases, Base(issued.crl_number, issued.this_update, issued.next_update))


# Decide


def decide(command: RevocationListCommand, state: State) -> list[RevocationListEvent]:
    """Turn a command into events."""
    match command:
        case PrepareCRL():
            return _prepare(command, state)
        case RecordCRLSignature():
            return _record(command, state)


def _prepare(command: PrepareCRL, state: State) -> list[RevocationListEvent]:
    """Number the next CRL, unless one waits for its signature: that comes first.

    The number is the time in milliseconds, or one more than the last: after a restore, of which the log doesn't know
    what was issued behind the backup, it is still higher (RFC 5280 section 5.2.3 wants 20 octets at most).
    """
    if state.outstanding or (state.prepared and state.prepared.request_id == command.request_id):
        return []
    this_update = command.now.replace(microsecond=0)
    if command.not_after <= this_update:
        detail = f"the authority held until {command.not_after:%F %T}Z"
        raise CRLIssuerExpired(detail, Violation("authority", "RFC 5280 section 6.3.3", detail))
    last = state.prepared.crl_number if state.prepared else 0
    base = _in_use(state.bases, this_update)[:1]
    return [
        CRLPrepared(
            crl_number=max(last + 1, (command.now - _EPOCH) // timedelta(milliseconds=1)),
            this_update=this_update,
            next_update=min(this_update + command.validity, command.not_after),
            request_id=command.request_id,
            ended_before=state.prepared.this_update if state.prepared else None,
            base_crl_number=base[0].crl_number if base else None,
            location=command.location,
            freshest_crl=command.freshest_crl if base else "",
        )
    ]


def _record(command: RecordCRLSignature, state: State) -> list[RevocationListEvent]:
    outstanding = state.outstanding
    if state.prepared is None or state.prepared.crl_number < command.crl_number:
        raise NotFound(f"no CRL of the number {command.crl_number} was prepared")
    if outstanding is None or outstanding.crl_number != command.crl_number:
        return []
    return [CRLIssued(command.crl_number, command.complete, command.delta)]


# The aggregate


def guards(command: RevocationListCommand) -> Sequence[Guard]:
    """Return the guard of the issuer's key: under one that others have, nothing is signed."""
    match command:
        case PrepareCRL(public_key_hash=public_key_hash):
            return (trusted_key(public_key_hash, "authority"),)
        case RecordCRLSignature():
            return ()


RevocationListDecider = Decider[RevocationListCommand, State, RevocationListEvent]

decider: RevocationListDecider = Decider(
    category=CATEGORY, initial=State(), evolve=evolve, decide=decide, guards=guards
)
