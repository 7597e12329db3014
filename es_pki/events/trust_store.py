"""What happens to a trust store: a named set of certificates that chains may end at. Stream `trust_store-<id>`."""

from datetime import datetime

from msgspec import Struct

from es_pki.values import TrustAnchor


class TrustStoreCreated(Struct, frozen=True, omit_defaults=True):
    """A trust store came to be. `request_digest` is the SHA-256 of what was asked for."""

    name: str
    request_digest: bytes


class CertificateTrusted(Struct, frozen=True, omit_defaults=True):
    """Chains may end at this certificate from now on, also when it was distrusted before."""

    anchor: TrustAnchor


class CertificateDistrusted(Struct, frozen=True, omit_defaults=True):
    """Chains may no longer end at the certificate of this SHA-256 (hex).

    `issued_after`: only those whose certificate was issued after this time; None: none at all.
    """

    fingerprint: str
    reason: str
    issued_after: datetime | None = None


TrustStoreEvent = TrustStoreCreated | CertificateTrusted | CertificateDistrusted
