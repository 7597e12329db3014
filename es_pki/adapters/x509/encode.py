"""The exact bytes of a to-be-signed certificate (RFC 5280 section 4.1.2).

`cryptography` builds a certificate only while signing it: a throwaway key of the issuer's algorithm signs, and its
signature is dropped. What is left says nothing of that key, so equal templates give equal bytes.
"""

import ipaddress
from collections.abc import Iterator
from functools import cache, lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from es_pki.adapters.x509.der import (
    EXPLICIT_0,
    OCTET_STRING,
    UTF8_STRING,
    element,
    object_identifier,
    sequence,
)
from es_pki.adapters.x509.kerberos import KERBEROS_PRINCIPAL_NAME, encoded
from es_pki.adapters.x509.keys import ML_DSA, PrivateKeyObject, signature_hash
from es_pki.adapters.x509.weak_keys import EXPONENT
from es_pki.values import (
    PURPOSE_OIDS,
    AttributeType,
    CriticalExtension,
    KeyType,
    KeyUsage,
    Locations,
    NameConstraints,
    NameSpace,
    Subject,
    SubjectAltNames,
    Template,
)

ATTRIBUTE_OIDS: dict[AttributeType, ObjectIdentifier] = {
    AttributeType.COMMON_NAME: NameOID.COMMON_NAME,
    AttributeType.SURNAME: NameOID.SURNAME,
    AttributeType.GIVEN_NAME: NameOID.GIVEN_NAME,
    AttributeType.TITLE: NameOID.TITLE,
    AttributeType.SERIAL_NUMBER: NameOID.SERIAL_NUMBER,
    AttributeType.PSEUDONYM: NameOID.PSEUDONYM,
    AttributeType.ORGANIZATION: NameOID.ORGANIZATION_NAME,
    AttributeType.ORGANIZATIONAL_UNIT: NameOID.ORGANIZATIONAL_UNIT_NAME,
    AttributeType.STREET_ADDRESS: NameOID.STREET_ADDRESS,
    AttributeType.LOCALITY: NameOID.LOCALITY_NAME,
    AttributeType.STATE_OR_PROVINCE: NameOID.STATE_OR_PROVINCE_NAME,
    AttributeType.POSTAL_CODE: NameOID.POSTAL_CODE,
    AttributeType.COUNTRY: NameOID.COUNTRY_NAME,
    AttributeType.DOMAIN_COMPONENT: NameOID.DOMAIN_COMPONENT,
    AttributeType.USER_ID: NameOID.USER_ID,
    AttributeType.EMAIL_ADDRESS: NameOID.EMAIL_ADDRESS,
}


USER_PRINCIPAL_NAME = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""The otherName of an Active Directory account (MS-WCCE section 2.2.2.7.5)."""

SECURITY_IDENTIFIER = "1.3.6.1.4.1.311.25.2"
"""The extension with an account's security identifier, szOID_NTDS_CA_SECURITY_EXT."""

_NAMED_PURPOSES: dict[str, str] = {purpose.value: oid for purpose, oid in PURPOSE_OIDS.items()}
_OBJECT_SID = "1.3.6.1.4.1.311.25.2.1"


_OCSP_RESPONDER = (
    x509.Extension(x509.ExtendedKeyUsage.oid, False, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])),
    x509.Extension(x509.OCSPNoCheck.oid, False, x509.OCSPNoCheck()),
)
"""RFC 6960 sections 4.2.2.2 and 4.2.2.2.1: it may answer for its issuer, and nobody asks whether it still holds."""


def encode_tbs(template: Template) -> bytes:
    """Return the DER TBSCertificate of a template."""
    return _signed_by_nobody(template).tbs_certificate_bytes


def specimen(template: Template) -> bytes:
    """Return the DER certificate that a template would become, under a signature that nobody can verify.

    The signature is a throwaway key's, of the issuer's algorithm: programs can read and judge all the rest.
    """
    return _signed_by_nobody(template).public_bytes(Encoding.DER)


def _signed_by_nobody(template: Template) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        issuer_name=_issuer_name(template.issuer_certificate) or _name(template.subject),
        subject_name=_name(template.subject),
        public_key=_public_key(template.public_key.spki),
        serial_number=template.serial_number,
        not_valid_before=template.not_before,
        not_valid_after=template.not_after,
        extensions=list(_extensions(template)),
    )
    key_type = template.signature_key_type
    algorithm = signature_hash(key_type) if key_type.is_rsa or key_type.is_ec else None
    return builder.sign(_throwaway_key(key_type), algorithm)


def csr_builder(
    subject: Subject, names: SubjectAltNames, key_usages: tuple[KeyUsage, ...], purposes: tuple[str, ...]
) -> x509.CertificateSigningRequestBuilder:
    """Return a CSR that asks for these names and usages, for the key that will sign it (RFC 2986)."""
    extensions = [_key_usage(key_usages, critical=True)]
    if purposes:
        extensions.append(_extended_key_usage(purposes, critical=False))
    if names:
        extensions.append(_extension(_subject_alt_name(names), critical=not subject))
    builder = x509.CertificateSigningRequestBuilder(subject_name=_name(subject))
    for extension in extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder


@cache
def _throwaway_key(key_type: KeyType) -> PrivateKeyObject:
    """Return a key whose signatures have the algorithm that such a key's have; its size doesn't matter."""
    if key_type.is_rsa:
        return rsa.generate_private_key(EXPONENT, 2048)
    if key_type.is_ec:
        return ec.generate_private_key(ec.SECP256R1())
    if key_type in ML_DSA:
        return ML_DSA[key_type].generate()
    return ed25519.Ed25519PrivateKey.generate()


def _extensions(template: Template) -> "Iterator[x509.Extension[x509.ExtensionType]]":
    """Yield the extensions, in the order in which they stand in the certificate."""
    # CA:FALSE is written out, as RFC 5280 section 4.2.1.9 allows: some verifiers take an absent extension for a doubt.
    yield _extension(x509.BasicConstraints(template.is_authority, template.path_length), critical=True)
    critical = template.critical_extensions
    yield _key_usage(template.key_usages, critical=CriticalExtension.KEY_USAGE in critical)
    if template.extended_key_usages:
        is_critical = CriticalExtension.EXTENDED_KEY_USAGE in critical
        yield _extended_key_usage(template.extended_key_usages, critical=is_critical)
    if template.policy_identifiers:
        is_critical = CriticalExtension.CERTIFICATE_POLICIES in critical
        yield _certificate_policies(template.policy_identifiers, critical=is_critical)
    if template.subject_alt_names:
        yield _extension(_subject_alt_name(template.subject_alt_names), critical=not template.subject)
    if template.security_identifier:
        yield _extension(_security_identifier(template.security_identifier), critical=False)
    yield _extension(_subject_key_identifier(template.public_key.spki), critical=False)
    yield _authority_key_identifier(template.issuer_certificate or b"", template.public_key.spki)
    if template.name_constraints:
        yield _extension(_name_constraints(template.name_constraints), critical=True)
    if template.locations:
        yield from _locations(template.locations)
    if template.is_ocsp_responder:
        yield from _OCSP_RESPONDER


def _extension(value: x509.ExtensionType, *, critical: bool) -> x509.Extension[x509.ExtensionType]:
    return x509.Extension(value.oid, critical, value)


@lru_cache(maxsize=1024)
def _name(subject: Subject) -> x509.Name:
    """Return a distinguished name; `cryptography` knows which types aren't UTF8String (RFC 5280 appendix A.1)."""
    return x509.Name([x509.NameAttribute(ATTRIBUTE_OIDS[a.type], a.value) for a in subject])


@lru_cache(maxsize=256)
def _issuer_name(certificate: bytes | None) -> x509.Name | None:
    return None if certificate is None else x509.load_der_x509_certificate(certificate).subject


@lru_cache(maxsize=256)
def _public_key(spki: bytes) -> CertificatePublicKeyTypes:
    return load_der_public_key(spki)  # type: ignore[return-value] # keys.public_key let only such keys in


@lru_cache(maxsize=256)
def _subject_key_identifier(spki: bytes) -> x509.SubjectKeyIdentifier:
    """RFC 5280 section 4.2.1.2 method 1, the one that every other program computes too."""
    return x509.SubjectKeyIdentifier.from_public_key(_public_key(spki))


def _authority_key_identifier(issuer: bytes, own_spki: bytes) -> x509.Extension[x509.ExtensionType]:
    """RFC 5280 section 4.2.1.1: the issuer's subject key identifier, or one's own when signing for oneself."""
    identifier = _identifier_of(issuer) if issuer else _subject_key_identifier(own_spki)
    value = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    return _extension(value, critical=False)


@lru_cache(maxsize=256)
def _identifier_of(issuer: bytes) -> x509.SubjectKeyIdentifier:
    """Return the certificate's subject key identifier; one made elsewhere may lack it: then by method 1."""
    certificate = x509.load_der_x509_certificate(issuer)
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())


@cache
def _key_usage(usages: tuple[KeyUsage, ...], *, critical: bool) -> x509.Extension[x509.ExtensionType]:
    value = x509.KeyUsage(
        digital_signature=KeyUsage.DIGITAL_SIGNATURE in usages,
        content_commitment=KeyUsage.CONTENT_COMMITMENT in usages,
        key_encipherment=KeyUsage.KEY_ENCIPHERMENT in usages,
        data_encipherment=KeyUsage.DATA_ENCIPHERMENT in usages,
        key_agreement=KeyUsage.KEY_AGREEMENT in usages,
        key_cert_sign=KeyUsage.KEY_CERT_SIGN in usages,
        crl_sign=KeyUsage.CRL_SIGN in usages,
        encipher_only=False,
        decipher_only=False,
    )
    return _extension(value, critical=critical)


@lru_cache(maxsize=256)
def _extended_key_usage(purposes: tuple[str, ...], *, critical: bool) -> x509.Extension[x509.ExtensionType]:
    oids = [ObjectIdentifier(_NAMED_PURPOSES.get(purpose, purpose)) for purpose in purposes]
    return _extension(x509.ExtendedKeyUsage(oids), critical=critical)


@lru_cache(maxsize=256)
def _certificate_policies(identifiers: tuple[str, ...], *, critical: bool) -> x509.Extension[x509.ExtensionType]:
    """RFC 5280 section 4.2.1.4, without qualifiers, as it recommends."""
    policies = [x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in identifiers]
    return _extension(x509.CertificatePolicies(policies), critical=critical)


def _security_identifier(text: str) -> x509.UnrecognizedExtension:
    """MS-WCCE section 2.2.2.7.7.4: an otherName, the account's security identifier as text in an OCTET STRING."""
    value = element(EXPLICIT_0, element(OCTET_STRING, text.encode()))
    other_name = element(EXPLICIT_0, object_identifier(_OBJECT_SID), value)
    return x509.UnrecognizedExtension(ObjectIdentifier(SECURITY_IDENTIFIER), sequence(other_name))


def _subject_alt_name(names: SubjectAltNames) -> x509.SubjectAlternativeName:
    general: list[x509.GeneralName] = [x509.DNSName(name) for name in names.dns_names]
    general += [x509.IPAddress(ipaddress.ip_address(address)) for address in names.ip_addresses]
    general += [x509.RFC822Name(address) for address in names.email_addresses]
    general += [x509.UniformResourceIdentifier(uri) for uri in names.uris]
    general += [x509.OtherName(USER_PRINCIPAL_NAME, _utf8(name)) for name in names.user_principal_names]
    general += [x509.OtherName(KERBEROS_PRINCIPAL_NAME, encoded(name)) for name in names.kerberos_principal_names]
    return x509.SubjectAlternativeName(general)


def _utf8(text: str) -> bytes:
    return element(UTF8_STRING, text.encode())


def _name_constraints(constraints: NameConstraints) -> x509.NameConstraints:
    return x509.NameConstraints(
        permitted_subtrees=_subtrees(constraints.permitted) or None,
        excluded_subtrees=_subtrees(constraints.excluded) or None,
    )


def _subtrees(space: NameSpace) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = [x509.DNSName(name) for name in space.dns_names]
    general += [x509.IPAddress(ipaddress.ip_network(network)) for network in space.ip_networks]
    general += [x509.RFC822Name(address) for address in space.email_addresses]
    general += [x509.UniformResourceIdentifier(host) for host in space.uri_hosts]
    return general


@lru_cache(maxsize=256)
def _locations(locations: Locations) -> tuple[x509.Extension[x509.ExtensionType], ...]:
    """RFC 5280 sections 4.2.2.1 and 4.2.1.13."""
    access = {
        AuthorityInformationAccessOID.OCSP: locations.ocsp,
        AuthorityInformationAccessOID.CA_ISSUERS: locations.ca_issuers,
    }
    descriptions = [x509.AccessDescription(how, x509.UniformResourceIdentifier(at)) for how, at in access.items() if at]
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(locations.crl)], None, None, None)
    return (
        _extension(x509.AuthorityInformationAccess(descriptions), critical=False),
        _extension(x509.CRLDistributionPoints([point]), critical=False),
    )
