"""Reading what openssl and certtool wrote, in every form, and what is not well."""

import base64

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key

from es_pki.adapters.x509.keys import spki_of
from es_pki.adapters.x509.reading.opening import Sent, open_one
from es_pki.decider import Refused
from es_pki.values import (
    KeyAlgorithm,
    SubjectAltNames,
)
from es_pki.values.foreign import ForeignAttribute, KeyKind
from tests import openssl
from tests.adapters.x509.reading.made import PASSPHRASE, der_of

AES = ("-aes256", "-passout", f"pass:{PASSPHRASE}")

KEYS = {
    "PKCS#8": lambda made: made.read("leaf.key"),
    "PKCS#8 in DER": lambda made: made.converted("pkey", "-outform", "DER"),
    "SEC1": lambda made: made.converted("ec"),
    "SEC1 with a passphrase": lambda made: made.converted("ec", *AES),
    "SEC1 in DER": lambda made: made.converted("ec", "-outform", "DER"),
    "PKCS#8 with a passphrase": lambda made: made.converted("pkey", *AES),
    "PKCS#8 with 3DES": lambda made: made.converted("pkcs8", "-topk8", "-v2", "des3", *AES[1:]),
    "PKCS#8 with PKCS#12's own scheme": lambda made: made.converted(
        "pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", *AES[1:]
    ),
    "PKCS#8 with scrypt in DER": lambda made: made.converted("pkcs8", "-topk8", "-scrypt", "-outform", "DER", *AES[1:]),
}

FILES = {
    "PKCS#12": lambda made: made.pkcs12(),
    "PKCS#12 with RC2 and 3DES": lambda made: made.pkcs12("-legacy"),
    "PKCS#12 with 3DES": lambda made: made.pkcs12("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES"),
    "PKCS#12 without encryption": lambda made: made.pkcs12("-keypbe", "NONE", "-certpbe", "NONE"),
    "PEM of all": lambda made: b"".join(map(made.read, ("root.pem", "leaf.key", "intermediate.pem", "leaf.pem"))),
}

CHAINS = {
    "PKCS#7 in DER": lambda made: made.pkcs7("-outform", "DER"),
    "PKCS#7": lambda made: made.pkcs7(),
    "PEM in disorder": lambda made: b"".join(map(made.read, ("root.pem", "leaf.pem", "intermediate.pem"))),
    "PEM with text around it": lambda made: (
        "Grüße\r\n".encode() + made.read("leaf.pem").replace(b"\n", b"\r\n") + b"so\n"
    ),
}


def private_of(opened):
    return load_der_private_key(opened.private_key, None)


def refused(*sent, **more):
    """Return the refusal's name and the fields that it names."""
    with pytest.raises(Refused) as caught:
        open_one(Sent(*sent, **more))
    return type(caught.value).__name__, {violation.field for violation in caught.value.violations}


@pytest.mark.parametrize("form", KEYS)
def test_a_private_key_comes_in_every_form(made, form):
    opened = open_one(Sent(made.read("leaf.pem"), KEYS[form](made), PASSPHRASE))
    assert spki_of(private_of(opened).public_key()) == opened.facts.public_key


@pytest.mark.parametrize("form", FILES)
def test_a_file_holds_certificate_key_and_chain(made, form):
    opened = open_one(Sent(FILES[form](made), None, PASSPHRASE))
    assert opened.facts.certificate == der_of(made.read("leaf.pem"))
    assert opened.chain == (der_of(made.read("intermediate.pem")), der_of(made.read("root.pem")))
    assert spki_of(private_of(opened).public_key()) == opened.facts.public_key


def test_certtool_writes_pkcs12_too(made):
    opened = open_one(Sent(made.pkcs12_of_gnutls(), None, PASSPHRASE))
    assert opened.facts.certificate == der_of(made.read("leaf.pem"))
    assert opened.private_key is not None


def test_a_pkcs12_file_may_have_an_empty_passphrase(made):
    assert open_one(Sent(made.pkcs12(passphrase=""))).private_key is not None


@pytest.mark.parametrize("form", CHAINS)
def test_a_chain_is_ordered_from_the_one_that_issued_none_of_the_others(made, form):
    opened = open_one(Sent(CHAINS[form](made)))
    assert opened.facts.certificate == der_of(made.read("leaf.pem"))
    assert opened.private_key is None
    assert opened.chain == ((der_of(made.read("intermediate.pem")), der_of(made.read("root.pem")))[: len(opened.chain)])


@pytest.mark.parametrize("encode", [bytes, base64.b64encode, base64.encodebytes])
def test_der_comes_as_it_is_or_in_base64(made, encode):
    content = encode(der_of(made.read("leaf.pem")))
    assert open_one(Sent(content)).facts.certificate == der_of(made.read("leaf.pem"))


def test_the_facts_are_typed(made):
    facts = open_one(Sent(made.read("leaf.pem"))).facts
    assert facts.subject == (
        ForeignAttribute("organization", "Elsewhere"),
        ForeignAttribute("common_name", "www.example.test"),
    )
    assert facts.issuer == (ForeignAttribute("common_name", "Elsewhere Intermediate"),)
    assert facts.subject_alt_names == SubjectAltNames(("www.example.test",), ("2001:db8::1",))
    assert facts.key == KeyKind("ec-p256", KeyAlgorithm.EC, 128)
    assert (facts.is_authority, facts.is_self_signed, facts.purposes) == (False, False, None)
    root = open_one(Sent(made.read("root.pem"))).facts
    assert (root.is_authority, root.is_self_signed, root.path_length) == (True, True, None)


@pytest.mark.parametrize(
    ("kind", "strength"), [("ed448", 224), ("ec-secp256k1", 128), ("ed25519", 128), ("rsa-2048", 112)]
)
def test_keys_are_taken_that_are_never_made_here(made, kind, strength):
    key = made.key(kind, kind)
    certificate = made.certificate(kind, kind, "/CN=x", "CA:FALSE")
    opened = open_one(Sent(certificate, key))
    assert (opened.facts.key.name, opened.facts.key.security_bits) == (kind, strength)
    assert spki_of(private_of(opened).public_key()) == opened.facts.public_key


def test_another_key_is_refused(made):
    assert refused(made.read("leaf.pem"), made.read("root.key")) == ("PrivateKeyMismatched", {"private_key"})


def test_two_keys_are_refused(made):
    both = made.read("leaf.key") + made.read("root.key")
    assert refused(made.read("leaf.pem"), both) == ("Malformed", {"private_key"})


@pytest.mark.parametrize("passphrase", [None, "wrong", "", "\0", "ü" * 5000])
@pytest.mark.parametrize("form", [form for form in KEYS if "pass" in form])
def test_a_wrong_passphrase_of_a_key_is_named(made, form, passphrase):
    assert refused(made.read("leaf.pem"), KEYS[form](made), passphrase) == ("PassphraseWrong", {"passphrase"})


@pytest.mark.parametrize("passphrase", [None, "wrong", "\0"])
def test_a_wrong_passphrase_of_a_file_is_named(made, passphrase):
    assert refused(made.pkcs12(), None, passphrase) == ("PassphraseWrong", {"passphrase"})


def test_which_certificate_is_meant_must_be_clear(made):
    made.key("other", "ec-p256")
    other = made.certificate("other", "intermediate", "/CN=other.example.test", "CA:FALSE")
    assert refused(made.read("leaf.pem") + other) == ("LeafUnclear", {"certificate"})
    opened = open_one(Sent(made.read("leaf.pem") + other + made.read("intermediate.pem"), made.read("leaf.key")))
    assert opened.facts.certificate == der_of(made.read("leaf.pem"))
    assert (len(opened.chain), opened.left_out) == (1, 1)


def test_a_loop_has_no_certificate_that_is_meant(made):
    """Each of two authorities certified the other."""
    cross = made.folder / "cross.pem"
    by = ("-CA", made.path("intermediate.pem"), "-CAkey", made.path("intermediate.key"))
    request = ("req", "-new", "-x509", "-key", made.path("root.key"), "-subj", "/CN=Elsewhere Root", *by)
    openssl.run(*request, "-addext", "basicConstraints=critical,CA:TRUE", "-out", str(cross))
    assert refused(cross.read_bytes() + made.read("intermediate.pem")) == ("LeafUnclear", {"certificate"})


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"text", b"-----BEGIN CERTIFICATE-----", b"MIIB", b"\x30\x80", b"0" * 300_000]
)
def test_what_is_nothing_of_that_is_refused(content):
    assert refused(content) == ("Malformed", {"certificate"})


def test_a_key_alone_is_no_certificate(made):
    assert refused(made.read("leaf.key")) == ("Malformed", {"certificate"})


def test_nothing_shows_a_key(made):
    opened = open_one(Sent(made.read("leaf.pem"), made.read("leaf.key"), PASSPHRASE))
    assert repr(opened).isascii()
    assert len(repr(opened)) < 80
    assert repr(Sent(b"a secret", b"a secret", "a secret")) == "Sent()"
