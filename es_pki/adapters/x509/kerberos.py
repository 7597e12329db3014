"""Kerberos principals as certificates name them: an otherName, KRB5PrincipalName (RFC 4556 section 3.2.2).

As text, a principal is `component/component@REALM` (RFC 1964 section 2.1.1). One that has characters of that form (`/`,
`@`, `\\`) within a component has no such text here.
"""

from cryptography.x509.oid import ObjectIdentifier

from es_pki.adapters.x509.der import EXPLICIT_0, INTEGER, SEQUENCE, element, integer, sequence
from es_pki.adapters.x509.elements import Elements, NotDER, only
from es_pki.commands.names import kerberos_principal_name_fault

KERBEROS_PRINCIPAL_NAME = ObjectIdentifier("1.3.6.1.5.2.2")
"""id-pkinit-san."""

GENERAL_STRING = 0x1B
EXPLICIT_1 = EXPLICIT_0 + 1

_PRINCIPAL, _SERVICE = 1, 2
"""NT-PRINCIPAL and NT-SRV-INST (RFC 4120 section 6.2): a hint, which tells no principals apart."""


def encoded(name: str) -> bytes:
    """Return the DER KRB5PrincipalName of a principal."""
    principal, _, realm = name.rpartition("@")
    components = principal.split("/")
    kind = integer(_PRINCIPAL if len(components) == 1 else _SERVICE)
    texts = sequence(*map(_text, components))
    principal_name = sequence(element(EXPLICIT_0, kind), element(EXPLICIT_1, texts))
    return sequence(element(EXPLICIT_0, _text(realm)), element(EXPLICIT_1, principal_name))


def decoded(der: bytes) -> str:
    """Return the principal of a DER KRB5PrincipalName. Raises `ValueError` for what is none, or has no text."""
    fields = Elements(only(der, SEQUENCE))
    realm = only(fields.take(EXPLICIT_0).content, GENERAL_STRING)
    principal = Elements(only(fields.take(EXPLICIT_1).content, SEQUENCE))
    fields.end()
    only(principal.take(EXPLICIT_0).content, INTEGER)
    components = Elements(only(principal.take(EXPLICIT_1).content, SEQUENCE)).rest(GENERAL_STRING)
    principal.end()
    name = b"/".join(component.content for component in components) + b"@" + realm
    text = name.decode("ascii")
    if len(components) != text.count("/") + 1 or kerberos_principal_name_fault(text):
        raise NotDER("a principal that has no text")
    return text


def _text(text: str) -> bytes:
    return element(GENERAL_STRING, text.encode("ascii"))
