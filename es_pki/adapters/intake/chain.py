"""The authorities above a certificate."""

from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import AUTHORITY

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
    return found
