"""What happens to an account at an ACME directory (RFC 8555). Stream `acme_account-<id>`.

Whatever changes something at the directory is recorded before it is asked for, and again when it was done.
"""

from msgspec import Struct

from es_pki.values import KeyType
from es_pki.values.acme import ACMEProblem


class ACMEAccountPrepared(Struct, frozen=True, omit_defaults=True):
    """An account is to be opened at `directory` (a URL), with a key made for it.

    `public_key` is the DER SubjectPublicKeyInfo. `contacts` are URLs. `terms_of_service_agreed`: the administrator
    agreed to the directory's terms, as they were then. `eab_key_id` names the CA's own key for the external account
    binding, which lies under `eab_mac_id` until the account is open; "" without one. `ca_bundle` is PEM: the only
    roots that are trusted for the directory, "" for the system's. `request_digest` is the SHA-256 of what was asked.
    `test_account_id` is an account at a directory for tests, where orders that failed are rehearsed, "" for none.
    """

    name: str
    directory: str
    key_id: str
    key_type: KeyType
    public_key: bytes
    terms_of_service_agreed: bool
    request_digest: bytes
    contacts: tuple[str, ...] = ()
    eab_key_id: str = ""
    eab_mac_id: str = ""
    ca_bundle: str = ""
    test_account_id: str = ""


class ACMEAccountRegistered(Struct, frozen=True, omit_defaults=True):
    """The account is open. `url` is what it is known by; `terms_of_service` is where the directory's terms were."""

    url: str
    terms_of_service: str = ""


class ACMERegistrationFailed(Struct, frozen=True, omit_defaults=True):
    """The directory opens no such account, and never will. Its `name` was released with this event.

    `key_ids`: its keys in the key store, which are to be removed.
    """

    name: str
    problem: ACMEProblem
    key_ids: tuple[str, ...]


class ACMEAccountKeyPrepared(Struct, frozen=True, omit_defaults=True):
    """A new key was made for the account; the directory doesn't know it yet. `request_id` tells such wishes apart."""

    key_id: str
    key_type: KeyType
    public_key: bytes
    request_id: str


class ACMEAccountKeyRolledOver(Struct, frozen=True, omit_defaults=True):
    """The directory takes the key `key_id` for the account from now on, and the one before no more."""

    key_id: str


class ACMEKeyRollOverFailed(Struct, frozen=True, omit_defaults=True):
    """The directory doesn't take the new key: the account goes on with the one before.

    `key_ids`: the new one in the key store, which is to be removed.
    """

    problem: ACMEProblem
    key_ids: tuple[str, ...]


class ACMEDeactivationRequested(Struct, frozen=True, omit_defaults=True):
    """The account is to be closed: nothing is asked for with it any more."""

    reason: str = ""


class ACMEAccountDeactivated(Struct, frozen=True, omit_defaults=True):
    """The directory closed the account for ever."""


class ACMETestAccountNamed(Struct, frozen=True, omit_defaults=True):
    """Renewals that failed are rehearsed with this account from now on, "" for none."""

    test_account_id: str


ACMEAccountEvent = (
    ACMEAccountPrepared
    | ACMEAccountRegistered
    | ACMERegistrationFailed
    | ACMEAccountKeyPrepared
    | ACMEAccountKeyRolledOver
    | ACMEKeyRollOverFailed
    | ACMETestAccountNamed
    | ACMEDeactivationRequested
    | ACMEAccountDeactivated
)
