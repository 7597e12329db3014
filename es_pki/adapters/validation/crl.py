"""A certificate revocation list, read, and what it says of one certificate (RFC 5280 section 5)."""

from datetime import datetime
from typing import NamedTuple, TypeVar, cast

from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from es_pki.adapters.validation.budget import Budget
from es_pki.adapters.validation.certificate import UNREADABLE, Unreadable, quietly
from es_pki.adapters.validation.names import Name, normal
from es_pki.adapters.validation.signatures import Signature, signature_of

PROCESSED = frozenset(
    oid.dotted_string
    for oid in (
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.ISSUER_ALTERNATIVE_NAME,
        ExtensionOID.CRL_NUMBER,
        ExtensionOID.DELTA_CRL_INDICATOR,
        ExtensionOID.ISSUING_DISTRIBUTION_POINT,
        ExtensionOID.FRESHEST_CRL,
        ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    )
)
PROCESSED_OF_ENTRIES = frozenset(
    oid.dotted_string
    for oid in (
        CRLEntryExtensionOID.CRL_REASON,
        CRLEntryExtensionOID.INVALIDITY_DATE,
        CRLEntryExtensionOID.CERTIFICATE_ISSUER,
    )
)
_CRITICAL = b"\x01\x01\xff\x04"
"""What stands between the identifier and the value of a critical extension in DER: TRUE, then an OCTET STRING."""

Extension = TypeVar("Extension", bound=x509.ExtensionType)


class Entry(NamedTuple):
    """That a certificate was revoked, and when; `reason` None: for none that was told."""

    revoked_at: datetime
    reason: x509.ReasonFlags | None

    @property
    def is_removed(self) -> bool:
        """Tell whether a delta CRL says that it is revoked no more (RFC 5280 section 5.3.1)."""
        return self.reason is x509.ReasonFlags.remove_from_crl


class ParsedCRL:
    """A CRL whose fields were read. `fault` says what of its extensions couldn't be."""

    def __init__(self, der: bytes) -> None:
        """Read a DER CRL. Raises `Unreadable`."""
        self.der = der
        self.fault: str | None = None
        self.extensions: dict[type[x509.ExtensionType], x509.ExtensionType] = {}
        self.critical: frozenset[str] = frozenset()
        self._entries: dict[tuple[Name, int], Entry] | None = None
        with quietly():
            self._read(der)

    def _read(self, der: bytes) -> None:
        try:
            self.crl = x509.load_der_x509_crl(der)
            self.issuer: Name = normal(self.crl.issuer)
            self.this_update: datetime = self.crl.last_update_utc
            self.next_update: datetime | None = self.crl.next_update_utc
            self.signature: Signature = signature_of(self.crl, self.crl.tbs_certlist_bytes)
        except UNREADABLE as error:
            raise Unreadable("this is no well-formed CRL (RFC 5280 section 5.1)") from error
        try:
            found = list(self.crl.extensions)
        except UNREADABLE:
            self.fault = "an extension is malformed or occurs twice"
            return
        self.extensions = {type(each.value): each.value for each in found}
        self.critical = frozenset(each.oid.dotted_string for each in found if each.critical)

    def extension(self, kind: type[Extension]) -> Extension | None:
        """Return an extension, None without it."""
        return cast("Extension | None", self.extensions.get(kind))

    @property
    def number(self) -> int | None:
        """Return the CRL's number (RFC 5280 section 5.2.3)."""
        found = self.extension(x509.CRLNumber)
        return found.crl_number if found is not None else None

    @property
    def base_number(self) -> int | None:
        """Return the number of the CRL that a delta CRL changes, None for a complete one (RFC 5280 section 5.2.4)."""
        found = self.extension(x509.DeltaCRLIndicator)
        return found.crl_number if found is not None else None

    @property
    def scope(self) -> x509.IssuingDistributionPoint | None:
        """Return the issuing distribution point, None for all of an issuer (RFC 5280 section 5.2.5)."""
        return self.extension(x509.IssuingDistributionPoint)

    @property
    def is_indirect(self) -> bool:
        """Tell whether certificates of others may be listed (RFC 5280 section 5.2.5)."""
        return self.scope is not None and self.scope.indirect_crl

    @property
    def authority_key_identifier(self) -> bytes | None:
        """Return the key identifier of the signing key (RFC 5280 section 5.2.1)."""
        found = self.extension(x509.AuthorityKeyIdentifier)
        return found.key_identifier if found is not None else None

    def entry(self, issuer: Name, serial_number: int, budget: Budget) -> Entry | None:
        """Return what is said of a certificate, None when nothing is.

        Raises `Unreadable` when an entry, of whichever certificate, has a critical extension that nobody knows: the
        CRL then says nothing of any (RFC 5280 section 5.3). Raises `Exhausted`.
        """
        if serial_number >= 0 and not self.is_indirect and not self._may_have_critical_entries():
            found = self.crl.get_revoked_certificate_by_serial_number(serial_number)
            return _entry(found) if found is not None else None
        if self._entries is None:
            budget.spend_entries(len(self.crl))
            with quietly():
                self._entries = self._read_entries()
        return self._entries.get((issuer, serial_number))

    def _may_have_critical_entries(self) -> bool:
        return self.crl.tbs_certlist_bytes.count(_CRITICAL) > len(self.critical)

    def _read_entries(self) -> dict[tuple[Name, int], Entry]:
        """RFC 5280 section 5.3.3: an entry is of the issuer that it names, or else of the entry before."""
        issuer, entries = self.issuer, {}
        try:
            for revoked in self.crl:
                extensions = revoked.extensions
                for each in extensions:
                    if each.critical and each.oid.dotted_string not in PROCESSED_OF_ENTRIES:
                        raise Unreadable("an entry has a critical extension that nobody here knows")
                    if self.is_indirect and isinstance(each.value, x509.CertificateIssuer):
                        issuer = _directory_name(each.value)
                entries[issuer, revoked.serial_number] = _entry(revoked)
        except UNREADABLE as error:
            raise Unreadable(_told(error)) from error
        return entries


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, Unreadable) else "an entry is malformed"


def _entry(revoked: x509.RevokedCertificate) -> Entry:
    try:
        reason = next((e.value.reason for e in revoked.extensions if isinstance(e.value, x509.CRLReason)), None)
    except UNREADABLE as error:
        raise Unreadable("an entry is malformed") from error
    return Entry(revoked.revocation_date_utc, reason)


def _directory_name(issuers: x509.CertificateIssuer) -> Name:
    for name in issuers:
        if isinstance(name, x509.DirectoryName):
            return normal(name.value)
    raise Unreadable("an entry names its issuer in no way that is known")
