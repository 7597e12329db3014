"""How certificates are asked for, and how their keys leave."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import OPERATORS, REQUESTERS, ProfileName, Secret, SubjectFields
from es_pki.values import KeyType, Role


class IssueCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Issue a certificate for a key that is made and kept here.

    Names are taken as they are meant: DNS names in Unicode become A-labels, IP addresses their short forms.
    `validity_days` absent: the profile's default, at most what policy and issuer allow.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    name: str
    authority: str
    subject: SubjectFields = {}
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    user_principal_names: tuple[str, ...] = ()
    kerberos_principal_names: tuple[str, ...] = ()
    profile: ProfileName = "server"
    key_type: KeyType = KeyType.EC_P256
    validity_days: int | None = None
    security_identifier: str = ""


class SignCSR(Struct, frozen=True, forbid_unknown_fields=True):
    """Issue a certificate for the key of a CSR: `csr` (PEM, or base64 of DER), or one that is kept here.

    `signing_request` names the latter, which is answered with it. Subject and subject alternative names come from the
    CSR, each judged by the policy; CA bits and key usages come from the profile, never from the CSR.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    name: str
    authority: str
    csr: str | None = None
    signing_request: str | None = None
    profile: ProfileName = "server"
    validity_days: int | None = None
    security_identifier: str = ""


class SelfSignCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Make a certificate that signs for itself, with a key made and kept here. No authority vouches for it.

    Without a subject it is called by its first name.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    name: str
    subject: SubjectFields = {}
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    user_principal_names: tuple[str, ...] = ()
    kerberos_principal_names: tuple[str, ...] = ()
    profile: ProfileName = "server"
    key_type: KeyType = KeyType.EC_P256
    validity_days: int | None = None
    security_identifier: str = ""


class ImportCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """Keep a certificate that was made elsewhere, with its chain and perhaps its private key.

    `certificate` is PEM, alone or with chain and key in any order and with any text around it, or base64 of DER, PKCS#7
    or PKCS#12. `private_key` is PEM or base64 of DER: PKCS#8, PKCS#1 or SEC1. `passphrase` opens what is encrypted. Of
    several certificates the one with the key is meant, else the one that issued none of the others. Where there is a
    certificate of this name, it becomes its next version if it names the same and holds for longer. The same again
    changes nothing, but that the private key of one that is here without it may come later. With `preview` nothing is
    kept: the answer is what it would be.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    name: str
    certificate: str
    private_key: Secret | None = None
    passphrase: Secret | None = None
    preview: bool = False

    def __repr__(self) -> str:
        """Show neither key nor passphrase."""
        return f"ImportCertificate({self.name!r})"


class NamedCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """One of many: as `name` and `certificate` are in ImportCertificate."""

    name: str
    certificate: str


class ImportCertificates(Struct, frozen=True, forbid_unknown_fields=True):
    """Keep up to 1,000 certificates that were made elsewhere, each as by ImportCertificate, whatever the others are.

    `private_keys` are up to 50, in PEM: each goes with the certificate that it belongs to. `passphrase` opens what is
    encrypted. Those of the same name go one after the other, in their order. `result` has in `items` what became of
    each: its `outcome` is `imported`, `key-imported`, `already-here` or `refused`, the last with `code`, `detail` and
    `errors`; their events are in their histories. The same again changes nothing. With `preview` nothing is kept.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificates: tuple[NamedCertificate, ...]
    private_keys: Secret | None = None
    passphrase: Secret | None = None
    preview: bool = False

    def __repr__(self) -> str:
        """Show neither keys nor passphrase."""
        return f"ImportCertificates({len(self.certificates)})"


CertificateRequest = IssueCertificate | SignCSR | SelfSignCertificate | ImportCertificate | ImportCertificates
