"""Weak keys, real ones: each is refused with its rule wherever a public key comes in, in bounded time."""

import base64
import time
from math import gcd, isqrt, prod

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from es_pki.adapters.x509 import weak_keys
from es_pki.adapters.x509.csr import read_csr
from es_pki.adapters.x509.keys import judged, public_key, refuse_weak, spki_of
from es_pki.adapters.x509.weak_keys import RSA, Purpose, rsa_weaknesses, weaknesses
from es_pki.commands.refusals import Malformed, RulesBroken
from tests import openssl

GOOD = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
SMALL = prod(n for n in range(2, 5000) if all(n % d for d in range(2, isqrt(n) + 1)))
PRIMES = [n for n in range(2, 168) if all(n % d for d in range(2, isqrt(n) + 1))]
BASELINE = "CA/Browser Forum Baseline Requirements section"


def is_prime(number):
    """Tell it by Fermat's little theorem: what these tests make is prime or it isn't, nobody fools them."""
    return gcd(number, SMALL) == 1 and pow(2, number - 1, number) == 1


def prime_from(start):
    return next(n for n in range(start | 1, start + 100_000, 2) if is_prime(n))


def rules(modulus, exponent=65537, purpose=Purpose.CERTIFY):
    return [weakness.rule for weakness in rsa_weaknesses(RSA(modulus, exponent, purpose))]


def roca_prime(bits, seed):
    """Return a prime as the flawed generator made them: k * M + (65537^a mod M), M the product of 126 primes."""
    m = prod(n for n in range(2, 702) if all(n % d for d in range(2, isqrt(n) + 1)))
    k = (1 << bits - 1) // m + seed
    return next(p for a in range(seed, seed + 100_000) if is_prime(p := (k + a) * m + pow(65537, a, m)))


def fermat_modulus(bits, apart):
    first = prime_from((3 << bits // 2 - 2) + 12345)
    return first * prime_from(first + apart)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_good_key_has_no_weakness(purpose):
    assert rules(GOOD, purpose=purpose) == []


@pytest.mark.parametrize("bits", [512, 1024, 2040, 2047])
@pytest.mark.parametrize("purpose", Purpose)
def test_a_key_under_2048_bits_is_weak(bits, purpose):
    assert "NIST SP 800-57 part 1 table 2" in rules(GOOD >> (2048 - bits) | 1, purpose=purpose)


@pytest.mark.parametrize(
    ("bits", "certified", "kept"), [(2056, 1, 0), (2049, 1, 1), (8192, 1, 0), (8193, 1, 1), (16384, 1, 1)]
)
def test_odd_sizes_are_not_certified_and_up_to_8192_bits_are_kept(bits, certified, kept):
    modulus = GOOD << (bits - 2048) | 1
    size = "NIST SP 800-57 part 1 table 2"
    assert rules(modulus).count(size) == certified
    assert rules(modulus, purpose=Purpose.KEEP).count(size) == kept


@pytest.mark.parametrize("exponent", [1, 3, 17, 65536, 65538, (1 << 256) + 1])
@pytest.mark.parametrize("purpose", Purpose)
def test_exponents_of_1_3_even_and_huge_ones_are_weak(exponent, purpose):
    assert rules(GOOD, exponent, purpose) == ["FIPS 186-5 section 5.1"]


def test_an_unusual_but_sound_exponent_is_kept_and_not_certified():
    assert rules(GOOD, 65539, Purpose.KEEP) == []
    assert rules(GOOD, 65539) == ["FIPS 186-5 section 5.1"]


@pytest.mark.parametrize("factor", [2, 3, 5, 751])
def test_a_small_factor_is_found(factor):
    assert f"{BASELINE} 6.1.6" in rules(GOOD // factor * factor)


@pytest.mark.parametrize("bits", [2048, 4096])
def test_a_key_of_the_roca_generator_is_found(bits):
    modulus = roca_prime(bits // 2, 11) * roca_prime(bits // 2, 4711)
    assert "CVE-2017-15361" in rules(modulus, purpose=Purpose.KEEP)


def test_roca_is_told_by_one_exponent_for_all_primes_not_by_each_prime_alone():
    """A number that is some power of 65537 modulo each prime, but no power modulo their product, isn't of it."""
    powers = [pow(65537, exponent, p) for p, exponent in zip(PRIMES[1:], range(38), strict=True)]
    modulus = prod(PRIMES[1:])
    number = sum(r * (modulus // p) * pow(modulus // p, -1, p) for r, p in zip(powers, PRIMES[1:], strict=True))
    assert not weak_keys.is_power_of_65537(number % modulus)
    assert weak_keys.is_power_of_65537(pow(65537, 123456789, modulus))


def test_close_primes_are_found():
    assert rules(fermat_modulus(2048, 1 << 20)) == [f"{BASELINE} 6.1.1.3"]


def test_the_square_of_a_prime_is_found():
    prime = prime_from(3 << 1022)
    assert f"{BASELINE} 6.1.1.3" in rules(prime * prime)


def test_primes_that_differ_in_their_upper_half_are_far_apart():
    assert rules(fermat_modulus(2048, 1 << 900)) == []


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 1 << weak_keys.LARGEST_RSA), st.integers(0, 1 << 300), st.sampled_from(Purpose))
def test_any_numbers_are_judged_in_bounded_time(modulus, exponent, purpose):
    """A key costs less than a millisecond; a second is a hang."""
    began = time.process_time()
    rules(modulus, exponent, purpose)
    assert time.process_time() - began < 1


@given(st.integers(0, 100_000), st.integers(0, (1 << 400) - 1))
def test_fermat_finds_every_pair_that_is_close_enough(half_difference, middle):
    middle += 1 << 400
    modulus = middle * middle - half_difference * half_difference
    assert weak_keys.has_close_factors(modulus)


@pytest.mark.parametrize("curve", [ec.SECP192R1(), ec.SECP224R1(), ec.BrainpoolP256R1(), ec.SECP256K1()])
def test_other_curves_are_never_certified(curve):
    key = ec.generate_private_key(curve).public_key()
    with pytest.raises(RulesBroken) as caught:
        judged(key, "public_key")
    assert caught.value.violations[0].field == "public_key"
    assert bool(list(weaknesses(key, Purpose.KEEP))) == (curve.key_size < 224)


def test_ed448_and_dsa_may_be_kept_and_are_never_certified():
    for key in (ed448.Ed448PrivateKey.generate().public_key(), dsa.generate_private_key(2048).public_key()):
        refuse_weak(key, "certificate.public_key", Purpose.KEEP)
        with pytest.raises(RulesBroken, match="keys are one of"):
            judged(key, "public_key")


def test_a_dsa_key_of_1024_bits_is_weak():
    weak = dsa.generate_private_key(1024)  # noqa: S505 - it is made to be refused
    with pytest.raises(RulesBroken, match="2048 bits or more"):
        refuse_weak(weak.public_key(), "certificate.public_key", Purpose.KEEP)


@given(st.integers(0, 64 * 8 - 1))
def test_no_point_off_the_curve_is_read(bit):
    spki = bytearray(spki_of(ec.generate_private_key(ec.SECP256R1()).public_key()))
    spki[-1 - bit // 8] ^= 1 << bit % 8
    with pytest.raises(Malformed, match="can't be read") as caught:
        public_key(bytes(spki), "public_key")
    assert caught.value.violations[0].field == "public_key"


@pytest.mark.parametrize(
    ("algorithm", "option", "rule"),
    [
        ("rsa", "rsa_keygen_bits:1024", "NIST SP 800-57 part 1 table 2"),
        ("rsa", "rsa_keygen_bits:2056", "NIST SP 800-57 part 1 table 2"),
        ("ec", "ec_paramgen_curve:secp256k1", "key types are known"),
        ("ed448", "", "key types are known"),
    ],
)
def test_a_csr_of_openssl_for_such_a_key_is_refused(algorithm, option, rule):
    with pytest.raises(RulesBroken) as caught:
        read_csr(openssl.new_csr((algorithm, option), "/CN=weak.example.test"))
    assert [(v.field, v.rule) for v in caught.value.violations] == [("csr.public_key", rule)]


def test_a_csr_with_the_exponent_3_is_refused():
    key = openssl.run("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_pubexp:3")
    csr = openssl.run("req", "-new", "-key", "/dev/stdin", "-subj", "/CN=weak.example.test", text=key.encode())
    with pytest.raises(RulesBroken, match="exponent is 65537"):
        read_csr(csr)


def test_a_csr_with_a_point_off_the_curve_names_the_key():
    csr = openssl.new_csr(openssl.KEYS["ec-p256"], "/CN=weak.example.test")
    der = bytearray(base64.b64decode("".join(csr.split("-----")[2].split())))
    der[der.index(b"\x03\x42\x00\x04") + 50] ^= 1
    with pytest.raises(Malformed) as caught:
        read_csr(base64.b64encode(der).decode())
    assert caught.value.violations[0].field == "csr.public_key"


def test_numbers_that_no_key_has_name_the_key():
    """An exponent of 1 and an even one can't even be read."""
    for exponent in (1, 2, 65536):
        with pytest.raises(Malformed, match="can't be read"):
            public_key(rsa_spki(GOOD, exponent), "public_key")


def rsa_spki(modulus, exponent):
    def element(tag, content):
        size = len(content)
        long = size.to_bytes(2, "big")
        return bytes((tag, size)) + content if size < 128 else bytes((tag, 0x82)) + long + content

    def integer(number):
        return element(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))

    algorithm = element(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    numbers = element(0x30, integer(modulus) + integer(exponent))
    return element(0x30, algorithm + element(3, b"\0" + numbers))
