"""`es-pki log` against a real server, and on the data folder beside it."""

import base64
import json
import sqlite3

import pytest

from eventlog import entry, merkle
from eventlog.log import Record
from eventlog.proof import verify_consistency, verify_inclusion
from tests import auditor


@pytest.fixture
def vkey(es_pki):
    return es_pki("log", "keys", "--json").json["items"][-1]["vkey"]


@pytest.fixture
def kept(es_pki, tmp_path):
    """A checkpoint that was kept elsewhere."""
    assert es_pki("log", "checkpoint", "-o", tmp_path / "kept").status == 0
    return tmp_path / "kept"


@pytest.fixture
def copy(bare, data_dir, tmp_path, monkeypatch):
    """A data folder with a copy of the log, where somebody with the sqlite3 shell has dropped the triggers."""
    folder = tmp_path / "copy"
    folder.mkdir()
    with sqlite3.connect(data_dir / "log.db") as source, sqlite3.connect(folder / "log.db") as target:
        source.backup(target)
        for (trigger,) in target.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            target.execute(f"DROP TRIGGER {trigger}")
    yield folder
    source.close()
    target.close()


def rewrite(folder, size=None, change=b'"ovner"'):
    """Forge what stands first in the log and make every hash anew, up to `size`: no contradiction is left."""
    with sqlite3.connect(folder / "log.db") as shell:
        shell.execute("DELETE FROM event WHERE position > ?", (size or 1 << 62,))
        rows = shell.execute(
            """SELECT e.position, s.name, e.version, t.name, e.time, e.metadata, e.data, e.leaf_hash
            FROM event e JOIN stream s ON s.id = e.stream_id JOIN type t ON t.id = e.type_id ORDER BY e.position"""
        ).fetchall()
        leaves = []
        for record in map(Record._make, rows):
            forged = record._replace(data=record.data.replace(b'"owner"', change))
            leaves.append(entry.leaf_hash(entry.encode(forged)))
            shell.execute(
                "UPDATE event SET data = ?, leaf_hash = ? WHERE position = ?",
                (forged.data, leaves[-1], forged.position),
            )
        frontier = merkle.pack(merkle.extend(0, (), leaves))
        shell.execute("UPDATE head SET size = ?, time = ?, frontier = ?", (len(rows), rows[-1][4], frontier))
    shell.close()


def verify(es_pki, folder, *options):
    return es_pki("--data-dir", folder, "log", "verify", *options)


def test_a_checkpoint_is_printed_as_it_is_signed(es_pki, kept, vkey):
    text = auditor.opened(es_pki("log", "checkpoint").text, vkey)
    assert int(text.split("\n")[1]) >= int(kept.read_text().split("\n")[1])


def test_a_record_is_proved_by_a_file_that_stands_alone(es_pki, vkey, tmp_path):
    assert es_pki("log", "prove", 5, "-o", tmp_path / "5.tlog-proof").raw == b""
    proof, _, note = (tmp_path / "5.tlog-proof").read_text().partition("\n\n")
    _, index, *hashes = proof.split("\n")
    _, size, root, _ = auditor.opened(note, vkey).split("\n")
    (record,) = [json.loads(line) for line in es_pki("events", "--after", 4, "--json").text.splitlines()[:1]]
    path = [base64.b64decode(each) for each in hashes]
    assert index == "index 4"
    assert verify_inclusion(4, int(size), base64.b64decode(record["leaf_hash"]), path, base64.b64decode(root))


def test_a_record_is_proved_in_the_log_of_any_size(es_pki):
    for options in (("--size", 7), ("--size", 7, "--json")):
        proof = es_pki("log", "prove", 5, *options).json
        assert (proof["position"], proof["tree_size"]) == (5, 7)
    assert es_pki("log", "prove", 5, "--json").json["tree_size"] > 7


def test_a_size_is_proved_to_continue_another(es_pki):
    proof = es_pki("log", "prove", "--from", 3, "--to", 9).json
    old, new, *hashes = map(base64.b64decode, (proof["from_root_hash"], proof["to_root_hash"], *proof["hashes"]))
    assert verify_consistency(3, 9, hashes, old, new)


@pytest.mark.parametrize(
    ("argv", "status"),
    [((), 2), ((1, "--from", 2), 2), (("--from", 2, "--size", 3), 2), ((0,), 1), ((99_999_999,), 1), (("five",), 1)],
)
def test_a_bad_question_is_answered_with_its_fault(es_pki, argv, status):
    outcome = es_pki("log", "prove", *argv)
    assert (outcome.status, outcome.raw) == (status, b"")
    assert outcome.errors.startswith("error: ")


def test_a_rotated_key_stands_beside_the_one_before(es_pki, vkey):
    made = es_pki("log", "rotate-key", "--json").json
    assert made["vkey"] != vkey
    note = es_pki("log", "checkpoint").text
    assert auditor.opened(note, vkey) == auditor.opened(note, made["vkey"])
    table = es_pki("log", "keys").text
    assert vkey in table
    assert made["vkey"] in table


def test_a_log_continues_the_checkpoint_that_was_kept(es_pki, data_dir, kept, vkey):
    es_pki("certificate", "self-sign", "after-the-checkpoint", "--dns", "a.test")
    for options in ((), ("--key", vkey), ("--deep",)):
        outcome = verify(es_pki, data_dir, "--against", kept, *options)
        assert outcome.status == 0, outcome.text
        assert "the log is sound" in outcome.text


def test_a_history_rewritten_with_every_hash_is_found_by_the_kept_checkpoint_alone(es_pki, copy, kept):
    rewrite(copy)
    assert verify(es_pki, copy).status == 0
    outcome = verify(es_pki, copy, "--against", kept)
    assert outcome.status == 1
    size = kept.read_text().split("\n")[1]
    assert f"the log: the first {size} records aren't those of the checkpoint: history was rewritten" in outcome.text
    (finding,) = verify(es_pki, copy, "--against", kept, "--json").json["findings"]
    assert finding["position"] == 0


def test_an_end_that_was_cut_off_is_found_by_the_kept_checkpoint_alone(es_pki, copy, kept):
    rewrite(copy, size=6, change=b'"owner"')
    assert verify(es_pki, copy).status == 0
    outcome = verify(es_pki, copy, "--against", kept)
    assert outcome.status == 1
    assert "its end was cut off" in outcome.text


def test_a_history_rewritten_and_signed_again_by_its_own_key_does_not_deceive_who_kept_a_checkpoint(
    bare, es_pki, kept, vkey, tmp_path
):
    """The forger sets everything up anew under the same origin, with a key of their own."""
    origin = vkey.split("+")[0]
    forged = tmp_path / "forged"
    assert bare("--data-dir", forged, "init", "--log-origin", origin).status == 0
    for options in ((), ("--key", vkey)):
        outcome = verify(es_pki, forged, "--against", kept, *options)
        assert outcome.status == 1
        assert "its end was cut off" in outcome.text or "history was rewritten" in outcome.text


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [("=\n\n", "=\nmore\n\n", "does not hold"), ("es-pki-", "es-pky-", "none of the keys")],
)
def test_a_checkpoint_that_was_changed_is_not_trusted(es_pki, data_dir, kept, old, new, problem):
    kept.write_text(kept.read_text().replace(old, new))
    outcome = verify(es_pki, data_dir, "--against", kept)
    assert outcome.status == 1
    assert "the checkpoint can't be trusted" in outcome.text
    assert problem in outcome.text


def test_a_checkpoint_of_another_log_is_named(bare, es_pki, data_dir, kept, tmp_path):
    other = tmp_path / "other"
    assert bare("--data-dir", other, "init").status == 0
    outcome = verify(es_pki, other, "--against", kept)
    assert (outcome.status, "another log" in outcome.text) == (1, True)


@pytest.mark.parametrize("content", [b"", b"\xff", b"hello\n", b"a\n1\nAAAA\n\n\xe2\x80\x94 a AAAAAAAA\n"])
def test_a_file_that_is_no_checkpoint_is_misuse(es_pki, data_dir, tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    outcome = verify(es_pki, data_dir, "--against", tmp_path / "file")
    assert (outcome.status, "no checkpoint" in outcome.errors) == (2, True)


def test_what_is_no_key_is_misuse(es_pki, data_dir, kept):
    outcome = verify(es_pki, data_dir, "--against", kept, "--key", "nonsense")
    assert (outcome.status, "--key" in outcome.errors) == (2, True)


def test_an_origin_is_fixed_with_the_first_key(bare, tmp_path):
    folder = tmp_path / "data"
    for origin, status in (("a.test/log", 0), ("a.test/log", 0), ("b.test/log", 2), ("two words", 2)):
        outcome = bare("--data-dir", folder, "init", "--log-origin", origin)
        assert outcome.status == status, outcome.errors
        assert status == 0 or "log_origin" in outcome.errors
