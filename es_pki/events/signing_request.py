"""What happens to a signing request: a CSR that is kept until somebody answers it. Stream `signing_request-<id>`."""

from msgspec import Struct

from es_pki.values import KeyType, Subject, SubjectAltNames


class SigningRequestCreated(Struct, frozen=True, omit_defaults=True):
    """A CSR was made for a key that was made here and lies in the key store under `key_id`.

    `profile` is what the certificate is to be for. `csr` is the DER CertificationRequest (RFC 2986), signed by the
    key. `public_key_hash` is the SHA-256 of the SubjectPublicKeyInfo in hex. `request_digest` is the SHA-256 of what
    was asked for: the same request again is recognised by it.
    """

    name: str
    subject: Subject
    subject_alt_names: SubjectAltNames
    profile: str
    key_type: KeyType
    key_id: str
    public_key_hash: str
    csr: bytes
    request_digest: bytes


class SigningRequestImported(Struct, frozen=True, omit_defaults=True):
    """A CSR that was made elsewhere is kept. Its own signature was found to be good.

    `key_id` names its private key in the key store; None: that stays where it is.
    `attributes` are the object identifiers of what else it says (RFC 2986 section 4.1), in its order: the values stand
    in `csr` only. The other fields are as in `SigningRequestCreated`.
    """

    name: str
    subject: Subject
    subject_alt_names: SubjectAltNames
    key_type: KeyType
    public_key_hash: str
    csr: bytes
    request_digest: bytes
    attributes: tuple[str, ...] = ()
    key_id: str | None = None


class SigningRequestApproved(Struct, frozen=True, omit_defaults=True):
    """An authority here certifies the key: the certificate `certificate_id` was prepared for it in the same append.

    `key_ids` names the private key that was kept for the CSR, if it was: the certificate has it now as its own.
    """

    certificate_id: str
    key_ids: tuple[str, ...] = ()


class SigningRequestSigned(Struct, frozen=True, omit_defaults=True):
    """An outside authority returned the certificate for the key.

    `certificate` is DER, and so are the others that came with it in `chain`: each followed by its issuer's, as far as
    they lead to one another, then the rest. `key_ids` is as in `SigningRequestApproved`.
    """

    certificate: bytes
    chain: tuple[bytes, ...] = ()
    key_ids: tuple[str, ...] = ()


class SigningRequestRejected(Struct, frozen=True, omit_defaults=True):
    """Nobody here certifies the key on this request. `key_ids` names the private key that nobody needs any more."""

    reason: str
    key_ids: tuple[str, ...] = ()


class SigningRequestKeyDiscarded(Struct, frozen=True, omit_defaults=True):
    """The private key that was kept for a CSR is removed from the key store: it was answered."""

    key_ids: tuple[str, ...]


SigningRequestEvent = (
    SigningRequestCreated
    | SigningRequestImported
    | SigningRequestApproved
    | SigningRequestSigned
    | SigningRequestRejected
    | SigningRequestKeyDiscarded
)
