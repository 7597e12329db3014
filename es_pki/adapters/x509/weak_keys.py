"""Public keys that protect nothing: one small function per weakness, with its source. Every door asks `weaknesses`.

All of it is arithmetic on numbers of at most `LARGEST_RSA` bits, in bounded time: less than a millisecond a key.
Debian's weak keys of 2008 (CVE-2008-0166) aren't known here: no package brings the list (docs/adr/0013).
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from math import gcd, isqrt, prod
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

CERTIFIED_RSA = (2048, 3072, 4096)
SMALLEST_RSA = 2048
LARGEST_RSA = 8192
"""Bits of a modulus: those that es-pki certifies, and the bounds of those that it keeps for others."""

EXPONENT = 65_537
SMALLEST_FIELD = 224
FERMAT_ROUNDS = 100


class Purpose(StrEnum):
    """What a key is judged for: `certify`, a certificate is to be made for it; `keep`, it was certified elsewhere."""

    CERTIFY = "certify"
    KEEP = "keep"


class Weakness(NamedTuple):
    """The rule that a key breaks, with its source, and what is wrong with it."""

    rule: str
    detail: str


class RSA(NamedTuple):
    """The numbers of an RSA public key, and what it is judged for."""

    modulus: int
    exponent: int
    purpose: Purpose


def weaknesses(public: PublicKeyTypes, purpose: Purpose) -> Iterator[Weakness]:
    """Yield what is wrong with a public key."""
    match public:
        case rsa.RSAPublicKey():
            numbers = public.public_numbers()
            yield from rsa_weaknesses(RSA(numbers.n, numbers.e, purpose))
        case ec.EllipticCurvePublicKey() if public.key_size < SMALLEST_FIELD:
            yield Weakness("NIST SP 800-57 part 1 table 2", f"a curve has {SMALLEST_FIELD} bits or more")
        case dsa.DSAPublicKey() if public.key_size < SMALLEST_RSA:
            yield Weakness("NIST SP 800-57 part 1 table 2", f"a DSA key has {SMALLEST_RSA} bits or more")
        case _:
            pass


def rsa_weaknesses(key: RSA) -> Iterator[Weakness]:
    """Yield what is wrong with an RSA key; one that is too large is asked for nothing but its size."""
    for rule in RSA_RULES:
        yield from rule(key)
        if key.modulus.bit_length() > LARGEST_RSA:
            return


def size_is_usual(key: RSA) -> Iterator[Weakness]:
    """NIST SP 800-57 part 1 table 2: under 2048 bits is under 112 bits of strength. Odd sizes betray odd programs."""
    bits = key.modulus.bit_length()
    if key.purpose is Purpose.CERTIFY and bits not in CERTIFIED_RSA:
        yield Weakness("NIST SP 800-57 part 1 table 2", f"an RSA key has 2048, 3072 or 4096 bits, not {bits}")
    elif not SMALLEST_RSA <= bits <= LARGEST_RSA or bits % 8:
        wanted = f"an RSA key has {SMALLEST_RSA} to {LARGEST_RSA} bits, whole octets, not {bits}"
        yield Weakness("NIST SP 800-57 part 1 table 2", wanted)


def exponent_is_usual(key: RSA) -> Iterator[Weakness]:
    """FIPS 186-5 section 5.1: odd, above 2^16 and below 2^256. What is certified here has the one that all use."""
    if key.purpose is Purpose.CERTIFY and key.exponent != EXPONENT:
        yield Weakness("FIPS 186-5 section 5.1", f"an RSA key's public exponent is {EXPONENT}")
    elif not 1 << 16 < key.exponent < 1 << 256 or key.exponent % 2 == 0:
        yield Weakness("FIPS 186-5 section 5.1", "an RSA key's public exponent is odd, from 65537 to below 2^256")


def modulus_has_no_small_factor(key: RSA) -> Iterator[Weakness]:
    """CA/Browser Forum Baseline Requirements section 6.1.6: odd, and no factor smaller than 752."""
    if gcd(key.modulus, _SMALL_PRIMES) != 1:
        rule = "CA/Browser Forum Baseline Requirements section 6.1.6"
        yield Weakness(rule, "the RSA modulus has a factor below 752: anybody can compute the private key")


def modulus_is_not_of_roca(key: RSA) -> Iterator[Weakness]:
    """CVE-2017-15361; Nemec and others, "The Return of Coppersmith's Attack" (CCS 2017), section 2.

    The flawed generator's primes are k * M + (65537^a mod M), M the product of at least the first 39 primes, 2 to 167.
    So their product is a power of 65537 modulo these; of other moduli one in 2^154 is.
    """
    if is_power_of_65537(key.modulus):
        yield Weakness("CVE-2017-15361", "the RSA key was made by a flawed generator (ROCA) and can be factorized")


def factors_are_far_apart(key: RSA) -> Iterator[Weakness]:
    """CA/Browser Forum Baseline Requirements section 6.1.1.3, CVE-2022-26320: 100 rounds of Fermat find no factor."""
    if has_close_factors(key.modulus):
        rule = "CA/Browser Forum Baseline Requirements section 6.1.1.3"
        yield Weakness(rule, "the RSA modulus is the product of close primes: Fermat's method factorizes it")


RSA_RULES: tuple[Callable[[RSA], Iterator[Weakness]], ...] = (
    size_is_usual,
    exponent_is_usual,
    modulus_has_no_small_factor,
    modulus_is_not_of_roca,
    factors_are_far_apart,
)


def is_power_of_65537(modulus: int) -> bool:
    """Tell whether a number is a power of 65537 modulo the product of the primes 3 to 167.

    It is one modulo each prime, with exponents that one exponent satisfies: Chinese remainders, of periods that
    share divisors.
    """
    exponent, period = 0, 1
    for prime, logarithms in _LOGARITHMS:
        logarithm = logarithms.get(modulus % prime)
        if logarithm is None:
            return False
        shared = gcd(period, len(logarithms))
        if (logarithm - exponent) % shared:
            return False
        own = len(logarithms) // shared
        exponent += period * ((logarithm - exponent) // shared * pow(period // shared, -1, own) % own)
        period *= own
    return True


def has_close_factors(modulus: int) -> bool:
    """Tell whether Fermat's method writes a number as a difference of squares within `FERMAT_ROUNDS`."""
    middle = isqrt(modulus - 1) + 1
    square = middle * middle - modulus
    for _ in range(FERMAT_ROUNDS):
        if square % _FILTER in _SQUARES and isqrt(square) ** 2 == square:
            return True
        square += 2 * middle + 1
        middle += 1
    return False


def _primes(below: int) -> list[int]:
    return [n for n in range(2, below) if all(n % divisor for divisor in range(2, isqrt(n) + 1))]


def _logarithms(prime: int) -> dict[int, int]:
    """Return the exponent of each power of 65537 modulo a prime."""
    found: dict[int, int] = {}
    power = 1
    while power not in found:
        found[power] = len(found)
        power = power * EXPONENT % prime
    return found


_SMALL_PRIMES = prod(_primes(752))
_LOGARITHMS = [(prime, _logarithms(prime)) for prime in _primes(168)[1:]]
_FILTER = 63 * 65 * 11
_SQUARES = frozenset(n * n % _FILTER for n in range(_FILTER))
"""Most numbers are seen to be no squares by their remainders; the root of a large one takes much longer."""
