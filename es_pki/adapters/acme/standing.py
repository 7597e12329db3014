"""The standing TXT record of dns-persist-01: what it has to say, and whether one that is there says it.

From draft-ietf-acme-dns-persist: up to version 01, which Let's Encrypt offers, the record names the account by its
address; from 02 on by a hash, where the directory has a prefix for such. The challenge shows which of them is meant.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from es_pki.adapters.acme.jws import encoded
from es_pki.adapters.acme.messages import Challenge, Identifier
from es_pki.adapters.acme.problems import AnswerMalformed

LABEL = "_validation-persist"

ANY_DOMAIN = "*"
"""What stands for the name in a hash that is good for all names."""

Issuers = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[a-z0-9.-]{1,253}\Z")], ...], Meta(min_length=1, max_length=10)
]


class Known(Struct, frozen=True):
    """By what the directory may know the account: its `url`, and the thumbprint of its key behind a `hash_prefix`."""

    url: str
    thumbprint: str
    hash_prefix: str = ""


class StandingRecord(Struct, frozen=True):
    """What is to be found under `name`: one of `issuers`, and one of `accounts`, the first of which is published.

    `hash_prefix` is given where accounts are named by a hash: another one may be of a former key, and is the
    directory's to judge.
    """

    name: str
    issuers: tuple[str, ...]
    accounts: tuple[str, ...]
    is_wildcard: bool
    hash_prefix: str = ""

    @property
    def value(self) -> str:
        """Return what is to be published."""
        policy = "; policy=wildcard" if self.is_wildcard else ""
        return f"{self.issuers[0]}; accounturi={self.accounts[0]}{policy}"

    @property
    def wanted(self) -> str:
        """Say what is to be published, as in a zone file: texts of at most 255 octets."""
        parts = (self.value[at : at + 255] for at in range(0, len(self.value), 255))
        return " ".join((f"{self.name}. IN TXT", *(f'"{part}"' for part in parts)))

    def fault(self, value: str, now: datetime) -> str | None:
        """Say what is wrong with a record for one of the issuers, "" if nothing; None for one that isn't for them."""
        issuer, *parameters = (part.strip() for part in value.split(";"))
        if issuer.lower() not in self.issuers:
            return None
        given: dict[str, str] = {}
        for parameter in filter(None, parameters):
            tag, equals, content = parameter.partition("=")
            if not equals or tag.strip().lower() in given:
                return f"{parameter!r} is no parameter, or is given twice"
            given[tag.strip().lower()] = content.strip()
        return next(self._faults(given, now), "")

    def _faults(self, given: dict[str, str], now: datetime) -> Iterator[str]:
        account, until = given.get("accounturi", ""), given.get("persistuntil")
        is_hashed = bool(self.hash_prefix) and account.startswith(self.hash_prefix)
        if account not in self.accounts and not is_hashed:
            yield f"it is for the account {account!r}" if account else "it has no accounturi"
        if self.is_wildcard and given.get("policy", "").lower() != "wildcard":
            yield "it has no policy=wildcard"
        if until is not None and not (until.isascii() and until.isdigit()):
            yield f"persistUntil={until} is no number of seconds"
        elif until is not None and int(until) <= now.timestamp():
            yield f"persistUntil={until} is over"


def record_of(challenge: Challenge, identifier: Identifier, known: Known, *, is_wildcard: bool) -> StandingRecord:
    """Return the record that a challenge wants. Raises `AnswerMalformed`."""
    is_hashed = bool(challenge.issuers) and bool(known.hash_prefix)
    try:
        issuers = msgspec.json.decode(challenge.issuers or challenge.issuers_before, type=Issuers)
        named = msgspec.json.decode(challenge.account_uri, type=str) if challenge.account_uri else ""
    except msgspec.MsgspecError:
        raise AnswerMalformed("the challenge names no issuers (draft-ietf-acme-dns-persist section 3.1)") from None
    accounts = tuple(filter(None, (named, known.url)))
    if is_hashed:
        accounts = tuple(hashed(domain, known) for domain in (identifier.value, ANY_DOMAIN))
    name = f"{LABEL}.{identifier.value}"
    return StandingRecord(name, issuers, accounts, is_wildcard, known.hash_prefix if is_hashed else "")


def hashed(domain: str, known: Known) -> str:
    """Return the account's hashed address for a domain (draft-ietf-acme-dns-persist-02 section 4.1)."""
    told = bytes((len(domain),)) + domain.encode() + known.thumbprint.encode() + known.url.encode()
    return f"{known.hash_prefix}sha-256/{encoded(hashlib.sha256(told).digest())}"
