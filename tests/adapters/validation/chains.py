"""Certificates, CRLs and OCSP responses of every kind, good and bad, made quickly: one P-256 key for each name."""

import datetime
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from es_pki.adapters.validation import Certificates, Evidence, Parsed, ParsedCRL, ParsedResponse, Question, Trust
from tests.builders import NOW

UNKNOWN = ObjectIdentifier("1.3.6.1.4.1.99999.1")
DAY = timedelta(days=1)
SHA256 = hashes.SHA256()
SHA1 = hashes.SHA1()  # noqa: S303 - what OCSP clients name certificates by
SERVER_AUTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


class Made(NamedTuple):
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        """Its DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def parsed(self) -> Parsed:
        """It, as the validator reads it."""
        return Parsed(self.der)


@cache
def key_of(name: str) -> ec.EllipticCurvePrivateKey:
    """Return the key of a name, the same each time."""
    return ec.generate_private_key(ec.SECP256R1())


def named(*common_names: str) -> x509.Name:
    """Return a distinguished name of common names."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each) for each in common_names])


def usage(*bits: str) -> x509.KeyUsage:
    """Return a key usage with these bits."""
    fields = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
    fields += ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{field: field in bits for field in fields})


def unknown(value: bytes = b"\x05\x00") -> x509.UnrecognizedExtension:
    """Return an extension that nobody knows."""
    return x509.UnrecognizedExtension(UNKNOWN, value)


def made(
    name: str | x509.Name,
    issuer: Made | None = None,
    *extensions: tuple[x509.ExtensionType, bool],
    key: Any = None,
    serial_number: int | None = None,
    begins: datetime.datetime = NOW - DAY,
    ends: datetime.datetime = NOW + 300 * DAY,
    issuer_name: x509.Name | None = None,
    signing_key: Any = None,
    hash_algorithm: hashes.HashAlgorithm | None = SHA256,
) -> Made:
    """Return a certificate with just these extensions, (value, critical) each; by itself without an issuer."""
    subject = named(name) if isinstance(name, str) else name
    own = key if key is not None else key_of(str(name))
    above = issuer.certificate.subject if issuer is not None else subject
    builder = x509.CertificateBuilder(
        issuer_name=issuer_name if issuer_name is not None else above,
        subject_name=subject,
        public_key=own.public_key(),
        serial_number=serial_number if serial_number is not None else x509.random_serial_number(),
        not_valid_before=begins,
        not_valid_after=ends,
    )
    for value, is_critical in extensions:
        builder = builder.add_extension(value, is_critical)
    signer = signing_key if signing_key is not None else (issuer.key if issuer is not None else own)
    return Made(builder.sign(signer, hash_algorithm), own)


def authority(
    name: str | x509.Name,
    issuer: Made | None = None,
    *extensions: tuple[x509.ExtensionType, bool],
    path_length: int | None = None,
    key_usage: x509.KeyUsage | None = None,
    **options: Any,
) -> Made:
    """Return an authority's certificate as it should be, with further extensions."""
    usages = key_usage if key_usage is not None else usage("key_cert_sign", "crl_sign")
    own = options.pop("key", None) or key_of(str(name))
    usual = [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (usages, True),
        (x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False),
    ]
    return made(name, issuer, *usual, *extensions, key=own, **options)


def server(
    issuer: Made, *extensions: tuple[x509.ExtensionType, bool], host: str = "www.example.test", **options: Any
) -> Made:
    """Return a server's certificate as it should be, with further extensions."""
    usual = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage("digital_signature"), True),
        (SERVER_AUTH, False),
        (x509.SubjectAlternativeName([x509.DNSName(host)]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False),
    ]
    return made(options.pop("name", "www"), issuer, *usual, *extensions, **options)


def trust(
    *anchors: Made, pool: tuple[Made, ...] = (), crls: tuple[bytes, ...] = (), responses: tuple[bytes, ...] = ()
) -> Trust:
    """Return trust in anchors, with what else is at hand."""
    return Trust(
        Certificates(each.parsed for each in anchors),
        Certificates(each.parsed for each in pool),
        Evidence([ParsedCRL(der) for der in crls], [ParsedResponse(der) for der in responses]),
    )


def asked(**inputs: Any) -> Question:
    """Return a question about now."""
    return Question(**{"time": NOW, **inputs})


def crl(
    issuer: Made,
    *revoked: int | tuple[int, tuple[x509.ExtensionType, bool]],
    number: int | None = 1,
    base: int | None = None,
    scope: x509.IssuingDistributionPoint | None = None,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    issued: datetime.datetime = NOW - DAY,
    due: datetime.datetime = NOW + DAY,
    signing_key: Any = None,
    hash_algorithm: hashes.HashAlgorithm = SHA256,
) -> bytes:
    """Return a CRL of an issuer; entries are serial numbers, or those with an extension each."""
    further = [(x509.CRLNumber(number), False)] if number is not None else []
    further += [(x509.DeltaCRLIndicator(base), True)] if base is not None else []
    further += [(scope, True)] if scope is not None else []
    listed = []
    for each in revoked:
        serial_number, *own = each if isinstance(each, tuple) else (each,)
        entry = x509.RevokedCertificateBuilder(serial_number, issued)
        for value, is_critical in own:
            entry = entry.add_extension(value, is_critical)
        listed.append(entry.build())
    builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, issued, due, [], listed)
    for value, is_critical in (*further, *extensions):
        builder = builder.add_extension(value, is_critical)
    return builder.sign(signing_key or issuer.key, hash_algorithm).public_bytes(Encoding.DER)


def scope(**fields: Any) -> x509.IssuingDistributionPoint:
    """Return an issuing distribution point."""
    usual = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**usual, **fields})


def response(
    about: Made,
    issuer: Made,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    *extensions: tuple[x509.ExtensionType, bool],
    responder: Made | None = None,
    certificates: tuple[Made, ...] | None = None,
    begins: datetime.datetime = NOW - DAY,
    ends: datetime.datetime | None = NOW + DAY,
    reason: x509.ReasonFlags | None = None,
    identified_by: hashes.HashAlgorithm = SHA1,
    encoding: ocsp.OCSPResponderEncoding = ocsp.OCSPResponderEncoding.HASH,
) -> bytes:
    """Return an OCSP response about a certificate, by its issuer or a responder that comes along."""
    by = responder if responder is not None else issuer
    builder = ocsp.OCSPResponseBuilder().add_response(
        about.certificate,
        issuer.certificate,
        identified_by,
        status,
        begins,
        ends,
        NOW - DAY if status is ocsp.OCSPCertStatus.REVOKED else None,
        reason,
    )
    sent = certificates if certificates is not None else (by,) if responder is not None else ()
    if sent:
        builder = builder.certificates([each.certificate for each in sent])
    builder = builder.responder_id(encoding, by.certificate)
    for value, is_critical in extensions:
        builder = builder.add_extension(value, is_critical)
    return builder.sign(by.key, SHA256).public_bytes(Encoding.DER)
