"""The authorities above a certificate."""

from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import AUTHORITY
from es_pki.adapters.x509.formats import is_self_issued
from es_pki.events.authority import AuthorityImported
from es_pki.events.certificate import CertificateImported, CertificatePrepared

MAXIMUM_DEPTH = 10
"""Authorities in a chain, at most."""


async def chain(aggregates: Aggregates, issuer_id: str | None) -> list[bytes]:
    """Return the DER certificates of the issuers, from the given authority up to its root."""
    found: list[bytes] = []
    while issuer_id is not None and len(found) < MAXIMUM_DEPTH:
        state = (await aggregates.load(AUTHORITY, issuer_id)).state
        if state.prepared is None or state.certificate is None:
            break
        found.append(state.certificate)
        issuer_id = state.prepared.issuer_id
        if isinstance(state.prepared, AuthorityImported) and issuer_id is None:
            found += state.prepared.chain
    return found


async def issuers_of(aggregates: Aggregates, version: CertificatePrepared | CertificateImported) -> list[bytes]:
    """Return the DER certificates above a version: those of the authorities here, or those that came with it."""
    if isinstance(version, CertificateImported) and version.issuer_id is None:
        return list(version.chain)
    return await chain(aggregates, version.issuer_id)


def without_root(issuers: list[bytes]) -> list[bytes]:
    """Return a chain as it is sent along: whoever trusts the root has it."""
    return issuers[:-1] if issuers and is_self_issued(issuers[-1]) else issuers
