"""Many certificates in one work: each is read for itself, and what is wrong with one is told of that one."""

from msgspec import Struct

from es_pki.adapters.worker.work import Told, Work, told_of
from es_pki.adapters.x509.keys import spki_of
from es_pki.adapters.x509.reading.armour import Kind, parts_of
from es_pki.adapters.x509.reading.opening import Opened, Sent, check_passphrase, open_one
from es_pki.adapters.x509.reading.private_keys import is_other_half, pkcs8_of, read_private_key
from es_pki.commands.refusals import Malformed
from es_pki.decider import Refused
from es_pki.values import public_key_hash

MOST_KEYS = 50
"""Private keys that come at once: checking a large RSA key takes a third of a second."""

SECONDS = 30.0

_KEYS = {Kind.PRIVATE_KEY, Kind.ENCRYPTED_KEY, Kind.FOREIGN_KEY}


class Read(Struct, frozen=True):
    """A certificate that was opened, or what is wrong with it."""

    opened: Opened | None = None
    refusal: Told | None = None


def open_many(sent: tuple[Sent, ...]) -> tuple[Read, ...]:
    """Read certificates, each as `open_one` does; answer in their order."""
    return tuple(map(_read, sent))


def _read(sent: Sent) -> Read:
    try:
        return Read(open_one(sent))
    except Refused as refused:
        return Read(refusal=told_of(refused))


class Keys(Struct, frozen=True):
    """Private keys (DER PKCS#8) by the SHA-256 of their public halves."""

    by_hash: dict[str, bytes] = {}

    def __repr__(self) -> str:
        """Show nothing of them."""
        return f"Keys({len(self.by_hash)})"


def open_keys(sent: Sent) -> Keys:
    """Read the private keys of a text that is sent as `field`. Raises `Refused`; never repeats what was sent."""
    check_passphrase(sent.passphrase)
    parts = [part for part in parts_of(sent.certificate, sent.field) if part.kind in _KEYS]
    if len(parts) > MOST_KEYS:
        raise Malformed.at(sent.field, "requests are bounded", f"at most {MOST_KEYS} private keys, not {len(parts)}")
    keys = [read_private_key(part, sent.passphrase, sent.field) for part in parts]
    if not all(is_other_half(key, key.public_key()) for key in keys):
        raise Malformed.at(sent.field, "a key pair has two halves", "the halves of a private key contradict each other")
    return Keys({public_key_hash(spki_of(key.public_key())): pkcs8_of(key) for key in keys})


OPEN_MANY: Work[tuple[Sent, ...], tuple[Read, ...]] = Work(
    "es_pki.adapters.x509.reading.many:open_many", tuple[Sent, ...], tuple[Read, ...], SECONDS
)
OPEN_KEYS: Work[Sent, Keys] = Work("es_pki.adapters.x509.reading.many:open_keys", Sent, Keys, SECONDS)
