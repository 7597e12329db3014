"""What may be asked about keys that others have."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import OPERATORS
from es_pki.values import Role


class ReportKeyCompromise(Struct, frozen=True, forbid_unknown_fields=True):
    """Block a key that others have or may have: nothing is certified for it, or signed under it, ever again.

    What was certified for it is revoked, as far as an authority here issued it.

    The key is that of a certificate's current version or of an authority (`certificate` or `authority`: a name or id),
    a `public_key` (PEM, or base64 of a DER SubjectPublicKeyInfo), or what has the `public_key_hash` (the SHA-256 of
    the SubjectPublicKeyInfo in hex). `GET /api/v1/key-uses?public_key_hash=` lists what uses it.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    reason: str
    certificate: str | None = None
    authority: str | None = None
    public_key: str | None = None
    public_key_hash: str | None = None


KeyCompromiseRequest = ReportKeyCompromise
