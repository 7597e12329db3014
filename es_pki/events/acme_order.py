"""What happens to an order at an ACME directory (RFC 8555 section 7.1.3), step by step. Stream `acme_order-<id>`.

Authorizations are named by their URLs. A lineage's first order has the lineage's own id.
"""

from datetime import datetime

from msgspec import Struct

from es_pki.values import KeyType, SubjectAltNames
from es_pki.values.acme import ACMEProblem, ChallengeType


class ACMEOrderPlaced(Struct, frozen=True, omit_defaults=True):
    """A certificate is to be ordered with an account, for a key that was made for it and lies here.

    `name` is the certificate's, and `certificate_id` the lineage that gets its next version. Unless it `renews`, the
    lineage begins with the order and has its id. `csr` is DER and `key_id` where its key lies. `profile` is one of the
    directory's own names, `preferred_chain` the common name of an issuer in the chain that is wanted, `replaces` the
    ARI identifier of the certificate that is renewed (RFC 9773 section 4.1), `webroot` the folder of a web server that
    answers to http-01; each "" for none. `request_digest` is the SHA-256 of what was asked for.
    `fallback_ids` are the accounts with which it goes on, in turn, where a directory can't or won't. What it `replaces`
    was ordered with `former_account_id`, "" for the order's own account. `is_rehearsal`: whether it would come to its
    end is all that is asked; the certificate is thrown away, and its key, which is nowhere, has no `key_id`.
    """

    name: str
    certificate_id: str
    account_id: str
    subject_alt_names: SubjectAltNames
    challenge_type: ChallengeType
    key_id: str
    key_type: KeyType
    public_key_hash: str
    csr: bytes
    request_digest: bytes
    profile: str = ""
    preferred_chain: str = ""
    replaces: str = ""
    renews: bool = False
    webroot: str = ""
    fallback_ids: tuple[str, ...] = ()
    former_account_id: str = ""
    is_rehearsal: bool = False


class ACMEOrderCreated(Struct, frozen=True, omit_defaults=True):
    """The directory took the order: it is at `url`, with an authorization for each name, until it `expires`."""

    url: str
    authorizations: tuple[str, ...]
    expires: datetime | None = None


class ACMEChallengePresented(Struct, frozen=True, omit_defaults=True):
    """The challenge at `url` of an authorization is answered from now on, under its `token`, until it is cleaned up.

    `identifier` is the name that is to be proved, a wildcard with its `*.`. A standing record (dns-persist-01) has no
    token: it is only looked for, and stays.
    """

    authorization: str
    identifier: str
    type: ChallengeType
    url: str
    token: str


class ACMEChallengeSeen(Struct, frozen=True, omit_defaults=True):
    """The answer to an authorization's challenge was found in its place: now the directory may look."""

    authorization: str


class ACMEAuthorizationValidated(Struct, frozen=True, omit_defaults=True):
    """The directory is convinced that the account may have certificates for the name."""

    authorization: str


class ACMEChallengeCleanedUp(Struct, frozen=True, omit_defaults=True):
    """The answer to an authorization's challenge is in its place no more; its `token` leads nowhere.

    `server_name` is given for tls-alpn-01: it leads nowhere either.
    """

    authorization: str
    token: str
    server_name: str = ""


class ACMEOrderFinalized(Struct, frozen=True, omit_defaults=True):
    """The directory has the CSR and makes the certificate."""


class ACMECertificateObtained(Struct, frozen=True, omit_defaults=True):
    """The certificate came, and became `version` of its lineage in the same append. The order has come to its end."""

    certificate_id: str
    version: int


class ACMEOrderHindered(Struct, frozen=True, omit_defaults=True):
    """The order could not go on for now, and is tried again at `next_attempt`."""

    problem: ACMEProblem
    next_attempt: datetime


class ACMEOrderMoved(Struct, frozen=True, omit_defaults=True):
    """The order goes on with another account, from the beginning, for what the directory before answered."""

    account_id: str
    problem: ACMEProblem


class ACMERehearsalPassed(Struct, frozen=True, omit_defaults=True):
    """The directory made the certificate that was rehearsed: an order for the lineage would come to its end there."""

    certificate_id: str


class ACMEOrderAbandoned(Struct, frozen=True, omit_defaults=True):
    """Somebody wants the certificate no more: what was presented is still to be cleaned up."""

    reason: str = ""


class ACMEOrderFailed(Struct, frozen=True, omit_defaults=True):
    """The order came to its end without a certificate. Its key stays: nothing that was asked for is lost.

    `name` is given when the lineage was to begin with the order: the name was released with this event.
    `certificate_id` is the lineage's, for which another order may be placed now.
    """

    problem: ACMEProblem
    certificate_id: str
    name: str = ""


ACMEOrderEvent = (
    ACMEOrderPlaced
    | ACMEOrderCreated
    | ACMEChallengePresented
    | ACMEChallengeSeen
    | ACMEAuthorizationValidated
    | ACMEChallengeCleanedUp
    | ACMEOrderFinalized
    | ACMECertificateObtained
    | ACMERehearsalPassed
    | ACMEOrderHindered
    | ACMEOrderMoved
    | ACMEOrderAbandoned
    | ACMEOrderFailed
)
