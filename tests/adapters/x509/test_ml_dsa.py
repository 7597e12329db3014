"""ML-DSA in certificates (RFC 9881), judged by another implementation of it and, for the structure, by openssl."""

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_der_private_key, pkcs12

from es_pki.adapters.x509.csr import read_csr
from es_pki.adapters.x509.formats import check_fits_pkcs12, pem
from es_pki.adapters.x509.keys import generate
from es_pki.commands.refusals import RulesBroken
from es_pki.values import KeyType
from tests import ml_dsa, openssl
from tests.adapters.x509.test_encode import leaf, root, signed

ML_DSA = [key_type for key_type in KeyType if key_type.is_ml_dsa]

every_ml_dsa = pytest.mark.parametrize("key_type", ML_DSA)


@every_ml_dsa
def test_another_implementation_verifies_root_and_leaf(key_type):
    key, _, root_der = root(key_type)
    leaf_der = signed(leaf(root_der, key_type, generate(key_type)), key)
    issuer, certificate = map(x509.load_der_x509_certificate, (root_der, leaf_der))
    assert ml_dsa.is_issued_by(issuer, issuer)
    assert ml_dsa.is_issued_by(certificate, issuer)


@every_ml_dsa
def test_the_structure_is_that_of_rfc_9881(key_type):
    """Section 2: the same object identifier for key and signatures, alone in its SEQUENCE: without parameters."""
    _, _, der = root(key_type)
    lines = openssl.run("asn1parse", text=pem(der).encode()).splitlines()
    places = [number for number, line in enumerate(lines) if ml_dsa.OIDS[key_type] in line]
    assert len(places) == 3
    for place in places:
        assert re.search(r"l= *11 cons: SEQUENCE", lines[place - 1])
        assert re.search(r"l= *9 prim: OBJECT", lines[place])


@every_ml_dsa
def test_the_key_neither_enciphers_nor_agrees(key_type):
    key, _, root_der = root(KeyType.EC_P256)
    certificate = x509.load_der_x509_certificate(signed(leaf(root_der, KeyType.EC_P256, generate(key_type)), key))
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    told = (usage.digital_signature, usage.key_encipherment, usage.data_encipherment, usage.key_agreement)
    assert told == (True, False, False, False)


@every_ml_dsa
def test_a_private_key_is_kept_as_its_seed(key_type):
    """RFC 9881 section 6: the seed of 32 octets, tagged [0] in PKCS#8."""
    pkcs8 = generate(key_type).pkcs8
    assert pkcs8[-34:-32] == b"\x80\x20"
    assert load_der_private_key(pkcs8, None).private_bytes_raw() == pkcs8[-32:]


@every_ml_dsa
def test_a_csr_is_read(key_type):
    request = read_csr(ml_dsa.new_csr(key_type, "www.example.test"))
    assert request.public_key.key_type is key_type
    assert request.subject_alt_names.dns_names == ("www.example.test",)


@every_ml_dsa
def test_pkcs12_is_refused_because_it_can_not_be_written(key_type):
    with pytest.raises(RulesBroken, match="take PEM") as caught:
        check_fits_pkcs12(key_type, "format")
    assert caught.value.violations[0].field == "format"
    private = load_der_private_key(generate(key_type).pkcs8, None)
    with pytest.raises(TypeError):
        pkcs12.serialize_key_and_certificates(None, private, None, None, BestAvailableEncryption(b"a passphrase"))


def test_other_keys_fit_into_pkcs12():
    for key_type in KeyType:
        if key_type not in ML_DSA:
            check_fits_pkcs12(key_type, "format")
