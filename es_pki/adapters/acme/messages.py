"""The resources of RFC 8555 and RFC 9773 as they come, as far as es-pki reads them. What is none is refused."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from es_pki.adapters.acme.problems import AnswerMalformed

URL = Annotated[str, Meta(pattern=r"^https://[!-~]+\Z", max_length=2048)]
"""Where to ask next: never in clear (RFC 8555 section 6.1)."""

Token = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{16,256}\Z")]
"""A challenge's token: base64url of 128 random bits or more (RFC 8555 section 8.1)."""

Moment = Annotated[datetime, Meta(tz=True)]

Text = Annotated[str, Meta(max_length=2048)]

R = TypeVar("R")


class Terms(Struct, frozen=True, rename="camel"):
    """What a directory says of itself (RFC 8555 section 7.1.1); `profiles` by name, with a description of each.

    `account_hash_prefix` is what hashed addresses of accounts begin with, and `issuer_domain_names` whom standing
    records name (draft-ietf-acme-dns-persist-02 sections 4.1 and 3.2).
    """

    terms_of_service: Text = ""
    website: Text = ""
    caa_identities: tuple[Text, ...] = ()
    external_account_required: bool = False
    profiles: dict[Text, Text] = {}
    account_hash_prefix: Text = ""
    issuer_domain_names: tuple[Text, ...] = ()


class Directory(Struct, frozen=True, rename="camel"):
    """Where the operations are (RFC 8555 section 7.1.1); "" for what the directory doesn't offer."""

    new_nonce: URL
    new_account: URL
    new_order: URL
    key_change: URL | None = None
    revoke_cert: URL | None = None
    renewal_info: URL | None = None
    meta: Terms = Terms()


class Account(Struct, frozen=True):
    """An account (RFC 8555 section 7.1.2); `orders` is where its orders are listed, where the directory lists them."""

    status: Text
    contact: tuple[Text, ...] = ()
    orders: URL | None = None


class Orders(Struct, frozen=True):
    """A page of an account's orders (RFC 8555 section 7.1.2.1)."""

    orders: tuple[URL, ...] = ()


class Identifier(Struct, frozen=True, order=True):
    """What is to be certified: type `dns` (RFC 8555 section 9.7.7) or `ip` (RFC 8738 section 3)."""

    type: Text
    value: Text


class OrderStatus(StrEnum):
    """RFC 8555 section 7.1.6."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


class Order(Struct, frozen=True):
    """An order (RFC 8555 section 7.1.3); `error` is a problem document."""

    status: OrderStatus
    identifiers: tuple[Identifier, ...]
    authorizations: Annotated[tuple[URL, ...], Meta(max_length=200)]
    finalize: URL
    certificate: URL | None = None
    expires: Moment | None = None
    error: Raw = Raw()


class Challenge(
    Struct,
    frozen=True,
    rename={"issuers": "issuerDomainNames", "issuers_before": "issuer-domain-names", "account_uri": "accounturi"},
):
    """A challenge (RFC 8555 section 7.1.5) of any type; `error` is a problem document.

    `issuers` and what follows are those of dns-persist-01, named as in version 02 of its draft and as before.
    """

    type: Text
    url: URL
    status: Text = "pending"
    token: Token | None = None
    error: Raw = Raw()
    issuers: Raw = Raw()
    issuers_before: Raw = Raw()
    account_uri: Raw = Raw()


class Authorization(Struct, frozen=True):
    """An authorization (RFC 8555 section 7.1.4); `wildcard`: its identifier stands for all names below it."""

    status: Text
    identifier: Identifier
    challenges: tuple[Challenge, ...]
    expires: Moment | None = None
    wildcard: bool = False


class Window(Struct, frozen=True):
    """When a certificate should be renewed."""

    start: Moment
    end: Moment


class RenewalInfo(Struct, frozen=True, rename={"suggested_window": "suggestedWindow", "explanation": "explanationURL"}):
    """What a directory says about a certificate's renewal (RFC 9773 section 4.2)."""

    suggested_window: Window
    explanation: Text = ""


def read(body: bytes, kind: type[R]) -> R:
    """Return the resource that a body is. Raises `AnswerMalformed`; repeats nothing of the body."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise AnswerMalformed(f"the answer is no {kind.__name__.lower()} of RFC 8555: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AnswerMalformed("the answer is no JSON") from None
