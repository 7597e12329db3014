"""Everything that `cryptography` tests its parser with gets an answer: an unreadable thing, or a verdict."""

from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from es_pki.adapters.validation import (
    LEGACY,
    Certificates,
    Evidence,
    Finding,
    Parsed,
    ParsedCRL,
    ParsedResponse,
    Purpose,
    Question,
    RevocationMode,
    Trust,
    Unreadable,
    validate,
)
from tests.adapters.validation.chains import authority, server
from tests.adapters.validation.test_link_rules import VECTORS

FILES = sorted(path for path in VECTORS.rglob("*") if path.suffix in {".pem", ".der"} and "requests" not in path.parts)
LEAF = server(authority("root"))


def ders(path) -> Iterator[bytes]:
    """The DER in a file, in whatever armour."""
    content = path.read_bytes()
    if path.suffix == ".der":
        yield content
        return
    for load in (x509.load_pem_x509_certificate, x509.load_pem_x509_crl):
        try:
            yield load(content).public_bytes(Encoding.DER)
        except (ValueError, x509.InvalidVersion):
            continue


def read(der):
    """What the octets are."""
    for kind in (Parsed, ParsedCRL, ParsedResponse):
        try:
            return kind(der)
        except Unreadable:
            continue
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_whatever_is_read_is_judged(path):
    for der in ders(path):
        thing = read(der)
        certificates = [thing] if isinstance(thing, Parsed) else []
        evidence = Evidence(
            [thing] if isinstance(thing, ParsedCRL) else [], [thing] if isinstance(thing, ParsedResponse) else []
        )
        target = certificates[0] if certificates else LEAF.parsed
        for anchors in ([], certificates, [LEAF.parsed]):
            trusted = Trust(Certificates(anchors), Certificates(certificates), evidence)
            question = Question(
                time=target.not_before,
                purpose=Purpose.SERVER,
                host="www.example.test",
                revocation=RevocationMode.HARD,
                algorithms=LEGACY,
            )
            verdict = validate(target, trusted, question)
            assert verdict.is_valid == (not any(finding.is_error for finding in verdict.findings))
            assert all(isinstance(finding, Finding) for finding in verdict.findings)
