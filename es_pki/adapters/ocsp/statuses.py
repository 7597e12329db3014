"""What the log says of a serial number: asked of the log itself, so that no view that lags behind can answer "good"."""

from datetime import datetime
from typing import NamedTuple

from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE, OCSP_RESPONDER
from es_pki.adapters.ocsp.response import Good, Revoked, Status, Unknown
from es_pki.commands.versions import Version
from es_pki.values import CRLReason, serial_hex

LARGEST_SERIAL_NUMBER = 1 << 160
"""RFC 5280 section 4.1.2.2: at most 20 octets."""


class Found(NamedTuple):
    """A status, until when its certificate holds, and the id of the aggregate that it is a certificate of."""

    status: Status
    not_after: datetime | None = None
    owner: str | None = None


UNKNOWN = Found(Unknown())


async def find(aggregates: Aggregates, authority_id: str, serial_number: int) -> Found:
    """Return what is known of an authority's certificate, as the log has it now. Raises `LogError`.

    Never issued is "unknown", also where it was prepared and not signed yet: "revoked" (RFC 6960 section 2.2) would say
    of a serial number what nobody decided, and could never be taken back.
    """
    if not 0 < serial_number < LARGEST_SERIAL_NUMBER:
        return UNKNOWN
    serial = serial_hex(serial_number)
    owner = await aggregates.owner(f"serial_number-{authority_id}-{serial}")
    if owner is None:
        return UNKNOWN
    certificate = (await aggregates.load(CERTIFICATE, owner, afresh=True)).state
    for version in certificate.versions.values():
        if version.prepared.serial_number == serial and version.prepared.issuer_id == authority_id:
            return _of_certificate(version, owner)
    return await _of_authority(aggregates, owner, serial)


def _of_certificate(version: Version, owner: str) -> Found:
    not_after = version.prepared.not_after
    if version.certificate is None:
        return UNKNOWN
    if version.revoked is not None:
        return Found(Revoked(version.revoked.revoked_at, version.revoked.reason), not_after, owner)
    if version.held is not None:
        return Found(Revoked(version.held.held_at, CRLReason.CERTIFICATE_HOLD), not_after, owner)
    return Found(Good(), not_after, owner)


async def _of_authority(aggregates: Aggregates, owner: str, serial: str) -> Found:
    """Return the status of an authority's certificate, or of an OCSP responder's."""
    authority = (await aggregates.load(AUTHORITY, owner, afresh=True)).state
    if authority.prepared is not None and authority.prepared.serial_number == serial:
        not_after = authority.prepared.not_after
        if authority.certificate is None:
            return UNKNOWN
        if authority.revoked is not None:
            return Found(Revoked(authority.revoked.revoked_at, authority.revoked.reason), not_after, owner)
        return Found(Good(), not_after, owner)
    for responder in (await aggregates.load(OCSP_RESPONDER, owner, afresh=True)).state.versions:
        if responder.prepared.serial_number == serial and responder.certificate is not None:
            return Found(Good(), responder.prepared.not_after, owner)
    return UNKNOWN
