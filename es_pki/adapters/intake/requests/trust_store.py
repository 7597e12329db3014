"""What may be asked about trust stores."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS, Moment
from es_pki.values import Role


class CreateTrustStore(Struct, frozen=True, forbid_unknown_fields=True):
    """Make a named set of certificates that chains may end at.

    `certificates`: PEM, one or many; `authorities`: of our own; `system`: Mozilla's list of public roots.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    certificates: str | None = None
    authorities: tuple[str, ...] = ()
    system: bool = False


class TrustCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Add certificates to a trust store: PEM, authorities of our own, or what is new in Mozilla's list (`system`).

    What was distrusted here stays so, unless it is named `again`.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    trust_store: str
    certificates: str | None = None
    authorities: tuple[str, ...] = ()
    system: bool = False
    again: bool = False


class DistrustCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Have no chain end at a certificate of a trust store any more; `fingerprint` is its SHA-256 in hex.

    `issued_after`: chains stay good whose certificate was issued until then, as browsers phase an authority out.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    trust_store: str
    fingerprint: str
    reason: str
    issued_after: Moment | None = None


TrustStoreRequest = CreateTrustStore | TrustCertificate | DistrustCertificate
