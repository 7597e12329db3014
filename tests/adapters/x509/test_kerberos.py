"""Kerberos principals in certificates: read and written as RFC 4556 says, with openssl's parser as judge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_pki.adapters.x509.der import element, integer, sequence
from es_pki.adapters.x509.elements import NotDER
from es_pki.adapters.x509.kerberos import GENERAL_STRING, decoded, encoded
from es_pki.commands.names import kerberos_principal_name_fault
from tests import openssl

COMPONENTS = st.from_regex(r"[!-.0-?A-\[\]-~]{1,20}", fullmatch=True)
REALMS = st.from_regex(r"[!-.0-9;-?A-\[\]-~]{1,40}", fullmatch=True)


def test_openssl_reads_what_is_written():
    told = openssl.elements_of(encoded("krbtgt/CORP.TEST@CORP.TEST"))
    primitive = [(kind, content) for kind, content in told if kind not in {"SEQUENCE", "cont [ 0 ]", "cont [ 1 ]"}]
    assert primitive == [
        ("GENERALSTRING", b"CORP.TEST"),
        ("INTEGER", b"\2"),
        ("GENERALSTRING", b"krbtgt"),
        ("GENERALSTRING", b"CORP.TEST"),
    ]


@given(components=st.lists(COMPONENTS, min_size=1, max_size=4), realm=REALMS)
def test_a_principal_is_read_as_it_was_written(components, realm):
    name = f"{'/'.join(components)}@{realm}"
    assert kerberos_principal_name_fault(name) == ""
    assert decoded(encoded(name)) == name


@given(st.binary(max_size=60))
def test_whatever_is_read_is_a_principal_or_none(der):
    try:
        name = decoded(der)
    except ValueError:
        return
    assert kerberos_principal_name_fault(name) == ""


def of(realm, *components, kind=1):
    texts = sequence(*(element(GENERAL_STRING, component) for component in components))
    name = sequence(element(0xA0, integer(kind)), element(0xA1, texts))
    return sequence(element(0xA0, element(GENERAL_STRING, realm)), element(0xA1, name))


def test_the_kind_of_a_name_is_only_a_hint():
    assert decoded(of(b"A.TEST", b"krbtgt", b"A.TEST", kind=1)) == "krbtgt/A.TEST@A.TEST"


@pytest.mark.parametrize(
    "der",
    [
        of(b"A.TEST"),
        of(b"", b"a"),
        of(b"A.TEST", b""),
        of(b"A.TEST", b"a/b"),
        of(b"A.TEST", b"a@b"),
        of(b"A.TEST", b"a\\b"),
        of(b"A/TEST", b"a"),
        of(b"A.TEST", "ä".encode()),
        of(b"A.TEST", b"a\0"),
        of(b"A.TEST", *[b"a"] * 9),
        of(b"A.TEST", b"a" * 255),
        of(b"A.TEST", b"a") + b"\0",
        of(b"A.TEST", b"a")[:-1],
    ],
)
def test_what_has_no_text_is_no_principal(der):
    with pytest.raises((NotDER, UnicodeDecodeError)):
        decoded(der)
