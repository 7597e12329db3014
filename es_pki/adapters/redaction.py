"""What strangers say, with the secrets that they were told taken out of it."""

import re

SHORTEST_SECRET = 4
"""Characters: a shorter part of the credentials gives nothing away, and stands in every text."""

_PART = re.compile(rb"[A-Za-z0-9+/=_.~-]+")


def without(secret: bytes, text: str) -> str:
    """Return a text with dots in place of the secret and each of its parts."""
    parts = {secret.decode(errors="replace"), *(part.decode() for part in _PART.findall(secret))}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= SHORTEST_SECRET:
            text = text.replace(part, "…")
    return text
