"""The responder of this process: answers for every authority of the installation, as the log is at that moment.

An answer about one certificate without a nonce is signed once and kept until half of its time is over, or until
something happens to the certificate, which the log tells at once, whichever server recorded it. Nothing is kept while
the log can't be followed. Everything else is signed for the one who asked; how many such answers are under way is
bounded, and the next one is `tryLater`.
"""

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import AUTHORITY, OCSP_RESPONDER
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.ocsp.identity import Identity
from es_pki.adapters.ocsp.kept import Answer, KeptAnswers, Key
from es_pki.adapters.ocsp.request import Asked, CertID, MalformedRequest, read_request
from es_pki.adapters.ocsp.response import Failure, Signing, Single, failed, response_data, successful
from es_pki.adapters.ocsp.statuses import UNKNOWN, Found, find
from es_pki.commands.authority import AuthorityMissing
from es_pki.commands.ocsp_responder import Version
from es_pki.decider import Refused
from es_pki.events import codec
from es_pki.events.authority import AuthorityRevoked
from es_pki.events.certificate import CertificateHeld, CertificateReleased, CertificateRevoked
from eventlog import Closed, Log

LOG = logging.getLogger("es_pki.ocsp")

HOLDS = timedelta(hours=12)
"""From thisUpdate to nextUpdate: how long others may rely on an answer, and staple it, when we can't be reached."""

UNKNOWN_HOLDS = timedelta(minutes=5)
"""The same where a serial number isn't known: it may be issued at any moment."""

MOST_UNDER_WAY = 200
"""Answers that are being looked up and signed at a time: anybody may ask, and signing takes its time."""

CERTIFY_AGAIN = timedelta(minutes=1)
"""After an authority could certify no responder: questions must not make it try, and say so, again and again."""

PAUSE_SECONDS = 1.0
"""Between a failure to follow the log and the next try."""

CHANGES = codec.stored_types_of(CertificateRevoked, CertificateHeld, CertificateReleased, AuthorityRevoked)
"""The stored types of the events that change a certificate's status."""

Certify = Callable[[str], Awaitable[None]]
"""Has an authority certify a responder if one is due. Raises `Refused`."""


class Responder:
    """See the module. `answered` counts what the answers said; `kept` how many of them had been signed before."""

    def __init__(
        self, log: Log, aggregates: Aggregates, keys: KeyRing, certify: Certify, now: Callable[[], datetime]
    ) -> None:
        self._log = log
        self._aggregates = aggregates
        self._keys = keys
        self._certify = certify
        self._now = now
        self._kept = KeptAnswers()
        self._is_following = False
        self._changes = 0
        self._under_way = 0
        self._being_made: dict[Key, asyncio.Future[Answer]] = {}
        self._renewing = asyncio.Lock()
        self._identities: dict[str, Identity] = {}
        self._signing: dict[str, tuple[int, Signing]] = {}
        self._tried: dict[str, datetime] = {}
        self.answered: Counter[str] = Counter()
        self.kept = 0

    async def run(self) -> None:
        """Follow the log and forget what has changed, until cancelled or the log is closed."""
        while True:
            try:
                position = (await self._log.head()).size
                self._is_following = True
                async for page in self._log.follow(after=position, types=CHANGES):
                    for record in page.records:
                        self._forget(record.stream.partition("-")[2])
            except Closed:
                return
            except Exception:
                LOG.exception("the log can't be followed: no OCSP answer is kept; trying again")
            finally:
                self._is_following = False
                self._forget(None)
            await asyncio.sleep(PAUSE_SECONDS)

    async def answer(self, authority_id: str, request: bytes) -> Answer:
        """Answer a request to an authority's responder. Raises `AuthorityMissing`, `LogError`, `KeyStoreRefused`."""
        answer = await self._answer(authority_id, request)
        for said in answer.says:
            self.answered[said] += 1
        return answer

    async def _answer(self, authority_id: str, request: bytes) -> Answer:
        identity = await self._identity(authority_id)
        try:
            asked = read_request(request)
        except MalformedRequest:
            return _refused(Failure.MALFORMED_REQUEST)
        if not any(map(identity.is_meant, asked.about)):
            return _refused(Failure.UNAUTHORIZED)
        if asked.nonce is not None or len(asked.about) > 1:
            answer, _ = await self._made(authority_id, identity, asked)
            return answer
        key = authority_id, asked.about[0].der
        kept = self._kept.get(key, self._now())
        if kept is not None:
            self.kept += 1
            return kept
        making = self._being_made.get(key)
        if making is None:
            making = self._being_made[key] = asyncio.ensure_future(self._made_to_be_kept(key, identity, asked))
        return await asyncio.shield(making)

    async def _made_to_be_kept(self, key: Key, identity: Identity, asked: Asked) -> Answer:
        """Make an answer and keep it, unless something has happened meanwhile that it may not know of."""
        changes, making = self._changes, asyncio.current_task()
        try:
            answer, owner = await self._made(key[0], identity, asked)
        finally:
            if self._being_made.get(key) is making:
                del self._being_made[key]
        if owner is not None and self._is_following and self._changes == changes:
            self._kept.put(key, owner, answer)
        return answer

    async def _made(self, authority_id: str, identity: Identity, asked: Asked) -> tuple[Answer, str | None]:
        """Make an answer, unless too many are being made; return it, and whose certificate it is about."""
        if self._under_way >= MOST_UNDER_WAY:
            return _refused(Failure.TRY_LATER), None
        self._under_way += 1
        try:
            return await self._signed(authority_id, identity, asked)
        finally:
            self._under_way -= 1

    async def _signed(self, authority_id: str, identity: Identity, asked: Asked) -> tuple[Answer, str | None]:
        responder = await self._serving(authority_id)
        if responder is None:
            return _refused(Failure.UNAUTHORIZED), None
        this_update = self._now().replace(microsecond=0)  # what happens from here on may be missing from the answer
        found = [await self._find(authority_id, identity, about) for about in asked.about]
        is_known = all(one.owner is not None for one in found)
        next_update = min(this_update + (HOLDS if is_known else UNKNOWN_HOLDS), responder.prepared.not_after)
        singles = tuple(
            Single(about.der, one.status, identity.not_before if _is_over(one, this_update) else None)
            for about, one in zip(asked.about, found, strict=True)
        )
        signing = self._signing_of(authority_id, responder)
        data = response_data(
            signing.key_hash, singles, this_update=this_update, next_update=next_update, nonce=asked.nonce
        )
        signature = await self._keys.sign(
            data, responder.prepared.key_id, purpose=OCSP_RESPONDER.category, owner=authority_id
        )
        body = successful(data, signature, signing)
        is_for_all = is_known and asked.nonce is None and len(found) == 1
        answer = Answer(
            body,
            says=tuple(type(one.status).__name__.lower() for one in found),
            this_update=this_update,
            next_update=next_update,
            fresh_until=this_update + (next_update - this_update) / 2 if is_for_all else None,
            etag=hashlib.sha256(body).hexdigest(),
        )
        return answer, found[0].owner

    async def _find(self, authority_id: str, identity: Identity, about: CertID) -> Found:
        """Return the status of a certificate; another authority's, asked about among ours, is unknown here."""
        if not identity.is_meant(about):
            return UNKNOWN
        return await find(self._aggregates, authority_id, about.serial_number)

    async def _serving(self, authority_id: str) -> Version | None:
        """Return the authority's responder. One is certified if there is none, or none that outlives its answers."""
        version = await self._newest(authority_id)
        if self._is_good(authority_id, version):
            return version
        async with self._renewing:
            version = await self._newest(authority_id, afresh=True)
            if self._is_good(authority_id, version):
                return version
            try:
                await self._certify(authority_id)
            except Refused as refused:
                told = {"authority": authority_id, "because": refused.detail}
                LOG.warning("an authority can't have an OCSP responder", extra={"fields": told})
            self._tried[authority_id] = self._now()
            return await self._newest(authority_id)

    async def _newest(self, authority_id: str, *, afresh: bool = False) -> Version | None:
        loaded = await self._aggregates.load(OCSP_RESPONDER, authority_id, afresh=afresh)
        return loaded.state.serving(self._now())

    def _is_good(self, authority_id: str, version: Version | None) -> bool:
        """Tell whether a responder outlives its answers, or there can't be a better one as it seems."""
        if version is not None and version.prepared.not_after >= self._now() + HOLDS:
            return True
        tried = self._tried.get(authority_id)
        return tried is not None and abs(self._now() - tried) < CERTIFY_AGAIN

    async def _identity(self, authority_id: str) -> Identity:
        found = self._identities.get(authority_id)
        if found is None:
            certificate = (await self._aggregates.load(AUTHORITY, authority_id)).state.certificate
            if certificate is None:
                raise AuthorityMissing("there is no authority of this name")
            found = self._identities[authority_id] = Identity(certificate)
        return found

    def _signing_of(self, authority_id: str, responder: Version) -> Signing:
        """Return what answers say of their responder: read from its certificate once."""
        number, signing = self._signing.get(authority_id, (0, None))
        if signing is None or number != responder.prepared.version:
            signing = Signing.of(responder.prepared.key_type, responder.certificate or b"")
            self._signing[authority_id] = responder.prepared.version, signing
        return signing

    def _forget(self, owner: str | None) -> None:
        """Keep nothing about an aggregate's certificates (None: about any), also of what is being made."""
        self._changes += 1
        self._being_made.clear()
        if owner is None:
            self._kept.clear()
        else:
            self._kept.forget(owner)


def _refused(failure: Failure) -> Answer:
    return Answer(failed(failure), says=(failure.name.lower(),))


def _is_over(found: Found, now: datetime) -> bool:
    return found.not_after is not None and found.not_after < now
