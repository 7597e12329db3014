"""tls-alpn-01 (RFC 8737): a certificate that says which challenge is answered, for whoever asks by this protocol.

As with http-01 the log knows it all: while a name is to be proved it is reserved for its order, and the answer follows
from the account's key. So every server of the installation that has the listener answers.
"""

import hashlib
import ipaddress
import re
import ssl
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from es_pki.adapters import entropy
from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.solver import Answer, key_authorization
from es_pki.adapters.http import tls
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ORDER
from es_pki.commands.acme_order import tls_alpn_stream
from es_pki.values.acme import ChallengeType, server_name

PROTOCOL = "acme-tls/1"
"""What validators speak, and nobody else (RFC 8737 section 6.2)."""

ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
"""RFC 8737 section 6.1."""

LIFE = timedelta(days=7)
"""How long such a certificate says that it holds; it is made anew whenever it is needed."""

MOST_KEPT = 64

_NAME = re.compile(r"[a-z0-9._-]{1,255}")


class TLSALPN01:
    """See `Solver`; presenting and cleaning up were done when they were recorded."""

    type = ChallengeType.TLS_ALPN_01
    patience_seconds = 5.0

    def __init__(self, aggregates: Aggregates, directories: Directories, now: Callable[[], datetime]) -> None:
        self._aggregates = aggregates
        self._directories = directories
        self._now = now
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()

    async def present(self, answer: Answer) -> None:
        """Do nothing: the record of it reserved the name."""

    async def is_visible(self, answer: Answer) -> bool:
        """Tell whether a server that knows only the log answers."""
        found = await self.answer_for(server_name(answer.identifier))
        return found is not None and found.key_authorization == answer.key_authorization

    async def clean_up(self, answer: Answer) -> None:
        """Do nothing: the record of it releases the name."""

    async def answer_for(self, name: str) -> Answer | None:
        """Return what is proved by whoever names `name` in TLS (`server_name`), None when nothing is."""
        order_id = await self._aggregates.owner(tls_alpn_stream(name)) if _NAME.fullmatch(name) else None
        if order_id is None:
            return None
        order = (await self._aggregates.load(ACME_ORDER, order_id, afresh=True)).state
        for challenge in order.left_behind:
            presented = challenge.presented
            if presented.type is self.type and server_name(presented.identifier) == name:
                authorized = await key_authorization(self._aggregates, self._directories, order, presented.token)
                return Answer(order_id, presented.identifier, presented.token, authorized)
        return None

    async def context_for(self, name: str) -> ssl.SSLContext | None:
        """Return the TLS of whoever answers for `name`, None when nothing is proved by it."""
        answer = await self.answer_for(name)
        if answer is None:
            return None
        context = self._contexts.get(answer.key_authorization)
        if context is None:
            context = self._contexts[answer.key_authorization] = self._context(answer)
            if len(self._contexts) > MOST_KEPT:
                self._contexts.popitem(last=False)
        return context

    def _context(self, answer: Answer) -> ssl.SSLContext:
        context = tls.server_context()
        context.set_alpn_protocols([PROTOCOL])
        context.num_tickets = 0
        key = ec.generate_private_key(ec.SECP256R1())
        pem = certificate(answer, key, self._now()).public_bytes(Encoding.PEM).decode()
        tls.use(context, pem, key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
        return context


def certificate(answer: Answer, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    """Return the self-signed certificate that proves a name (RFC 8737 section 3): this name, and the answer."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ACME challenge")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), entropy.serial_number(), now, now + LIFE)
    named = x509.SubjectAlternativeName([_general_name(answer.identifier)])
    answered = x509.UnrecognizedExtension(ACME_IDENTIFIER, identifier_value(answer.key_authorization))
    with_name = builder.add_extension(named, critical=False)
    return with_name.add_extension(answered, critical=True).sign(key, hashes.SHA256())


def identifier_value(key_authorization: str) -> bytes:
    """Return what the acmeIdentifier of a certificate is: an OCTET STRING of 32 octets (RFC 8737 section 3)."""
    return b"\x04\x20" + hashlib.sha256(key_authorization.encode()).digest()


def _general_name(identifier: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(identifier))
    except ValueError:
        return x509.DNSName(identifier)
