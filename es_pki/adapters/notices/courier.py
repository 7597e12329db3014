"""The courier: hands a message to a channel, with its secret, by whatever way it is reached."""

import ssl
from typing import cast

from es_pki.adapters.fetching import Fetcher
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import NOTICE_CHANNEL, TRUST_STORE
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.keystore.store import KeyMissing, KeyUnreadable
from es_pki.adapters.notices import by_apprise, mail, webhook
from es_pki.adapters.notices.message import Message, Undelivered
from es_pki.adapters.x509.formats import pem_chain
from es_pki.commands.notice_channel import State, usable
from es_pki.events import codec
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted, TrustStoreEvent
from es_pki.values.notices import Apprise, Email, Webhook
from eventlog import Log

SECRETS = "notice_secret"
"""The purpose under which the channels' secrets lie in the key store."""


class Courier:
    """Knows the way to every channel."""

    def __init__(self, aggregates: Aggregates, keys: KeyRing, log: Log, fetcher: Fetcher) -> None:
        self._aggregates = aggregates
        self._keys = keys
        self._log = log
        self._fetcher = fetcher

    async def deliver(self, channel_id: str, message: Message) -> str:
        """Hand a message over; return what of it wasn't taken, "" for nothing.

        Raises `Undelivered`, and `NoticeChannelMissing` for a channel that was removed.
        """
        state = (await self._aggregates.load(NOTICE_CHANNEL, channel_id, afresh=True)).state
        added, secret = usable(state), await self._secret(channel_id, state)
        trusting = await self._trusting(added.trust_store_id)
        match added.settings:
            case Email() as settings:
                return await mail.send(settings, secret, trusting, message)
            case Webhook() as settings:
                return await webhook.send(self._fetcher, settings, secret, trusting, message)
            case Apprise():
                return await by_apprise.send(secret, message)

    async def _secret(self, channel_id: str, state: State) -> bytes:
        if not state.secret_id:
            return b""
        try:
            return await self._keys.secret(state.secret_id, purpose=SECRETS, owner=channel_id)
        except (KeyMissing, KeyUnreadable):
            raise Undelivered("the channel's secret can't be read: replace it") from None

    async def _trusting(self, trust_store_id: str) -> ssl.SSLContext | None:
        """Return a context that trusts what a store trusts without limits, None: what the system trusts."""
        if not trust_store_id:
            return None
        trusted: dict[str, bytes] = {}
        for record in await self._log.read_stream(TRUST_STORE.stream(trust_store_id)):
            match cast("TrustStoreEvent", codec.decode(record.type, record.data)):
                case CertificateTrusted(anchor=anchor):
                    trusted[anchor.fingerprint] = anchor.certificate
                case CertificateDistrusted(fingerprint=fingerprint):
                    trusted.pop(fingerprint, None)
                case _:
                    pass
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if trusted:
            context.load_verify_locations(cadata=pem_chain(list(trusted.values())))
        return context
