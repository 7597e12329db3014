"""What happens to a key pair whose secret got out. Stream `key_compromise-<SHA-256 of the public key, in hex>`.

The public key is the DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). While the stream has no event, the key is
trusted: certificates are appended together with that guard.
"""

from msgspec import Struct


class KeyCompromiseReported(Struct, frozen=True, omit_defaults=True):
    """Others have the private key, or may have it: nothing is certified for it or signed under it ever again."""

    reason: str


class KeyUsesRevoked(Struct, frozen=True, omit_defaults=True):
    """What was certified for the reported key was revoked, as far as anybody here can: `count` of them just now."""

    count: int


KeyCompromiseEvent = KeyCompromiseReported | KeyUsesRevoked
