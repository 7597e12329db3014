"""What may be asked about accounts and orders at ACME directories."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS, OPERATORS, Secret
from es_pki.values import KeyType, Role
from es_pki.values.acme import ChallengeType


class RegisterACMEAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """Open an account at an ACME directory, for a key that is made and kept here.

    `directory` is its address, or `letsencrypt`, `letsencrypt-staging`, `zerossl`, `google`, `google-staging` or
    `buypass`. Directories want to hear that you agree to their terms of service. `contacts` are mailboxes. Some CAs
    give a key id and a MAC key for the account (`eab_key_id`, `eab_hmac_key` in base64url). `ca_bundle` (PEM): the
    only roots to trust for a directory of your own. `test_account` is another account, at a directory for tests, where
    renewals that failed are rehearsed before they are attempted again. The answer tells what the directory said; while
    it says nothing, it is asked again until it does.
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
    test_account: str = ""

    def __repr__(self) -> str:
        """Show no key."""
        return f"RegisterACMEAccount({self.name!r}, {self.directory!r})"


class RollOverACMEAccountKey(Struct, frozen=True, forbid_unknown_fields=True):
    """Give an ACME account another key, made and kept here; `key_type` absent: of the same kind."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    account: str
    key_type: KeyType | None = None


class NameACMETestAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """Say with which account, at a directory for tests, renewals that failed are rehearsed; "" for none."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    account: str
    test_account: str


class DeactivateACMEAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """Close an ACME account for ever: its certificates stay valid, but nothing is renewed with it any more."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    account: str
    reason: str = ""


class PlaceACMEOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Order a certificate from the directory of an ACME account, for a key that is made and kept here.

    It becomes a certificate of this `name`, as if it had been issued here. Every name is proved by `challenge`:
    `http-01` wants the public listener to be reached at port 80 of each, `tls-alpn-01` the one for TLS (the setting
    `tls_alpn_listen`) at port 443, `dns-01` a DNS provider for each name's zone, `dns-persist-01` a TXT record
    that you publish once for each name: the order says which, and waits for it. `webroot`: the folder of a web
    server that answers to http-01 instead, among those of the setting `acme_webroots`.
    `fallback_accounts` are others with which the order goes on, in turn, where a directory can't or won't.
    `common_name`, one of the DNS names, gets into the subject of the CSR. `profile` is one that the directory offers;
    `preferred_chain` the common name of an issuer in the chain that you want. The answer comes after the certificate or
    the directory's refusal, or, when that takes long, before: then the order goes on by itself.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    name: str
    account: str
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    common_name: str = ""
    challenge: ChallengeType = ChallengeType.HTTP_01
    key_type: KeyType = KeyType.EC_P256
    profile: str = ""
    preferred_chain: str = ""
    webroot: str = ""
    fallback_accounts: tuple[str, ...] = ()


class RenewACME(Struct, frozen=True, forbid_unknown_fields=True):
    """Order a certificate that came from an ACME directory anew, now: the same names, from the same account.

    It becomes the next version. The key is new, of the same type unless `key_type` names another; `reuse_key` has the
    present one certified again. `account` and `fallback_accounts` say with which accounts from now on. `rehearse`: only
    see whether it would work, with the account's test account. es-pki does this by itself when the time comes.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    certificate: str
    reuse_key: bool = False
    key_type: KeyType | None = None
    account: str | None = None
    fallback_accounts: tuple[str, ...] | None = None
    rehearse: bool = False


class AbandonACMEOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Call an ACME order off that is under way: what it left in other places is cleaned up, its key stays.

    `order` is its id, or the name of the certificate that is ordered.
    """

    senders: ClassVar[frozenset[Role]] = OPERATORS

    order: str
    reason: str = ""


ACMEAccountRequest = RegisterACMEAccount | RollOverACMEAccountKey | NameACMETestAccount | DeactivateACMEAccount
ACMEOrderRequest = PlaceACMEOrder | RenewACME | AbandonACMEOrder
