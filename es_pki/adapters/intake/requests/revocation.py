"""What may be asked so that a certificate holds no more."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS, OPERATORS, Moment
from es_pki.values import CRLReason, Role


class RevokeCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Let a version of a certificate hold no more, for ever; its issuer's CRL says so within moments.

    The version is the current one, or has the `version` or `serial_number` (hex). The first revocation stays: again
    with the same `reason` it is answered alike, with another it is refused. `keyCompromise` blocks the key as well, as
    ReportKeyCompromise does. `invalidity_date` is since when the key, or what is certified, isn't to be trusted. With
    `unless_current` it is refused for the version that whoever points at the certificate gets. What came from an ACME
    directory, that is asked to revoke; the answer tells what it said. Another one is ordered at once.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    version: int | None = None
    serial_number: str | None = None
    reason: CRLReason = CRLReason.UNSPECIFIED
    invalidity_date: Moment | None = None
    unless_current: bool = False


class HoldCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Let a version of a certificate hold no more until ReleaseCertificate: CRLs list it as `certificateHold`.

    Which version is named as in RevokeCertificate. One that is held may be revoked: then since it was held.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    version: int | None = None
    serial_number: str | None = None


class ReleaseCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Let a version of a certificate that is held hold again. Which version is named as in RevokeCertificate."""

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    version: int | None = None
    serial_number: str | None = None


class PlanSupersession(Struct, frozen=True, forbid_unknown_fields=True):
    """Have an earlier version of a certificate revoked as `superseded` in `after_days` (0: as soon as possible).

    Which version is named as in RevokeCertificate, by `version` or `serial_number`. The calendar shows the moment. If a
    service is still seen with the version then, its revocation waits for that, and says so. To plan again replaces the
    moment; revoking the version, or rolling back to it, ends the plan.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    after_days: int
    version: int | None = None
    serial_number: str | None = None


class WithdrawSupersession(Struct, frozen=True, forbid_unknown_fields=True):
    """Let an earlier version of a certificate hold until its end after all; it is named as in PlanSupersession."""

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    version: int | None = None
    serial_number: str | None = None


class RevokeAuthority(Struct, frozen=True, forbid_unknown_fields=True):
    """Let an authority's certificate hold no more, for ever: its issuer's CRL lists it, and it issues nothing any more.

    Nobody accepts what it issued either, since every path to it is broken; those certificates aren't revoked one by
    one, and it goes on publishing its own CRL. A root can't be revoked. `reason` and `invalidity_date` are as in
    RevokeCertificate; with `keyCompromise` or `cACompromise` its key is blocked as well.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    authority: str
    reason: CRLReason = CRLReason.UNSPECIFIED
    invalidity_date: Moment | None = None


RevocationRequest = (
    RevokeCertificate | HoldCertificate | ReleaseCertificate | PlanSupersession | WithdrawSupersession | RevokeAuthority
)
