"""What a trust store trusts right now, for TLS: read from the log itself, so that no view that lags is believed."""

import ssl
from typing import cast

from msgspec import Struct

from es_pki.adapters.intake.deciders import TRUST_STORE
from es_pki.adapters.x509.formats import pem_chain
from es_pki.events import codec
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted, TrustStoreCreated, TrustStoreEvent
from eventlog import Log


class Trusted(Struct, frozen=True):
    """The certificates (DER) that a store trusts without limits, and its name, "" where there is no such store."""

    name: str
    certificates: tuple[bytes, ...]


async def trusted(log: Log, trust_store_id: str) -> Trusted:
    """Return what a store trusts. One that is phased out (`issued_after`) isn't: TLS can't tell what it issued when."""
    name, certificates = "", dict[str, bytes]()
    for record in await log.read_stream(TRUST_STORE.stream(trust_store_id)):
        match cast("TrustStoreEvent", codec.decode(record.type, record.data)):
            case TrustStoreCreated(name=name):
                pass
            case CertificateTrusted(anchor=anchor):
                certificates[anchor.fingerprint] = anchor.certificate
            case CertificateDistrusted(fingerprint=fingerprint):
                certificates.pop(fingerprint, None)
    return Trusted(name, tuple(certificates.values()))


def client_context(trusted: Trusted) -> ssl.SSLContext:
    """Return a context for clients that verifies servers by these certificates alone; without any it trusts nobody.

    Each of them ends a chain, as in RFC 5280 section 6.1.1 (d), whether or not it is self-signed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if trusted.certificates:
        context.load_verify_locations(cadata=pem_chain(trusted.certificates))
    return context
