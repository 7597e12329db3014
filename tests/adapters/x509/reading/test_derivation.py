"""Key derivation is bounded before anybody tries a passphrase."""

import time

import pytest

from es_pki.adapters.x509.der import NULL, OCTET_STRING, element, integer, object_identifier, sequence
from es_pki.adapters.x509.pkcs8 import AES_256_CBC, HMAC_WITH_SHA256, PBES2, PBKDF2
from es_pki.adapters.x509.reading.derivation import MOST_ROUNDS, check_work
from es_pki.adapters.x509.reading.opening import Sent, open_one
from es_pki.commands.refusals import RulesBroken
from tests.adapters.x509.reading.made import PASSPHRASE

SCRYPT = object_identifier("1.3.6.1.4.1.11591.4.11")
SALT = element(OCTET_STRING, b"saltsalt")


def encrypted_key(derivation):
    scheme = sequence(AES_256_CBC, element(OCTET_STRING, bytes(16)))
    return sequence(sequence(PBES2, sequence(derivation, scheme)), element(OCTET_STRING, bytes(64)))


def pbkdf2(rounds):
    return sequence(PBKDF2, sequence(SALT, integer(rounds), sequence(HMAC_WITH_SHA256, NULL)))


def scrypt(cost, blocks, parallel):
    return sequence(SCRYPT, sequence(SALT, integer(cost), integer(blocks), integer(parallel)))


def simple(identifier, rounds):
    return sequence(
        sequence(object_identifier(identifier), sequence(SALT, integer(rounds))), element(OCTET_STRING, bytes(64))
    )


TOO_MUCH = {
    "PBKDF2": encrypted_key(pbkdf2(MOST_ROUNDS + 1)),
    "PBKDF2 beyond all numbers": encrypted_key(pbkdf2(1 << 2000)),
    "scrypt in memory": encrypted_key(scrypt(1 << 20, 8, 1)),
    "scrypt in work": encrypted_key(scrypt(1 << 16, 8, 64)),
    "PBES1": simple("1.2.840.113549.1.5.3", 1 << 31),
    "PKCS#12's own": simple("1.2.840.113549.1.12.1.3", 1 << 31),
}


@pytest.mark.parametrize("form", TOO_MUCH)
def test_an_encrypted_key_with_too_much_work_is_refused_at_once(made, form):
    began = time.monotonic()
    with pytest.raises(RulesBroken) as caught:
        open_one(Sent(made.read("leaf.pem"), TOO_MUCH[form], PASSPHRASE))
    assert caught.value.violations[0].field == "private_key"
    assert time.monotonic() - began < 5


def test_a_pkcs12_file_whose_mac_takes_too_many_rounds_is_refused(made):
    """The number of the MAC's rounds is the file's last element."""
    file = made.pkcs12("-iter", "1000000")
    rounds = integer(1_000_000)
    assert file.endswith(rounds)
    with pytest.raises(RulesBroken) as caught:
        open_one(Sent(file.removesuffix(rounds) + element(0x02, b"\x7f\xff\xff"), None, PASSPHRASE))
    assert caught.value.violations[0].field == "certificate"


def test_the_rounds_of_a_whole_file_count_together():
    half = encrypted_key(pbkdf2(MOST_ROUNDS // 2))
    check_work(sequence(half, half), "certificate")
    with pytest.raises(RulesBroken):
        check_work(sequence(half, half, half), "certificate")


def test_what_is_sound_passes():
    check_work(encrypted_key(pbkdf2(600_000)), "private_key")
    check_work(encrypted_key(scrypt(1 << 14, 8, 1)), "private_key")
