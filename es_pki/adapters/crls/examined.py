"""Whether the CRLs are what the log says: the part of the examination that knows revocation lists.

Every CRL was prepared before it was signed, under a number that is higher than all before. Its signature, also that of
one that was replaced long ago, is its issuer's, over exactly what had been recorded by then: each is made again.
"""

import hashlib
from collections.abc import Iterator, Mapping

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from es_pki.adapters.crls.ledger import Draft, Ledger
from es_pki.adapters.x509.crl import to_be_signed
from es_pki.adapters.x509.keys import key_type_of, spki_of, verify
from es_pki.commands.revocation_list import parts_of
from es_pki.events.happened import Happened
from es_pki.events.revocation_list import CRLIssued, CRLPrepared, Signed
from es_pki.values import PublicKey


class CRLs:
    """The state of one reading. `authorities` are those made so far, by their ids; whoever reads adds to them."""

    def __init__(self, authorities: Mapping[str, x509.Certificate]) -> None:
        self._authorities = authorities
        self._ledger = Ledger()
        self._drafts: dict[str, Draft] = {}
        self._outstanding: set[str] = set()

    def problems_of(self, happened: Happened) -> Iterator[str]:
        """Yield how an event contradicts those before it."""
        match happened.event:
            case CRLPrepared() as prepared:
                yield from self._prepared(happened, prepared)
            case CRLIssued() as issued:
                draft = self._drafts.get(happened.id)
                if happened.id not in self._outstanding or draft is None:
                    yield "a CRL was signed that nobody prepared"
                elif draft.prepared.crl_number != issued.crl_number:
                    yield f"CRL {issued.crl_number} was signed when {draft.prepared.crl_number} was prepared"
                else:
                    yield from self._signed(happened.id, draft, issued)
                self._outstanding.discard(happened.id)
            case _:
                self._ledger.enter(happened)

    def _prepared(self, happened: Happened, prepared: CRLPrepared) -> Iterator[str]:
        before = self._drafts.get(happened.id)
        if before is not None and before.prepared.crl_number >= prepared.crl_number:
            yield f"CRL {prepared.crl_number} was prepared after {before.prepared.crl_number}"
        if happened.id in self._outstanding:
            yield "a CRL was prepared while the one before waited for its signature"
        if prepared.base_crl_number is not None and not self._ledger.book(happened.id).knows(prepared.base_crl_number):
            yield f"CRL {prepared.base_crl_number} is the base of a delta, and was never prepared"
            return
        draft = self._ledger.draft(happened, prepared)
        if draft is not None:
            self._drafts[happened.id] = draft
        self._outstanding.add(happened.id)

    def _signed(self, aggregate_id: str, draft: Draft, issued: CRLIssued) -> Iterator[str]:
        issuer = self._authorities.get(parts_of(aggregate_id)[0])
        if issuer is None:
            yield "the issuer of the CRL is no authority"
        elif not _is_as_recorded(issuer, draft, issued):
            yield f"CRL {issued.crl_number} isn't what the log says, or not its issuer's"


def _is_as_recorded(issuer: x509.Certificate, draft: Draft, issued: CRLIssued) -> bool:
    if draft.delta is None or issued.delta is None:
        is_delta_right = draft.delta is None and issued.delta is None
    else:
        is_delta_right = _holds(issuer, draft, draft.delta, issued.delta, is_delta=True)
    return is_delta_right and _holds(issuer, draft, draft.entries, issued.complete, is_delta=False)


def _holds(
    issuer: x509.Certificate, draft: Draft, entries: tuple[bytes, ...], signed: Signed, *, is_delta: bool
) -> bool:
    public = issuer.public_key()
    key_type = key_type_of(public)
    if key_type is None:
        return False
    der = issuer.public_bytes(Encoding.DER)
    tbs = to_be_signed(der, key_type, draft.prepared, entries, is_delta=is_delta)
    is_digest_right = hashlib.sha256(tbs).digest() == signed.digest
    return is_digest_right and verify(PublicKey(key_type, spki_of(public)), tbs, signed.signature)
