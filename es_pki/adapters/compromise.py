"""Revokes what uses a compromised key, and records that it was done.

The request that reported the key comes here at once; after a crash in between, the reactions do.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from es_pki.adapters.intake.aggregates import Aggregates, Handled
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE, KEY_COMPROMISE
from es_pki.commands.authority import AuthorityCommand
from es_pki.commands.authority_revocation import AuthorityExpired, RevokeAuthority, RootUnrevocable
from es_pki.commands.certificate import CertificateCommand
from es_pki.commands.key_compromise import KeyCompromiseCommand, RecordUsesRevoked, State
from es_pki.commands.lineage import VersionExpired, VersionMissing
from es_pki.commands.refusals import AlreadyRevoked, SigningGivenUp
from es_pki.commands.revocation import IssuedElsewhere, RevokeCertificate, Which
from es_pki.events.authority import AuthorityImported, AuthorityPrepared
from es_pki.events.certificate import CertificateImported, CertificatePrepared
from es_pki.events.key_compromise import KeyCompromiseEvent
from es_pki.values import CRLReason, public_key_hash

NOTHING_TO_REVOKE = (
    AlreadyRevoked,
    AuthorityExpired,
    IssuedElsewhere,
    RootUnrevocable,
    SigningGivenUp,
    VersionExpired,
    VersionMissing,
)
"""Why a use of the key stays as it is: it was revoked before, it has ended, or nobody can revoke it."""


async def revoke_uses(
    aggregates: Aggregates, of_key: str, now: datetime, *, actor: str
) -> Handled[State, KeyCompromiseEvent]:
    """Revoke all that was ever certified for a reported key, whose SHA-256 in hex is `of_key`.

    Nothing is certified for it any more, so this is all there will be. It reads what was prepared or imported from the
    log: reports are rare. Raises `NotSignedYet` while something is being signed for it.
    """
    state, _, position = await aggregates.load(KEY_COMPROMISE, of_key, afresh=True)
    if state.are_uses_revoked:
        return Handled(state, position, ())
    revoked = 0
    certified = CertificatePrepared, CertificateImported, AuthorityPrepared, AuthorityImported
    async for happened in aggregates.every(*certified):
        match happened.event:
            case CertificatePrepared() | CertificateImported() as one if one.public_key_hash == of_key:
                revoked += await _revoked(_certificate(aggregates, happened.id, one.version, now, actor))
            case AuthorityPrepared() | AuthorityImported() as one if public_key_hash(one.public_key) == of_key:
                revoked += await _revoked(_authority(aggregates, happened.id, now, actor))
            case _:
                pass

    async def command() -> KeyCompromiseCommand:
        return RecordUsesRevoked(revoked)

    return await aggregates.handle(KEY_COMPROMISE, of_key, command, actor=actor)


async def _revoked(revoke: Callable[[], Awaitable[bool]]) -> int:
    try:
        return int(await revoke())
    except NOTHING_TO_REVOKE:
        return 0


def _certificate(
    aggregates: Aggregates, certificate_id: str, version: int, now: datetime, actor: str
) -> Callable[[], Awaitable[bool]]:
    async def command() -> CertificateCommand:
        return RevokeCertificate(Which(version), CRLReason.KEY_COMPROMISE, None, now)

    async def revoke() -> bool:
        return bool((await aggregates.handle(CERTIFICATE, certificate_id, command, actor=actor)).events)

    return revoke


def _authority(aggregates: Aggregates, authority_id: str, now: datetime, actor: str) -> Callable[[], Awaitable[bool]]:
    async def command() -> AuthorityCommand:
        return RevokeAuthority(CRLReason.CA_COMPROMISE, None, now)

    async def revoke() -> bool:
        return bool((await aggregates.handle(AUTHORITY, authority_id, command, actor=actor)).events)

    return revoke
