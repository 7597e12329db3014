"""What a directory hands out as a certificate: which chain is taken, and whether it is for the order's key."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from es_pki.adapters.acme.jws import encoded
from es_pki.adapters.acme.problems import AnswerMalformed
from es_pki.adapters.x509.bundle import read_bundle
from es_pki.adapters.x509.keys import spki_of
from es_pki.commands.refusals import Malformed
from es_pki.values import SubjectAltNames, public_key_hash

Chain = tuple[bytes, ...]
"""DER certificates, leaf first."""


def chosen(pems: Sequence[bytes], *, preferred: str, wanted_key: str, names: SubjectAltNames) -> Chain:
    """Return the chain with an issuer of this common name, else the directory's own choice.

    Raises `AnswerMalformed` for what is no chain, for one whose leaf is for another key than `wanted_key` (its
    public_key_hash): an order that somebody else finalized, and for one that lacks a name.
    """
    chains = [_read(pem) for pem in pems]
    chain = next((chain for chain in chains if preferred in _issuers(chain)), chains[0])
    leaf = x509.load_der_x509_certificate(chain[0])
    if public_key_hash(spki_of(leaf.public_key())) != wanted_key:
        raise AnswerMalformed("the certificate is for another key than the order's")
    if lacking := _lacking(leaf, names):
        raise AnswerMalformed(f"the certificate lacks names that were ordered: {', '.join(sorted(lacking)[:5])}")
    return chain


def _lacking(leaf: x509.Certificate, names: SubjectAltNames) -> set[str]:
    """Return which names a certificate should have and hasn't."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return {*names.dns_names, *names.ip_addresses}
    certified = {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    certified |= {str(address) for address in found.get_values_for_type(x509.IPAddress)}
    return {*names.dns_names, *names.ip_addresses} - certified


def _read(pem: bytes) -> Chain:
    try:
        return tuple(each.certificate for each in read_bundle(pem.decode(), "chain"))
    except (Malformed, UnicodeDecodeError, UnsupportedAlgorithm):
        raise AnswerMalformed("the certificate is no chain in PEM (RFC 8555 section 9.1)") from None


def _issuers(chain: Chain) -> set[str]:
    """Return the common names of all who issued something in a chain."""
    return {
        str(attribute.value)
        for der in chain
        for attribute in x509.load_der_x509_certificate(der).issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    }


def ari_identifier(certificate: bytes) -> str:
    """Return what a DER certificate is known by to its directory (RFC 9773 section 4.1), "" for one that has no key id.

    Base64url of the authority key identifier, a dot, and base64url of the serial number's DER value.
    """
    parsed = x509.load_der_x509_certificate(certificate)
    try:
        key_id = parsed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        key_id = None
    if key_id is None:
        return ""
    number = parsed.serial_number
    return f"{encoded(key_id)}.{encoded(number.to_bytes(number.bit_length() // 8 + 1, 'big'))}"
