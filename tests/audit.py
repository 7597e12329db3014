"""Evidence of what came out of es-pki, and the search for secrets in it."""

import base64
from collections.abc import Iterator

ENCODINGS = (base64.b64encode, base64.urlsafe_b64encode)


class Evidence:
    """Everything that came out of es-pki, by where."""

    def __init__(self) -> None:
        self._pieces: dict[str, set[bytes]] = {}

    def add(self, where: str, *contents: bytes) -> None:
        """Keep what was seen there."""
        self._pieces.setdefault(where, set()).update(contents)

    def sealed(self) -> dict[str, bytes]:
        """Return all that was seen, one text for each place."""
        return {where: b"\0".join(pieces) for where, pieces in self._pieces.items()}


def places_of(secret: bytes, evidence: dict[str, bytes]) -> set[str]:
    """Return where a secret stands in any of its forms."""
    forms = set(forms_of(secret))
    return {where for where, content in evidence.items() if any(form in content for form in forms)}


def forms_of(secret: bytes) -> Iterator[bytes]:
    """Yield the ways in which a secret may be written: raw, hex, and base64 wherever it begins in what is encoded.

    PEM is base64 in lines of 64: of a long secret the first 24 octets are looked for, which some line holds whole.
    """
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for offset in range(3):
        for encode in ENCODINGS:
            yield _whole_digits(encode(b"\0" * offset + secret), offset, len(secret))


def _whole_digits(encoded: bytes, offset: int, size: int) -> bytes:
    """Return the base64 digits that only the secret decides, not what stands before and behind it."""
    first = (offset * 8 + 5) // 6
    return encoded[first : (offset + size) * 8 // 6]


def in_lines(secret: bytes) -> Iterator[bytes]:
    """Yield pieces of a secret so short that one of them stands in a single line of PEM wherever the lines break."""
    for start in range(0, len(secret) - 11, 6):
        yield secret[start : start + 12]
