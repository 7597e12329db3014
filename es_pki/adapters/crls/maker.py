"""Makes CRLs: prepared first, then built to the byte, signed and recorded. It keeps nothing."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from es_pki.adapters.crls.ledger import Draft
from es_pki.adapters.intake.aggregates import Aggregates, Handled
from es_pki.adapters.intake.deciders import AUTHORITY, REVOCATION_LIST
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.x509.crl import assembled, to_be_signed
from es_pki.commands.foreign_authority import key_type_of
from es_pki.commands.refusals import NotFound
from es_pki.commands.revocation_list import (
    PrepareCRL,
    RecordCRLSignature,
    RevocationListCommand,
    State,
    parts_of,
)
from es_pki.events.revocation_list import CRLIssued, CRLPrepared, RevocationListEvent, Signed
from es_pki.values import KeyType, Locations, crl_location, public_key_hash

LARGE = 1_000
"""Entries from which on building and signing is a thread's work."""


class CRLPlan(Struct, frozen=True):
    """How long CRLs hold, how long before their end the next one comes, and among how many shards they are spread."""

    validity: timedelta = timedelta(days=7)
    overlap: timedelta = timedelta(days=1)
    shards: int = 0


class Built(Struct, frozen=True):
    """A prepared CRL to the byte, without its signature, and its delta."""

    prepared: CRLPrepared
    complete: bytes
    delta: bytes | None


class Made(Struct, frozen=True):
    """A signed CRL and its delta, in DER. `entries` is how many certificates the complete one lists."""

    prepared: CRLPrepared
    complete: bytes
    delta: bytes | None
    entries: int


class Maker:
    """`locations` tells where an authority publishes, by its id."""

    def __init__(
        self, aggregates: Aggregates, keys: KeyRing, locations: Callable[[str], Locations], plan: CRLPlan
    ) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._locations = locations
        self.plan = plan

    async def prepare(
        self, aggregate_id: str, now: datetime, *, request_id: str, actor: str
    ) -> Handled[State, RevocationListEvent]:
        """Number a list's next CRL; without events one waits for its signature. Raises `Refused` and `Conflict`."""
        authority_id, shard = parts_of(aggregate_id)

        async def command() -> RevocationListCommand:
            issuer = await self._issuer(authority_id)
            location = crl_location(self._locations(authority_id).crl, shard)
            return PrepareCRL(
                request_id=request_id,
                now=now,
                validity=self.plan.validity,
                not_after=issuer.not_after,
                public_key_hash=public_key_hash(issuer.public_key),
                location=location if shard else "",
                freshest_crl=f"{location}/delta",
            )

        return await self._aggregates.handle(REVOCATION_LIST, aggregate_id, command, actor=actor)

    async def first(self, authority_id: str, aggregate_id: str, now: datetime, *, actor: str) -> None:
        """Issue the first CRL of a list of an authority that was made just now: it revoked nothing yet."""
        handled = await self.prepare(aggregate_id, now, request_id=authority_id, actor=actor)
        for event in handled.events:
            if isinstance(event, CRLPrepared) and event.ended_before is None:
                await self.sign(aggregate_id, Draft(event, (), None), actor=actor)

    async def issuer_end(self, aggregate_id: str) -> datetime:
        """Return until when the issuer of a list holds."""
        return (await self._issuer(parts_of(aggregate_id)[0])).not_after

    async def build(self, aggregate_id: str, draft: Draft) -> Built:
        """Return a prepared CRL to the byte: from the same log always the same."""
        issuer = await self._issuer(parts_of(aggregate_id)[0])

        def build() -> Built:
            complete = to_be_signed(issuer.certificate, issuer.key_type, draft.prepared, draft.entries)
            delta = None
            if draft.delta is not None:
                delta = to_be_signed(issuer.certificate, issuer.key_type, draft.prepared, draft.delta, is_delta=True)
            return Built(draft.prepared, complete, delta)

        return await asyncio.to_thread(build) if len(draft.entries) >= LARGE else build()

    async def sign(self, aggregate_id: str, draft: Draft, *, actor: str) -> Built:
        """Sign a prepared CRL and record it, unless that was done; return what was signed."""
        built = await self.build(aggregate_id, draft)
        complete = await self._signed(aggregate_id, built.complete, draft.entries)
        delta = None
        if built.delta is not None and draft.delta is not None:
            delta = await self._signed(aggregate_id, built.delta, draft.delta)

        async def command() -> RevocationListCommand:
            return RecordCRLSignature(draft.prepared.crl_number, complete, delta)

        await self._aggregates.handle(REVOCATION_LIST, aggregate_id, command, actor=actor)
        return built

    async def put_together(self, aggregate_id: str, built: Built, issued: CRLIssued) -> Made:
        """Return the CRL with its recorded signature. Raises `ValueError` when it isn't what was signed."""
        issuer = await self._issuer(parts_of(aggregate_id)[0])

        def of(tbs: bytes, signed: Signed) -> bytes:
            if hashlib.sha256(tbs).digest() != signed.digest:
                raise ValueError(f"CRL {issued.crl_number} of {aggregate_id} is not what was signed")
            return assembled(tbs, issuer.key_type, signed.signature)

        def put_together() -> Made:
            complete = of(built.complete, issued.complete)
            delta = of(built.delta, issued.delta) if built.delta is not None and issued.delta is not None else None
            return Made(built.prepared, complete, delta, issued.complete.entries)

        return await asyncio.to_thread(put_together) if issued.complete.entries >= LARGE else put_together()

    async def _signed(self, aggregate_id: str, tbs: bytes, entries: Sequence[bytes]) -> Signed:
        authority_id, _ = parts_of(aggregate_id)
        issuer = await self._issuer(authority_id)
        signature = await self._keys.sign(tbs, issuer.key_id, purpose=AUTHORITY.category, owner=authority_id)

        def signed() -> Signed:
            size = len(assembled(tbs, issuer.key_type, signature))
            return Signed(hashlib.sha256(tbs).digest(), signature, len(entries), size)

        return await asyncio.to_thread(signed) if len(entries) >= LARGE else signed()

    async def _issuer(self, authority_id: str) -> "_Issuer":
        """Return what an authority signs CRLs with; also of one that was revoked."""
        state = (await self._aggregates.load(AUTHORITY, authority_id)).state
        prepared, certificate = state.prepared, state.certificate
        if prepared is None or certificate is None:
            raise NotFound(f"there is no signed authority {authority_id}")
        key_type = key_type_of(prepared)
        if prepared.key_id is None or key_type is None:
            raise NotFound(f"the authority {prepared.name} has no key here")
        return _Issuer(certificate, prepared.key_id, key_type, prepared.public_key, prepared.not_after)


class _Issuer(NamedTuple):
    certificate: bytes
    key_id: str
    key_type: KeyType
    public_key: bytes
    not_after: datetime
