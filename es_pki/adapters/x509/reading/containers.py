"""Files that hold several things: PKCS#12 (RFC 7292) and PKCS#7 certificates (RFC 5652 section 5)."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates, load_pkcs12
from msgspec import Struct

from es_pki.adapters.x509.reading.ber import as_der
from es_pki.adapters.x509.reading.derivation import check_work
from es_pki.adapters.x509.reading.facts import UNREADABLE, told_apart
from es_pki.adapters.x509.reading.private_keys import KeptKey, checked, wrong_passphrase
from es_pki.commands.refusals import Malformed


class Unpacked(Struct, frozen=True):
    """What was in a file: certificates in its order, and a private key if there was one."""

    certificates: tuple[x509.Certificate, ...]
    private_key: KeptKey | None = None

    def __repr__(self) -> str:
        """Show nothing of a key."""
        return f"Unpacked({len(self.certificates)})"


def unpack_pkcs12(data: bytes, passphrase: str | None, field: str) -> Unpacked:
    """Open a PKCS#12 file. Raises `Malformed`, `RulesBroken` and `PassphraseWrong`."""
    try:
        der = as_der(data)
        check_work(der, field)
    except ValueError:
        raise Malformed.at(field, "RFC 7292 section 4", "this is no well-formed PKCS#12 file") from None
    found = _opened(der, passphrase, field)
    held = [found.cert, *found.additional_certs] if found.cert else found.additional_certs
    key = found.key
    return Unpacked(
        _looked_at([each.certificate for each in held], field), None if key is None else checked(lambda _: key, field)
    )


def _looked_at(certificates: list[x509.Certificate], field: str) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(map(told_apart, certificates))
    except UNREADABLE:
        raise Malformed.at(field, "RFC 5280 section 4.1", "a certificate in the file is not well-formed") from None


def _opened(der: bytes, passphrase: str | None, field: str) -> PKCS12KeyAndCertificates:
    """Open it with the passphrase; without one as such files are that have none: two ways are in use."""
    tries = [None, b""] if not passphrase else [passphrase.encode()]
    for secret in tries:
        try:
            return load_pkcs12(der, secret)
        except UnsupportedAlgorithm:
            detail = "the file has an algorithm or a key of a kind that is not known"
            raise Malformed.at(field, "RFC 7292 section 4", detail) from None
        except UNREADABLE:
            continue
    if passphrase:
        raise wrong_passphrase("the passphrase doesn't open the PKCS#12 file, or the file is damaged")
    raise wrong_passphrase("the PKCS#12 file is encrypted: send its passphrase")


def unpack_pkcs7(data: bytes, field: str) -> Unpacked:
    """Return the certificates of a PKCS#7 file; its signatures, if any, are nobody's business. Raises `Malformed`."""
    try:
        return Unpacked(tuple(map(told_apart, load_der_pkcs7_certificates(as_der(data)))))
    except UNREADABLE:
        raise Malformed.at(
            field, "RFC 5652 section 5", "this is no well-formed PKCS#7 file with certificates"
        ) from None
