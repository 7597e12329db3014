"""What may be asked about CSRs that are kept."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import OPERATORS, REQUESTERS, ProfileName, Secret, SubjectFields
from es_pki.values import KeyType, Role


class CreateCSR(Struct, frozen=True, forbid_unknown_fields=True):
    """Make a CSR for a key that is made and kept here, for an outside authority or one of our own to sign.

    Names are taken as they are meant, as in IssueCertificate. `profile` decides which key usages the CSR asks for.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    name: str
    subject: SubjectFields = {}
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    profile: ProfileName = "server"
    key_type: KeyType = KeyType.EC_P256


class ImportCSR(Struct, frozen=True, forbid_unknown_fields=True):
    """Keep a CSR that was made elsewhere (PEM, or base64 of DER) until it is answered.

    It may name nothing, and have attributes that nobody here knows: they are kept as they are, a challenge password
    too, where everybody who may read the CSR can see it. `private_key` is its key, PEM or base64 of DER, which
    `passphrase` opens: it is kept, and goes to the certificate that is made of the CSR.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    name: str
    csr: str
    private_key: Secret | None = None
    passphrase: Secret | None = None

    def __repr__(self) -> str:
        """Show neither key nor passphrase."""
        return f"ImportCSR({self.name!r})"


class CompleteCSR(Struct, frozen=True, forbid_unknown_fields=True):
    """Answer a CSR with the certificate that an outside authority made from it.

    `certificate` is PEM, alone or with its chain in any order, or base64 of DER or PKCS#7. The CSR's own is the one
    with its key; the others are kept as its chain. Where the key is here, it becomes a certificate by the CSR's name,
    as by ImportCertificate.
    """

    senders: ClassVar[frozenset[Role]] = REQUESTERS

    signing_request: str
    certificate: str


class RejectCSR(Struct, frozen=True, forbid_unknown_fields=True):
    """Answer a CSR by refusing to sign it, for a reason that its sender can read. It is never signed afterwards."""

    senders: ClassVar[frozenset[Role]] = OPERATORS

    signing_request: str
    reason: str


CSRRequest = CreateCSR | ImportCSR | CompleteCSR | RejectCSR
