"""Chains of every algorithm that there is, and keys that make no other signatures than they were certified for."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from es_pki.adapters.validation import AlgorithmPolicy, Parsed, RevocationMode, validate
from es_pki.adapters.validation.signatures import cost, holds, signature_of
from tests.adapters.validation.chains import SHA256, asked, authority, crl, server, trust
from tests.adapters.validation.test_link_rules import VECTORS

KEYS = {
    "rsa": (lambda: rsa.generate_private_key(65537, 2048), SHA256),
    "p-256": (lambda: ec.generate_private_key(ec.SECP256R1()), SHA256),
    "p-384": (lambda: ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
    "p-521": (lambda: ec.generate_private_key(ec.SECP521R1()), hashes.SHA512()),
    "brainpool": (lambda: ec.generate_private_key(ec.BrainpoolP256R1()), SHA256),
    "ed25519": (ed25519.Ed25519PrivateKey.generate, None),
    "ed448": (ed448.Ed448PrivateKey.generate, None),
    "ml-dsa-44": (mldsa.MLDSA44PrivateKey.generate, None),
    "ml-dsa-65": (mldsa.MLDSA65PrivateKey.generate, None),
    "ml-dsa-87": (mldsa.MLDSA87PrivateKey.generate, None),
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_chain_and_its_crl_hold_by_every_algorithm(kind):
    make, hash_algorithm = KEYS[kind]
    root = authority("root", key=make(), hash_algorithm=hash_algorithm)
    forger = authority("root", key=make(), hash_algorithm=hash_algorithm)
    leaf = server(root, hash_algorithm=hash_algorithm)
    lists = (crl(root, hash_algorithm=hash_algorithm),)
    hard = asked(revocation=RevocationMode.HARD)
    assert validate(leaf.parsed, trust(root, crls=lists), hard).is_valid
    assert validate(leaf.parsed, trust(forger, crls=lists), asked()).rules == {"signature-is-the-issuers"}


def test_a_chain_of_rsassa_pss_holds():
    key = rsa.generate_private_key(65537, 2048)
    root = authority("root", key=key)
    builder = x509.CertificateBuilder(
        issuer_name=root.certificate.subject,
        subject_name=root.certificate.subject,
        public_key=key.public_key(),
        serial_number=5,
        not_valid_before=root.certificate.not_valid_before_utc,
        not_valid_after=root.certificate.not_valid_after_utc,
    )
    pss = builder.sign(key, SHA256, rsa_padding=padding.PSS(padding.MGF1(SHA256), padding.PSS.DIGEST_LENGTH))
    assert validate(Parsed(pss.public_bytes(Encoding.DER)), trust(root), asked()).is_valid
    plain = signature_of(root.certificate, root.certificate.tbs_certificate_bytes)
    assert holds(key.public_key(), "1.2.840.113549.1.1.1", plain)
    assert not holds(key.public_key(), "1.2.840.113549.1.1.10", plain)


def test_a_key_of_another_kind_makes_no_signature():
    one = authority("root", key=KEYS["rsa"][0]())
    signature = signature_of(one.certificate, one.certificate.tbs_certificate_bytes)
    for kind, (make, _) in KEYS.items():
        if kind != "rsa":
            assert not holds(make().public_key(), "", signature)


def test_no_signature_is_checked_by_a_key_that_could_take_for_ever():
    numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
    assert cost(rsa.RSAPublicNumbers((1 << 40) + 1, numbers.n).public_key()) == 0
    assert cost(rsa.RSAPublicNumbers(65537, (1 << 9000) + 1).public_key()) == 0
    assert cost(ec.generate_private_key(ec.BrainpoolP512R1()).public_key()) > 1
    assert cost(dsa.generate_private_key(2048).public_key()) > 1


def test_dsa_is_taken_by_trust_stores_that_say_so_alone(pkits):
    assert not AlgorithmPolicy().takes_dsa
    assert pkits.certificates["DSACACert"].public_key is not None


def test_an_algorithm_that_nobody_knows_makes_no_signature():
    der = (VECTORS / "custom" / "rsa_pss_cert_unsupported_mgf_hash.der").read_bytes()
    certificate = Parsed(der)
    assert certificate.public_key is not None
    assert not holds(certificate.public_key, certificate.key_algorithm, certificate.signature)
