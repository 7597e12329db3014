"""Whose certificate it is that a client showed: judged by our own validator, and by what the log says at that moment.

TLS verified the chain when the connection began. Each request looks again: whether the trust store still trusts it,
and whether any of its certificates was revoked here, so that neither outlives the next request.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from ssl import PEM_cert_to_DER_cert

from aiohttp import web

from es_pki.adapters.http.client_trust import ClientTrust
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE, PRINCIPAL
from es_pki.adapters.ocsp.response import Revoked
from es_pki.adapters.ocsp.statuses import find
from es_pki.adapters.trusted import Trusted
from es_pki.adapters.validation import Purpose
from es_pki.adapters.validation.work import JUDGE, Anchor, Case, Step, Validation
from es_pki.adapters.views import Query, ViewStore, every_row
from es_pki.adapters.worker import Workers
from es_pki.adapters.x509.keys import spki_of_certificate
from es_pki.commands import principal
from es_pki.decider import Refused
from es_pki.events import codec
from es_pki.events.authority import AuthorityImported, AuthorityPrepared
from es_pki.projections import authorities
from es_pki.values import public_key_hash
from eventlog import Log

JUDGED_FOR = timedelta(minutes=1)
"""How long a verdict on a chain is good; what may change meanwhile is looked at by every request."""

MOST_VERDICTS = 256
"""Verdicts that are remembered."""

AUTHORITIES = codec.stored_types_of(AuthorityPrepared, AuthorityImported)

Chain = tuple[bytes, ...]


class Unfit(Exception):
    """The certificate opens nothing; the text says why, and names nothing secret."""


class Clients:
    """Finds principals by the certificates of their connections."""

    def __init__(
        self,
        trust: ClientTrust,
        log: Log,
        aggregates: Aggregates,
        views: ViewStore,
        *,
        workers: Workers,
        now: Callable[[], datetime],
    ) -> None:
        self._trust = trust
        self._log = log
        self._aggregates = aggregates
        self._views = views
        self._workers = workers
        self._now = now
        self._verdicts: dict[tuple[Chain, Trusted], Validation] = {}
        self._youngest: dict[str, set[str]] = {}
        self._searched = 0

    async def principal(self, chain: Chain) -> principal.State:
        """Return the state of the principal that was admitted with the chain's first certificate. Raises `Unfit`."""
        path = await self._path(chain)
        issued = await self._check_revocation(path)
        fingerprint = hashlib.sha256(chain[0]).hexdigest()
        lineage = issued or await self._aggregates.owner(f"certificate_fingerprint-{fingerprint}")
        if lineage is not None:
            await self._check_holds(lineage, chain[0])
        for known_by in filter(None, (fingerprint, lineage)):
            owner = await self._aggregates.owner(f"{principal.CLIENT}-{known_by}")
            if owner is not None:
                return (await self._aggregates.load(PRINCIPAL, owner, afresh=True)).state
        raise Unfit("this client certificate is no principal's; an administrator admits it with AdmitClient")

    async def _path(self, chain: Chain) -> tuple[Step, ...]:
        """Return the path from the certificate to a trust anchor. Raises `Unfit` if there is no valid one."""
        now, verdict = self._now(), await self._verdict(chain)
        fault = next((finding.message for finding in verdict.findings if finding.is_error), None)
        if not verdict.is_valid:
            raise Unfit(f"this client certificate is not valid: {fault}")
        if any(step.not_after < now for step in verdict.path):
            raise Unfit("this client certificate has expired, or one above it")
        return verdict.path

    async def _verdict(self, chain: Chain) -> Validation:
        trusted, now = await self._trust.now(), self._now()
        known = self._verdicts.get((chain, trusted))
        if known is not None and abs(now - known.time) < JUDGED_FOR:
            return known
        anchors = tuple(map(Anchor, trusted.certificates))
        case = Case(certificates=chain, anchors=anchors, time=now, purpose=Purpose.CLIENT)
        try:
            verdict = await self._workers.do(JUDGE, case)
        except Refused as refused:
            raise Unfit(f"this client certificate can't be judged: {refused.detail}") from None
        if len(self._verdicts) >= MOST_VERDICTS:
            self._verdicts.clear()
        self._verdicts[chain, trusted] = verdict
        return verdict

    async def _check_revocation(self, path: tuple[Step, ...]) -> str | None:
        """Return the id of what we issued the first certificate as, None if we didn't.

        Raises `Unfit` for one of ours that was revoked or is held.
        """
        owners: list[str] = []
        for number, (step, above) in enumerate(pairwise(path)):
            key_hash = public_key_hash(spki_of_certificate(PEM_cert_to_DER_cert(above.certificate_pem)))
            for authority_id in await self._authorities(key_hash):
                found = await find(self._aggregates, authority_id, int(step.serial_number, 16))
                if isinstance(found.status, Revoked):
                    raise Unfit(f"this client certificate doesn't hold: {step.subject} was revoked, or is held")
                if number == 0 and found.owner is not None:
                    owners.append(found.owner)
        return owners[0] if owners else None

    async def _authorities(self, key_hash: str) -> set[str]:
        """Return the ids of our authorities with this key: from the view, and from what it hasn't seen of the log."""
        query = Query(filters={"public_key_hash": key_hash})
        found = {row.id async for row in every_row(self._views, authorities.view, query)}
        after = max(self._searched, await self._views.checkpoint(authorities.view) or 0)
        async for page in self._log.read_all(after=after, types=AUTHORITIES):
            for record in page.records:
                match codec.decode(record.type, record.data):
                    case AuthorityPrepared(public_key=spki) | AuthorityImported(public_key=spki):
                        authority_id = record.stream.removeprefix(AUTHORITY.stream(""))
                        self._youngest.setdefault(public_key_hash(spki), set()).add(authority_id)
                    case _:
                        pass
            self._searched = max(self._searched, page.position)
        return found | self._youngest.get(key_hash, set())

    async def _check_holds(self, lineage: str, certificate: bytes) -> None:
        """Raise `Unfit` for a version of a lineage that was imported or ordered and revoked, and for a deleted one."""
        state = (await self._aggregates.load(CERTIFICATE, lineage, afresh=True)).state
        if state.is_deleted:
            raise Unfit("this client certificate was deleted")
        if any(each.certificate == certificate and not each.holds for each in state.versions.values()):
            raise Unfit("this client certificate was revoked, or is held")


CLIENTS = web.AppKey("clients", Clients)
