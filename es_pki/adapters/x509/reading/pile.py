"""All that is in a file, for those who bring many certificates at once: each that is meant, with chain and key."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Struct

from es_pki.adapters.x509.keys import spki_of
from es_pki.adapters.x509.reading.chain import Pile, has_key
from es_pki.adapters.x509.reading.facts import Facts, facts_of
from es_pki.adapters.x509.reading.opening import Sent, contents
from es_pki.adapters.x509.reading.private_keys import KeptKey, pkcs8_of
from es_pki.commands.refusals import Malformed
from es_pki.decider import Refused
from es_pki.values import public_key_hash

LARGEST = 4 << 20
"""Octets of a file of many certificates."""

MOST = 1_000
"""Certificates in it."""


class Found(Struct, frozen=True):
    """A certificate of a file with those above it (DER), or why there is none to be had."""

    facts: Facts | None
    chain: tuple[bytes, ...] = ()
    refusal: str = ""


class Piled(Struct, frozen=True):
    """What a file holds: certificates, and private keys (DER PKCS#8) by the SHA-256 of their public halves."""

    found: tuple[Found, ...]
    private_keys: dict[str, bytes]

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return f"Piled({len(self.found)})"


def open_all(content: bytes, passphrase: str | None) -> Piled:
    """Read a file. A certificate that is not well refuses only itself. Raises `Refused` for a file that is not."""
    certificates, keys = contents(Sent(content, None, passphrase), LARGEST)
    if len(certificates) > MOST:
        raise Malformed.at("certificate", "files are bounded", f"at most {MOST} certificates, not {len(certificates)}")
    pile = Pile(certificates)
    publics = [key.public_key() for key in keys]
    meant = [each for each in pile.certificates if any(has_key(each, public) for public in publics)]
    meant += [each for each in pile.leaves() or pile.certificates if each not in meant]
    return Piled(tuple(_found(pile, each) for each in meant), dict(map(_by_hash, keys)))


def _by_hash(key: KeptKey) -> tuple[str, bytes]:
    return public_key_hash(spki_of(key.public_key())), pkcs8_of(key)


def _found(pile: Pile, leaf: x509.Certificate) -> Found:
    try:
        facts = facts_of(leaf, "certificate")
        return Found(facts, tuple(each.public_bytes(Encoding.DER) for each in pile.above(leaf)))
    except Refused as refused:
        return Found(None, refusal=refused.detail)
