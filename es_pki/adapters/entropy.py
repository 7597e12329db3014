"""The one place where es-pki draws random numbers and ids."""

import secrets
import string
from datetime import datetime
from uuid import UUID, uuid5

from es_pki.adapters.recorded import microseconds_of

_CHAP_CHARACTERS = string.ascii_letters + string.digits + "-_"

_IDEMPOTENCY = UUID("6a0c2f0e-9d4b-5b0e-8a53-3f1f6b0d5c7e")


def serial_number() -> int:
    """Return a certificate's serial number: 159 random bits, positive (RFC 5280 section 4.1.2.2)."""
    return secrets.randbits(159) or 1


def token() -> str:
    """Return a bearer token with 256 random bits; its prefix lets scanners of leaked secrets know it."""
    return "espki_" + secrets.token_urlsafe(32)


def chap_secret(length: int) -> str:
    """Return a CHAP secret: characters that every initiator takes, each of 6 random bits."""
    return "".join(secrets.choice(_CHAP_CHARACTERS) for _ in range(length))


def random_part() -> str:
    """Return 64 random bits in hex, for a name that nobody else has drawn."""
    return secrets.token_hex(8)


def uuid7(time: datetime) -> str:
    """Return a UUID that sorts by time (RFC 9562 section 5.7), with 74 random bits."""
    milliseconds = microseconds_of(time) // 1000
    drawn = secrets.randbits(74)
    number = milliseconds << 80 | 0x7 << 76 | drawn >> 62 << 64 | 0b10 << 62 | drawn & (1 << 62) - 1
    return str(UUID(int=number))


def derived_uuid(key: str, principal: str) -> str:
    """Return the id that an Idempotency-Key of a principal stands for (RFC 9562 section 5.5)."""
    return str(uuid5(_IDEMPOTENCY, f"{len(principal)}:{principal}:{key}"))


def fraction() -> float:
    """Return a number from 0 to 1 (never 1): for delays that spread."""
    return secrets.randbelow(1 << 32) / (1 << 32)
