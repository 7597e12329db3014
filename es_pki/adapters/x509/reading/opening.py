"""The work of reading what was sent: one certificate with its chain and perhaps its key, or all that is in a file."""

import warnings

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Struct

from es_pki.adapters.worker.work import Work
from es_pki.adapters.x509.keys import read_with, spki_of
from es_pki.adapters.x509.reading.armour import Kind, Part, parts_of
from es_pki.adapters.x509.reading.chain import Pile, leaf_with_key, leaf_without_key, no_certificate
from es_pki.adapters.x509.reading.containers import Unpacked, unpack_pkcs7, unpack_pkcs12
from es_pki.adapters.x509.reading.facts import Facts, facts_of, load_certificate
from es_pki.adapters.x509.reading.private_keys import FIELD, KeptKey, pkcs8_of, read_private_key, wrong_passphrase
from es_pki.commands.refusals import Malformed
from es_pki.commands.signing_request import Returned
from es_pki.values import public_key_hash

LARGEST = 256 * 1024
"""Octets of what is sent as one certificate."""

MOST = 100
"""Certificates in it."""

MOST_RETURNED = 20
"""Certificates that an outside authority returns: a chain has a few; they are all kept in one record of the log."""

SECONDS = 20.0
"""A hundred times what a sound one takes, its keys derived with the most rounds that are borne."""


class Sent(Struct, frozen=True):
    """What was sent: texts or files. `field` is what the certificate's refusals name."""

    certificate: bytes
    private_key: bytes | None = None
    passphrase: str | None = None
    field: str = "certificate"

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Sent()"


class Opened(Struct, frozen=True):
    """A certificate, those above it in their order (DER), its private key (DER PKCS#8), and how many others came."""

    facts: Facts
    chain: tuple[bytes, ...] = ()
    private_key: bytes | None = None
    left_out: int = 0

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return f"Opened({self.facts.serial_number})"


def open_one(sent: Sent) -> Opened:
    """Read one certificate. Raises `Refused`, naming the field; never repeats what was sent."""
    certificates, keys = contents(sent, LARGEST)
    if not certificates:
        raise no_certificate(sent.field)
    if len(certificates) > MOST:
        raise Malformed.at(sent.field, "files are bounded", f"at most {MOST} certificates, not {len(certificates)}")
    if len(keys) > 1:
        raise Malformed.at(FIELD, "a certificate has one key", f"{len(keys)} private keys were sent")
    pile = Pile(certificates)
    if keys:
        return _opened(pile, leaf_with_key(pile, keys[0], FIELD), keys[0], sent.field)
    return _opened(pile, leaf_without_key(pile, sent.field), None, sent.field)


def open_returned(sent: Sent) -> tuple[Returned, ...]:
    """Read what an outside authority returned for a CSR: certificates in their order. Raises as `open_one` does."""
    certificates, _ = contents(sent, LARGEST)
    if not certificates:
        raise no_certificate(sent.field)
    if len(certificates) > MOST_RETURNED:
        detail = f"at most {MOST_RETURNED} certificates, not {len(certificates)}"
        raise Malformed.at(sent.field, "bundles are bounded", detail)
    return tuple(_returned(certificate, sent.field) for certificate in certificates)


def _returned(certificate: x509.Certificate, field: str) -> Returned:
    public = read_with(certificate.public_key, f"{field}.public_key")
    return Returned(
        certificate.public_bytes(Encoding.DER),
        certificate.subject.public_bytes(),
        certificate.issuer.public_bytes(),
        public_key_hash(spki_of(public)),
    )


def _opened(pile: Pile, leaf: x509.Certificate, key: KeptKey | None, field: str) -> Opened:
    above = pile.above(leaf)
    return Opened(
        facts=facts_of(leaf, field),
        chain=tuple(facts_of(each, f"{field}.chain").certificate for each in above),
        private_key=None if key is None else pkcs8_of(key),
        left_out=len(pile.certificates) - 1 - len(above),
    )


def contents(sent: Sent, largest: int) -> tuple[list[x509.Certificate], list[KeptKey]]:
    """Return all certificates and private keys, the latter each once. Raises `Refused`."""
    warnings.simplefilter("ignore")  # the library warns of what is unusual: it is taken or refused here
    check_passphrase(sent.passphrase)
    certificates: list[x509.Certificate] = []
    keys: list[KeptKey] = []
    for field, content in ((sent.field, sent.certificate), (FIELD, sent.private_key)):
        if content is None:
            continue
        if len(content) > largest:
            raise Malformed.at(field, "files are bounded", f"at most {largest} octets")
        for part in parts_of(content, field):
            unpacked = _unpacked(part, sent.passphrase, field)
            certificates += unpacked.certificates
            keys += [unpacked.private_key] if unpacked.private_key is not None else []
    return certificates, _distinct(keys)


def check_passphrase(passphrase: str | None) -> None:
    """Refuse what OpenSSL takes for the end of a passphrase, at which the library panics. Raises `PassphraseWrong`."""
    if "\0" in (passphrase or ""):
        raise wrong_passphrase("a passphrase has no NUL in it")


def _unpacked(part: Part, passphrase: str | None, field: str) -> Unpacked:
    match part.kind:
        case Kind.CERTIFICATE:
            return Unpacked((load_certificate(part.der, field),))
        case Kind.PKCS7:
            return unpack_pkcs7(part.der, field)
        case Kind.PKCS12:
            return unpack_pkcs12(part.der, passphrase, field)
        case Kind.PRIVATE_KEY | Kind.ENCRYPTED_KEY | Kind.FOREIGN_KEY:
            return Unpacked((), read_private_key(part, passphrase, FIELD))


def _distinct(keys: list[KeptKey]) -> list[KeptKey]:
    return list({spki_of(key.public_key()): key for key in keys}.values())


OPEN_ONE: Work[Sent, Opened] = Work("es_pki.adapters.x509.reading.opening:open_one", Sent, Opened, SECONDS)
OPEN_RETURNED: Work[Sent, tuple[Returned, ...]] = Work(
    "es_pki.adapters.x509.reading.opening:open_returned", Sent, tuple[Returned, ...], SECONDS
)
