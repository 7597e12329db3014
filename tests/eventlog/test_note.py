"""Notes and checkpoints: the specifications' own examples, verified, and everything that is none."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from eventlog import note
from eventlog.note import Checkpoint, NoteRefused, Signature, VerifierKey

EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""  # noqa: E501 - as it stands in tlog-checkpoint

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
"""The verifier key in the documentation of golang.org/x/mod/sumdb/note, and a note signed by it."""
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def verify(public_key, text, signature):
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, text)
    except InvalidSignature:
        return False
    return True


@pytest.fixture(scope="module")
def private():
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def key(private):
    return VerifierKey("log.test/a", private.public_key().public_bytes_raw())


@pytest.fixture
def signed(private, key):
    text = note.body(Checkpoint(key.name, 5, b"\7" * 32))
    return note.signed(text, [Signature(key.name, key.key_id, private.sign(text.encode()))])


def test_the_example_of_the_specification_is_read_and_written_alike():
    text, signatures = note.parts(EXAMPLE)
    checkpoint = note.checkpoint_of(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert note.body(checkpoint) == text
    assert note.signed(text, signatures) == EXAMPLE


def test_a_note_of_another_implementation_is_verified():
    key = note.verifier_key(PETER)
    assert (key.key_id.hex(), str(key)) == ("c74f20a3", PETER)
    assert note.verified(PETERS_NOTE, [key], verify).startswith("If you think")
    with pytest.raises(NoteRefused, match="does not hold"):
        note.verified(PETERS_NOTE.replace("your", "our"), [key], verify)


def test_a_signed_checkpoint_is_verified(signed, key):
    assert note.checkpoint_of(note.verified(signed, [key], verify)) == Checkpoint(key.name, 5, b"\7" * 32)


def test_every_changed_byte_of_the_text_is_found(signed, key):
    for place in range(signed.index("\n\n") + 1):
        changed = signed[:place] + chr(ord(signed[place]) ^ 1) + signed[place + 1 :]
        with pytest.raises(NoteRefused):
            note.verified(changed, [key], verify)


def test_signatures_of_unknown_keys_are_passed_over_but_one_must_be_known(signed, key):
    other = VerifierKey(key.name, b"\1" * 32)
    assert note.verified(signed, [other, key], verify)
    with pytest.raises(NoteRefused, match="none of the keys"):
        note.verified(signed, [other], verify)
    foreign = Signature("witness.test", b"abcd", b"whatever")
    text, signatures = note.parts(signed)
    assert note.verified(note.signed(text, [foreign, *signatures]), [key], verify) == text


def test_one_wrong_signature_of_a_known_key_spoils_the_note(signed, key):
    text, signatures = note.parts(signed)
    wrong = signatures[0]._replace(signature=bytes(64))
    with pytest.raises(NoteRefused, match="does not hold"):
        note.verified(note.signed(text, [*signatures, wrong]), [key], verify)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a\n",
        "a\n1\n",
        "a\n1\nAAAA\n",
        "a\n01\n" + "A" * 43 + "=\n",
        "a\n-1\n" + "A" * 43 + "=\n",
        "a\n٣\n" + "A" * 43 + "=\n",
        "a\n" + "9" * 5000 + "\n" + "A" * 43 + "=\n",
        "\n1\n" + "A" * 43 + "=\n",
        "a\n1\n" + "A" * 43 + "=",
        "a\n1\n" + "A" * 42 + "B=\n",
        "a\n1\n" + "A" * 43 + "=\n\n",
    ],
)
def test_nothing_else_is_a_checkpoint(text):
    with pytest.raises(NoteRefused):
        note.checkpoint_of(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda n: n.replace("\n\n", "\n"),
        lambda n: n[:-1],
        lambda n: n.replace("— ", "- "),
        lambda n: n + "\n",
        lambda n: n + "more\n",
        lambda n: n.replace("\n1", "\r\n1"),
        lambda n: n.replace("log.test/a ", "log test/a "),
        lambda n: n + n.splitlines(keepends=True)[-1] * 16,
    ],
)
def test_nothing_else_is_a_note(signed, change):
    with pytest.raises(NoteRefused):
        note.checkpoint_of(note.parts(change(signed.replace("\n5\n", "\n15\n")))[0])


@pytest.mark.parametrize(
    "vkey", ["", "a", "a+b", "a+00000000+AAAA", PETER[:-4], PETER.replace("c7", "c8"), PETER.replace("+A", "+B", 1)]
)
def test_nothing_else_is_a_verifier_key(vkey):
    with pytest.raises(NoteRefused):
        note.verifier_key(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\u2028b", "a" * 201, "\0"])
def test_what_is_no_name_is_said(name):
    assert note.name_fault(name)


@given(st.text(max_size=60))
def test_no_text_breaks_the_readers_in_another_way(text):
    for read in (note.parts, note.checkpoint_of, note.verifier_key):
        try:
            read(text)
        except NoteRefused:
            continue


def test_an_inclusion_proof_as_text_is_that_of_the_specification():
    text = note.inclusion_text(7, [b"\0" * 32], EXAMPLE)
    assert text == f"c2sp.org/tlog-proof@v1\nindex 7\n{'A' * 43}=\n\n{EXAMPLE}"
    assert note.inclusion_text(0, [], EXAMPLE) == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{EXAMPLE}"
