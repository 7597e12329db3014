"""Every rule of certificates and trust anchors: a path that breaks this rule, and no other, is refused for it."""

import ipaddress
import re
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec.structs import replace

from es_pki.adapters.validation import Certificates, Parsed, Policies, Purpose, validate
from es_pki.adapters.validation.budget import Budget
from es_pki.adapters.validation.every_rule import ALL
from es_pki.adapters.validation.findings import broken
from es_pki.adapters.validation.link import ADVICE, AUTHORITY, CHEAP, SIGNATURE, Link
from es_pki.adapters.validation.target import TARGET, TARGET_ADVICE
from es_pki.adapters.validation.walk import ANCHOR, ISSUING_ANCHOR, start
from es_pki.adapters.x509.der import SEQUENCE, content, sequence
from tests import openssl
from tests.adapters.validation.chains import (
    DAY,
    Made,
    asked,
    authority,
    key_of,
    made,
    server,
    trust,
    unknown,
    usage,
)
from tests.builders import NOW

CSR = openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=www.example.test", "DNS:www.example.test")
VECTORS = Path(cryptography_vectors.__file__).parent / "x509"
ROOT = authority("root")
INTERMEDIATE = authority("intermediate", ROOT)
SERVER = asked(purpose=Purpose.SERVER, host="www.example.test")
CLIENT_AUTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


def judged(leaf, *pool, anchor=ROOT, question=SERVER):
    target = leaf.parsed if isinstance(leaf, Made) else leaf
    above = trust(anchor, pool=[each for each in pool if isinstance(each, Made)])
    read = [each for each in pool if isinstance(each, Parsed)]
    return validate(target, replace(above, pool=Certificates(read)) if read else above, question)


def patched(leaf, old, new):
    """The same certificate with some octets changed, which its signature doesn't survive."""
    assert old in leaf.der
    head, _, tail = leaf.der.rpartition(old)
    return Parsed(head + new + tail)


def of_version_1(leaf):
    """The same certificate without its version, which its signature doesn't survive."""
    start, end = content(leaf.der, content(leaf.der, 0, SEQUENCE)[0], SEQUENCE)
    return Parsed(sequence(sequence(leaf.der[start:end].removeprefix(bytes.fromhex("a003020102"))), leaf.der[end:]))


def with_an_extension_twice():
    first, second = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), x509.ObjectIdentifier("1.3.6.1.4.1.99999.2")
    both = [(x509.UnrecognizedExtension(each, b"\x05\x00"), False) for each in (first, second)]
    return patched(server(ROOT, *both), bytes.fromhex("86 8d1f02"), bytes.fromhex("868d1f01"))


def signed_with_sha_1():
    """A certificate by openssl: `cryptography` signs nothing with SHA-1 any more."""
    chain = x509.load_pem_x509_certificates(openssl.signed_elsewhere(CSR, "-sha1").encode())
    leaf, above = (Made(each, None) for each in chain)
    return validate(leaf.parsed, trust(above), asked(time=leaf.certificate.not_valid_before_utc))


UNREADABLE = server(ROOT, (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), b"\x30\x00"), False))
MAPPING_ANY = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("2.5.29.33"), bytes.fromhex("3010300e0604551d20000606") + bytes.fromhex("2b0601040105")
)
CONSTRAINTS = x509.NameConstraints([x509.DNSName("example.org")], None)
OTHER = authority("other root")


def policies(*dotted):
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(each), None) for each in dotted])


CASES = {
    "certificate-is-readable": lambda: judged(UNREADABLE, question=asked()),
    "validity-has-begun": lambda: judged(server(ROOT, begins=NOW + DAY)),
    "validity-has-not-ended": lambda: judged(server(ROOT, ends=NOW - DAY / 2)),
    "critical-extensions-are-known": lambda: judged(server(ROOT, (unknown(), True))),
    "key-is-strong": lambda: judged(server(ROOT, key=ec.generate_private_key(ec.SECP192R1()))),
    "signature-is-strong": signed_with_sha_1,
    "signature-is-the-issuers": lambda: judged(server(ROOT, signing_key=key_of("somebody"))),
    "names-are-within-constraints": lambda: judged(server(c := authority("constrained", ROOT, (CONSTRAINTS, True))), c),
    "policy-is-valid": lambda: judged(server(ROOT), question=asked(policies=Policies(explicit=True))),
    "policy-is-acceptable": lambda: judged(
        server(ROOT, (policies("1.3.6.1.4.1.99999.7"), False)),
        question=asked(policies=Policies(acceptable=frozenset({"1.3.6.1.4.1.99999.8"}), explicit=True)),
    ),
    "issuer-is-an-authority": lambda: judged(
        server(c := made("no ca", ROOT, (x509.BasicConstraints(ca=False, path_length=None), True))), c
    ),
    "path-is-short-enough": lambda: judged(server(INTERMEDIATE), INTERMEDIATE, anchor=authority("root", path_length=0)),
    "key-may-sign-certificates": lambda: judged(
        server(c := authority("crl signer", ROOT, key_usage=usage("crl_sign"))), c
    ),
    "any-policy-is-not-mapped": lambda: judged(server(c := authority("mapper", ROOT, (MAPPING_ANY, True))), c),
    "authority-serves-purpose": lambda: judged(server(c := authority("clients", ROOT, (CLIENT_AUTH, False))), c),
    "certificate-serves-purpose": lambda: judged(server(ROOT), question=asked(purpose=Purpose.CODE_SIGNING)),
    "key-usage-serves-purpose": lambda: judged(
        made("www", ROOT, (usage("key_encipherment"), True)), question=asked(purpose=Purpose.CLIENT)
    ),
    "host-is-named": lambda: judged(server(ROOT), question=asked(host="other.example.test")),
    "address-is-named": lambda: judged(server(ROOT), question=asked(ip=ipaddress.ip_address("192.0.2.1"))),
    "mailbox-is-named": lambda: judged(server(ROOT), question=asked(mailbox="a@example.test")),
    "anchor-holds-still": lambda: judged(server(ROOT), anchor=authority("root", ends=NOW - DAY / 2)),
    "anchor-key-is-strong": lambda: judged(
        server(w := authority("weak", key=ec.generate_private_key(ec.SECP192R1()))), anchor=w
    ),
    "anchor-is-an-authority": lambda: judged(
        server(ROOT), anchor=made("root", None, (x509.BasicConstraints(ca=False, path_length=None), True))
    ),
    "path-reaches-a-trust-anchor": lambda: judged(server(ROOT), ROOT, anchor=OTHER),
}
PATCHED = {
    "certificate-is-readable": lambda: judged(with_an_extension_twice(), question=asked()),
    "version-fits-extensions": lambda: judged(of_version_1(server(ROOT))),
    "issuer-is-of-version-3": lambda: judged(server(INTERMEDIATE), of_version_1(INTERMEDIATE)),
    "algorithms-agree": lambda: judged(
        patched(server(ROOT), bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040303"))
    ),
}
"""Paths whose certificate was changed afterwards, so that its signature breaks too."""

DIRECT = {
    "names-chain",
    "key-is-readable",
    "serial-number-is-positive",
    "names-stand-in-alt-names",
    "anchor-is-readable",
}
"""Rules that no path from `validate` breaks alone: they are asked directly."""


@pytest.mark.parametrize("rule", CASES)
def test_a_path_is_refused_for_the_one_rule_that_it_breaks(rule):
    verdict = CASES[rule]()
    assert verdict.rules == {rule}, verdict.findings


CERTAIN = {"path-reaches-a-trust-anchor", "certificate-is-readable"}
"""Without these there is nothing to be valid."""


def silenced(monkeypatch, name, every):
    """Have a rule look at nothing, wherever it is asked."""
    for rule in every:
        if rule.name == name:
            monkeypatch.setattr(rule, "check", lambda _: None)


@pytest.mark.parametrize("rule", [each for each in CASES if each not in CERTAIN])
def test_without_the_rule_the_same_path_would_be_valid(monkeypatch, rule):
    silenced(monkeypatch, rule, ALL)
    assert CASES[rule]().is_valid


def test_the_same_path_without_a_fault_is_valid():
    verdict = judged(server(INTERMEDIATE), INTERMEDIATE)
    assert verdict.is_valid, verdict.findings
    assert [each.text for each in verdict.path] == ["CN=www", "CN=intermediate", "CN=root"]
    assert verdict.findings == ()


@pytest.mark.parametrize("rule", PATCHED)
def test_a_changed_certificate_is_refused_for_what_was_changed(rule):
    verdict = PATCHED[rule]()
    assert rule in verdict.rules
    assert verdict.rules - {rule} <= {"signature-is-the-issuers", "version-fits-extensions"}


def test_every_rule_is_broken_by_a_case():
    every = (*CHEAP, *AUTHORITY, *SIGNATURE, *ADVICE, *TARGET, *TARGET_ADVICE, *ANCHOR, *ISSUING_ANCHOR)
    assert {rule.name for rule in every} <= {*CASES, *PATCHED, *DIRECT}


def link(certificate, issuer=ROOT, **changes):
    above = start(issuer.parsed, SERVER)
    return Link(certificate, issuer.parsed, above.key, (), above.policies, 10, True, SERVER, Budget(checked={}))


def broken_by(certificate, *rules):
    return {rule.name for rule, _ in broken(rules, link(certificate))}


def test_a_certificate_of_another_issuer_chains_by_name_no_more():
    assert "names-chain" in broken_by(server(OTHER).parsed, *CHEAP)


def test_a_key_of_an_unknown_kind_is_no_key():
    pem = (VECTORS / "custom" / "unsupported_subject_public_key_info.pem").read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    assert {"key-is-readable"} <= broken_by(Parsed(der), *CHEAP)


def test_a_serial_number_of_zero_is_worth_a_warning(pkits):
    negative = pkits.certificates["InvalidNegativeSerialNumberTest15EE"]
    assert broken_by(negative, *ADVICE) == {"serial-number-is-positive"}


def test_a_server_without_alternative_names_is_worth_a_warning():
    verdict = judged(made("www", ROOT), question=asked(purpose=Purpose.SERVER))
    assert verdict.is_valid
    assert [each.rule for each in verdict.findings] == ["names-stand-in-alt-names"]


def test_a_trust_anchor_with_an_unreadable_extension_is_not_trusted():
    bad = authority("root", None, (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), b"\x30\x00"), False))
    assert "anchor-is-readable" in judged(server(ROOT), anchor=bad).rules


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_every_rule_names_its_source_and_says_what_to_do(rule):
    assert re.match(r"(RFC \d+|NIST SP \d+-\d+)", rule.source), rule.source
    assert rule.requirement.endswith(".")
    assert rule.remedy.endswith(".")
    assert rule.remedy != rule.requirement
