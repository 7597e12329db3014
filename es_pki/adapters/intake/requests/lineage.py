"""What may be asked about a certificate that is there: its next version, its names, its end."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS, OPERATORS, REQUESTERS, Secret, SubjectFields
from es_pki.values import ExportFormat, KeyType, Role


class RenewCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Make a certificate's next version with the same names and profile, judged by the policy of today.

    The key is new, of the same type unless `key_type` names another; `reuse_key` certifies the present one again; `csr`
    (PEM, or base64 of DER) brings a new one that is not kept here and asks for the same names. `validity_days` absent:
    as many as before, at most what policy and issuer allow. The version before stays valid until its end, or is revoked
    as `superseded` after `revoke_previous_after_days`, once no service serves it any more.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    certificate: str
    reuse_key: bool = False
    key_type: KeyType | None = None
    csr: str | None = None
    validity_days: int | None = None
    revoke_previous_after_days: int | None = None


class ReissueCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Make a certificate's next version with exactly these names; all else is as in RenewCertificate.

    Whatever points at the certificate gets the new names with it.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    subject: SubjectFields = {}
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    user_principal_names: tuple[str, ...] = ()
    kerberos_principal_names: tuple[str, ...] = ()
    security_identifier: str = ""
    reuse_key: bool = False
    key_type: KeyType | None = None
    validity_days: int | None = None
    revoke_previous_after_days: int | None = None


class RollBackCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Make an issued version that still holds the current one again; whatever points at the certificate gets it."""

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    version: int


class RenameCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Call a certificate otherwise.

    Its former name goes on leading to it, so that nothing that uses it breaks; without `keep_former_name` it is free
    for another certificate. Deleting the certificate frees all its names.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    name: str
    keep_former_name: bool = True


class DescribeCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Say what a certificate is for and who answers for it.

    `labels` are set one by one, null removes one; `owner` is a person or team in your words, "" for nobody. What is
    left out stays as it is.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    labels: dict[str, str | None] = {}
    owner: str | None = None


class DeleteCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Be done with a certificate: it leaves the inventory, its names are free, its private keys are destroyed.

    The log keeps its certificates, `as_of` shows them, and what was issued stays valid: revoke it if it must not.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    certificate: str
    reason: str = ""


class ExportCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Take a certificate along with its chain and its private key, in a file under a passphrase.

    `format` `pem`: encrypted PKCS#8, certificate and chain without the root; `pkcs12`: the same in one file, with
    `legacy` as old devices read it (3DES, SHA-1). The passphrase has at least 12 characters and is kept nowhere. That
    the key left, and why, is recorded before it leaves. `version` absent: the current one.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    certificate: str
    format: ExportFormat
    passphrase: Secret
    reason: str
    version: int | None = None
    legacy: bool = False

    def __repr__(self) -> str:
        """Show no passphrase."""
        return f"ExportCertificate({self.certificate!r}, {self.format.value!r})"


LineageRequest = (
    RenewCertificate
    | ReissueCertificate
    | RollBackCertificate
    | RenameCertificate
    | DescribeCertificate
    | DeleteCertificate
    | ExportCertificate
)
