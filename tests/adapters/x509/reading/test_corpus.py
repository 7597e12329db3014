"""A corpus goes through reading: every file is taken or refused with a reason, and nothing else ever happens.

Then some good files, cut off and with bits flipped.
"""

import random
from collections import Counter

import pytest

from es_pki.adapters.x509.reading.opening import Opened, Sent, open_one
from es_pki.decider import Refused
from tests.adapters.x509.reading.vectors import FILES, file

SLOW = 8
"""Of the PKCS#12 files of PKITS, hundreds of a kind whose RSA keys take long to check, every so many is opened."""

GOOD = (
    "x509/rapidssl_sha256_ca_g3.pem",
    "x509/custom/san_other_name.pem",
    "x509/PKITS_data/certs/GoodCACert.crt",
    "pkcs12/cert-key-aes256cbc.p12",
    "pkcs12/cert-rc2-key-3des.p12",
    "pkcs7/amazon-roots.p7b",
    "pkcs7/amazon-roots.der",
    "asymmetric/PKCS8/ec_private_key_encrypted.pem",
    "asymmetric/PEM_Serialization/ec_private_key_encrypted.pem",
    "asymmetric/PKCS8/ed25519-scrypt.pem",
)
CERTIFICATE = file("x509/rapidssl_sha256_ca_g3.pem")


def outcome(sent):
    """Return what became of it: taken, or the refusal's name."""
    try:
        opened = open_one(sent)
    except Refused as refused:
        return type(refused).__name__ if refused.violations else "refused without a reason"
    assert isinstance(opened, Opened)
    return "taken"


@pytest.mark.parametrize("passphrase", [None, "password"])
def test_every_file_of_the_corpus_is_taken_or_refused_with_a_reason(passphrase):
    files = [path for n, path in enumerate(FILES) if path.suffix != ".p12" or passphrase is None or n % SLOW == 0]
    outcomes = Counter(outcome(Sent(path.read_bytes(), None, passphrase)) for path in files)
    assert outcomes["taken"] > 490
    assert outcomes["Malformed"] > 400
    assert set(outcomes) == {"taken", "Malformed", "RulesBroken", "PassphraseWrong", "LeafUnclear"}


def test_every_key_of_the_corpus_is_taken_for_one_or_refused_with_a_reason():
    files = [path for path in FILES if "asymmetric" in path.parts]
    outcomes = Counter(outcome(Sent(CERTIFICATE, path.read_bytes(), "password")) for path in files)
    assert outcomes["PrivateKeyMismatched"] > 20


def test_good_files_that_are_cut_off_or_damaged_are_taken_or_refused_with_a_reason():
    chance = random.Random(20260503)  # noqa: S311 - a test's, not a key's
    outcomes = Counter()
    for name in GOOD:
        content = file(name)
        for _ in range(40):
            damaged = bytearray(content)
            damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            outcomes[outcome(Sent(bytes(damaged), None, "password"))] += 1
            outcomes[outcome(Sent(content[: chance.randrange(len(content))], None, "password"))] += 1
    assert outcomes["Malformed"] > 200
