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
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from es_pki.adapters.x509.keys import ML_DSA, PrivateKeyObject, signature_hash
from es_pki.adapters.x509.weak_keys import EXPONENT
from es_pki.values import (
    AttributeType,
    ExtendedKeyUsage,
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

PURPOSE_OIDS: dict[ExtendedKeyUsage, ObjectIdentifier] = {
    ExtendedKeyUsage.SERVER_AUTH: ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsage.CLIENT_AUTH: ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsage.EMAIL_PROTECTION: ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ExtendedKeyUsage.CODE_SIGNING: ExtendedKeyUsageOID.CODE_SIGNING,
}


_OCSP_RESPONDER = (
    x509.Extension(x509.ExtendedKeyUsage.oid, False, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])),
    x509.Extension(x509.OCSPNoCheck.oid, False, x509.OCSPNoCheck()),
)
"""RFC 6960 sections 4.2.2.2 and 4.2.2.2.1: it may answer for its issuer, and nobody asks whether it still holds."""


def encode_tbs(template: Template) -> bytes:
    """Return the DER TBSCertificate of a template."""
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
    return builder.sign(_throwaway_key(key_type), algorithm).tbs_certificate_bytes


def csr_builder(
    subject: Subject, names: SubjectAltNames, key_usages: tuple[KeyUsage, ...], purposes: tuple[ExtendedKeyUsage, ...]
) -> x509.CertificateSigningRequestBuilder:
    """Return a CSR that asks for these names and usages, for the key that will sign it (RFC 2986)."""
    extensions = [_key_usage(key_usages), _extended_key_usage(purposes)]
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
    yield _key_usage(template.key_usages)
    if template.extended_key_usages:
        yield _extended_key_usage(template.extended_key_usages)
    if template.subject_alt_names:
        yield _extension(_subject_alt_name(template.subject_alt_names), critical=not template.subject)
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


@lru_cache(maxsize=256)
def _authority_key_identifier(issuer: bytes, own_spki: bytes) -> x509.Extension[x509.ExtensionType]:
    """RFC 5280 section 4.2.1.1: the issuer's subject key identifier, or one's own when signing for oneself."""
    if not issuer:
        identifier = _subject_key_identifier(own_spki)
    else:
        identifier = _identifier_of(x509.load_der_x509_certificate(issuer))
    value = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    return _extension(value, critical=False)


def _identifier_of(certificate: x509.Certificate) -> x509.SubjectKeyIdentifier:
    """Return the certificate's subject key identifier; one made elsewhere may lack it: then by method 1."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())


@cache
def _key_usage(usages: tuple[KeyUsage, ...]) -> x509.Extension[x509.ExtensionType]:
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
    return _extension(value, critical=True)


@cache
def _extended_key_usage(usages: tuple[ExtendedKeyUsage, ...]) -> x509.Extension[x509.ExtensionType]:
    return _extension(x509.ExtendedKeyUsage([PURPOSE_OIDS[usage] for usage in usages]), critical=False)


def _subject_alt_name(names: SubjectAltNames) -> x509.SubjectAlternativeName:
    general: list[x509.GeneralName] = [x509.DNSName(name) for name in names.dns_names]
    general += [x509.IPAddress(ipaddress.ip_address(address)) for address in names.ip_addresses]
    general += [x509.RFC822Name(address) for address in names.email_addresses]
    general += [x509.UniformResourceIdentifier(uri) for uri in names.uris]
    return x509.SubjectAlternativeName(general)


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
