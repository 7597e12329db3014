"""What may be asked about accounts at ACME directories."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS, Secret
from es_pki.values import KeyType, Role


class RegisterACMEAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """Open an account at an ACME directory, for a key that is made and kept here.

    `directory` is its address, or `letsencrypt`, `letsencrypt-staging`, `zerossl`, `google`, `google-staging` or
    `buypass`. Directories want to hear that you agree to their terms of service. `contacts` are mailboxes. Some CAs
    give a key id and a MAC key for the account (`eab_key_id`, `eab_hmac_key` in base64url). `ca_bundle` (PEM): the
    only roots to trust for a directory of your own. The answer tells what the directory said; while it says nothing,
    it is asked again until it does.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    directory: str
    contacts: tuple[str, ...] = ()
    terms_of_service_agreed: bool = False
    eab_key_id: str = ""
    eab_hmac_key: Secret = ""
    ca_bundle: str = ""
    key_type: KeyType = KeyType.EC_P256

    def __repr__(self) -> str:
        """Show no key."""
        return f"RegisterACMEAccount({self.name!r}, {self.directory!r})"


class RollOverACMEAccountKey(Struct, frozen=True, forbid_unknown_fields=True):
    """Give an ACME account another key, made and kept here; `key_type` absent: of the same kind."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    account: str
    key_type: KeyType | None = None


class DeactivateACMEAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """Close an ACME account for ever: its certificates stay valid, but nothing is renewed with it any more."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    account: str
    reason: str = ""


ACMERequest = RegisterACMEAccount | RollOverACMEAccountKey | DeactivateACMEAccount
