"""How much work it takes to try a passphrase, read from an encrypted key or file before anybody tries.

The numbers are the sender's: a billion rounds would keep a processor busy for minutes. Whatever stands in DER that
names a key derivation is found wherever it is; what is encrypted itself is left to the worker's deadline.
Sources: RFC 8018 appendix A, RFC 7914 section 7, RFC 7292 section 4 and appendix C, RFC 9579.
"""

from collections.abc import Iterator

from es_pki.adapters.x509.der import INTEGER, OCTET_STRING, SEQUENCE, object_identifier
from es_pki.adapters.x509.reading.ber import DEEPEST, Element, head
from es_pki.commands.refusals import RulesBroken
from es_pki.decider import Violation

MOST_ROUNDS = 10_000_000
"""Of a whole file: OWASP advises 600,000, and a PKCS#12 file has about three derivations. Five seconds or so."""

LARGEST_SCRYPT_BLOCKS = 1 << 19
"""N times r: each takes 128 octets of memory, so 64 MiB."""

MOST_SCRYPT_WORK = 1 << 22
"""N times r times p: three seconds or so."""

MOST_ELEMENTS = 200_000

_PBKDF2 = object_identifier("1.2.840.113549.1.5.12")
_SCRYPT = object_identifier("1.3.6.1.4.1.11591.4.11")
_SIMPLE = (object_identifier("1.2.840.113549.1.5")[2:], object_identifier("1.2.840.113549.1.12.1")[2:])
"""How the identifiers of PBES1 and of PKCS#12's own schemes begin: their parameters are a salt and rounds."""


def check_work(der: bytes, field: str) -> None:
    """Raise `RulesBroken`, naming the field, for more rounds than anything sound has; `ValueError` for no DER."""
    rounds = 0
    for node in _Nodes(der).sequences():
        count, work = _cost(der, node)
        rounds += count
        if rounds > MOST_ROUNDS or work > MOST_SCRYPT_WORK:
            detail = (
                f"at most {MOST_ROUNDS:,} rounds of key derivation, or 64 MiB of scrypt: encrypt it anew with fewer"
            )
            raise RulesBroken(detail, Violation(field, "key derivation is bounded", detail))


def _cost(der: bytes, node: list[Element]) -> tuple[int, int]:
    """Return the rounds and the scrypt work that a SEQUENCE asks for, by its elements."""
    match node:
        case [Element(tag=0x06) as identifier, Element(tag=0x30) as parameters]:
            return _of_algorithm(der, identifier, parameters)
        case [Element(tag=0x30), Element(tag=0x04), Element(tag=0x02) as rounds]:  # MacData, or much alike
            return _number(der, rounds), 0
        case _:
            return 0, 0


def _of_algorithm(der: bytes, identifier: Element, parameters: Element) -> tuple[int, int]:
    name = der[identifier.begin : identifier.end]
    numbers = [_number(der, each) for each in _children(der, parameters) if each.tag == INTEGER]
    if name == _SCRYPT[2:] and len(numbers) >= 3:
        cost, blocks, parallel = numbers[:3]
        too_large = cost * blocks > LARGEST_SCRYPT_BLOCKS
        return 0, MOST_SCRYPT_WORK + 1 if too_large else cost * blocks * parallel
    if numbers and (name == _PBKDF2[2:] or name.startswith(_SIMPLE)):
        return numbers[0], 0
    return 0, 0


def _number(der: bytes, integer: Element) -> int:
    return int.from_bytes(der[integer.begin : integer.end][:16], "big")


def _children(der: bytes, parent: Element) -> list[Element]:
    found, position = [], parent.begin
    while position < (parent.end or 0):
        each = head(der, position)
        if each.end is None or each.end > (parent.end or 0):
            raise ValueError("no DER")
        found.append(each)
        position = each.end
    return found


class _Nodes:
    """The elements of a DER text, each looked at once, a bounded number of them."""

    def __init__(self, der: bytes) -> None:
        self._der = der
        self._left = MOST_ELEMENTS

    def sequences(self) -> Iterator[list[Element]]:
        """Yield the children of every SEQUENCE, also of those within octet strings."""
        yield from self._below(head(self._der, 0), 0)

    def _below(self, node: Element, depth: int) -> Iterator[list[Element]]:
        if depth > DEEPEST:
            raise ValueError("too deep")
        children = _children(self._der, node)
        self._left -= len(children)
        if self._left < 0:
            raise ValueError("too many elements")
        if node.tag == SEQUENCE:
            yield children
        for child in children:
            if child.tag & 0x20:
                yield from self._below(child, depth + 1)
            elif child.tag == OCTET_STRING and self._is_whole_sequence(child):
                yield from self._below(head(self._der, child.begin), depth + 1)

    def _is_whole_sequence(self, octets: Element) -> bool:
        """Tell whether DER stands within: ciphertext is very unlikely to look like that, and then is none."""
        try:
            inner = head(self._der, octets.begin)
            return inner.tag == SEQUENCE and inner.end == octets.end and bool(_children(self._der, inner))
        except ValueError:
            return False
