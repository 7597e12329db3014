"""What is wrong with a backup is found, and named with its position; what isn't in it is said."""

import asyncio
import base64
import contextlib
import json
import re
import sqlite3
import subprocess
import sys

import pytest

from es_pki.adapters.backup.archive import Packer, unpacked
from eventlog import entry, tiles
from eventlog.note import VerifierKey
from tests import serving
from tests.adapters.backup.conftest import more


def members_of(path):
    return [list(member) for member in unpacked(iter([path.read_bytes()]))]


def repack(path, members):
    """Write an archive anew, with every checksum right."""
    with path.open("wb") as file:
        packer = Packer(file.write)
        for name, content in members:
            packer.add(name, content)
        packer.end()


def changed(path, name, change):
    """Change a member; its name is told by its beginning."""
    members = members_of(path)
    for member in members:
        if member[0].startswith(name):
            member[1] = change(member[1])
            break
    repack(path, members)


def found(es_pki, backup, *options):
    """Verify a backup that isn't sound; return its findings."""
    outcome = es_pki("backup", "verify", backup, "--json", *options)
    assert outcome.status == 1, outcome.errors
    assert "Traceback" not in outcome.errors
    return [(finding["position"], finding["problem"]) for finding in outcome.json["findings"]]


def test_a_sound_backup_says_what_it_holds(es_pki, backup):
    outcome = es_pki("backup", "verify", backup, "--json")
    assert outcome.status == 0
    assert outcome.json["findings"] == []
    assert outcome.json["keys"] == len(set(re.findall(rb'"key_id":"([^"]+)"', contents(backup, "keys/"))))
    assert (outcome.json["size"], outcome.json["origin"]) == (size_of(backup), "pki.example.test/log")
    assert "the backup is sound" in es_pki("backup", "verify", backup).text


def contents(backup, name):
    return b"".join(content for each, content in members_of(backup) if each.startswith(name))


def size_of(backup):
    return json.loads(contents(backup, "manifest.json"))["size"]


def rewritten(number, change):
    """Return a change of a bundle that changes one of its records."""

    def of_bundle(bundle):
        entries = tiles.unbundle(bundle)
        record = entry.decode(1, entries[number])
        entries[number] = entry.encode(change(record))
        return tiles.bundle(entries)

    return of_bundle


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record._replace(data=record.data + b" "),
        lambda record: record._replace(metadata=b'{"actor":"nobody"}'),
        lambda record: record._replace(time=record.time + 1),
        lambda record: record._replace(version=record.version + 1),
        lambda record: record._replace(stream=record.stream + "x"),
    ],
    ids=["data", "metadata", "time", "version", "stream"],
)
def test_a_changed_record_is_named_by_its_position(es_pki, backup, change):
    changed(backup, "tile/entries/000", rewritten(100, change))
    positions = [position for position, _ in found(es_pki, backup)]
    assert 101 in positions
    assert not [position for position in positions if 0 < position < 101]


def test_a_record_rewritten_with_its_hashes_is_found_by_the_checkpoint(es_pki, backup):
    members = dict(members_of(backup))
    bundle = rewritten(100, lambda record: record._replace(data=record.data + b" "))(members["tile/entries/000"])
    members["tile/entries/000"] = bundle
    leaves = [entry.leaf_hash(each) for each in tiles.unbundle(bundle)]
    members["tile/0/000"] = b"".join(leaves)
    members["tile/1/000.p/2"] = tiles.levels_above(b"".join(leaves))[8] + members["tile/1/000.p/2"][32:]
    repack(backup, members.items())
    ((position, problem),) = found(es_pki, backup)
    assert (position, "aren't those of the checkpoint" in problem) == (0, True)


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("tile/0/000", lambda content: b"\1" * 32 + content[32:], "isn't what its leaf hash was made of"),
        ("tile/0/000", lambda content: content[32:], "where 256 are due"),
        ("tile/1/", lambda content: content[::-1], "isn't what belongs above"),
        ("tile/entries/000", lambda content: content[:-1], "can't be read"),
        ("tile/entries/000", lambda content: content[:2] + b"\xff" + content[3:], "position 1 can't be read"),
        ("keys/", lambda content: content[:-20], "keys/000000.jsonl"),
        ("mark.json", lambda _: b"{}", "mark.json"),
        ("mark.json", lambda content: content.replace(b'"salt": ""', b'"salt": "AAAA"'), "disagree"),
        ("checkpoint", lambda content: content[:-10] + b"AAAAAAAA=\n", "can't be trusted"),
    ],
)
def test_what_is_wrong_is_said(es_pki, backup, name, change, problem):
    changed(backup, name, change)
    assert any(problem in said for _, said in found(es_pki, backup))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("manifest.json", lambda content: content.replace(b'"size": ', b'"size": 1')),
        ("manifest.json", lambda content: content.replace(b"example", b"exemple")),
        ("manifest.json", lambda content: content.replace(b'"format": 1', b'"format": 9')),
        ("manifest.json", lambda _: b"[]"),
        ("checkpoint", lambda _: b"\xff"),
        ("checkpoint", lambda _: b"none"),
    ],
)
def test_a_beginning_that_says_nothing_is_refused(es_pki, backup, name, change):
    changed(backup, name, change)
    outcome = es_pki("backup", "verify", backup)
    assert (outcome.status, outcome.text) == (2, "")
    assert outcome.errors.startswith("error: ")


def test_a_missing_member_is_found_wherever_it_was(es_pki, backup):
    members = members_of(backup)
    for number in range(2, len(members)):
        repack(backup, members[:number] + members[number + 1 :])
        assert found(es_pki, backup), members[number][0]


def test_members_that_were_swapped_are_found(es_pki, backup):
    members = members_of(backup)
    for number in range(2, len(members) - 1):
        swapped = [*members]
        swapped[number], swapped[number + 1] = swapped[number + 1], swapped[number]
        repack(backup, swapped)
        assert found(es_pki, backup), members[number][0]


def test_a_key_that_the_log_names_and_that_is_not_there_is_found(es_pki, backup):
    lines = contents(backup, "keys/").splitlines(keepends=True)
    lost = json.loads(lines[7])["key_id"]
    changed(backup, "keys/", lambda _: b"".join(lines[:7] + lines[8:]))
    ((position, problem),) = found(es_pki, backup)
    assert lost in problem
    assert lost in entry.decode(position, entries(backup)[position - 1]).data.decode()


def test_keys_of_deleted_certificates_are_not_missed(es_pki, folder, tmp_path):
    """They were removed from the key store, as the log says."""
    with serving.running(folder) as server:
        server.done("DeleteCertificate", certificate="c7", reason="done with")
        discarded = "/api/v1/events?type=certificate.private_keys_discarded.v1"
        serving.wait_for(lambda: bool(server.get(discarded).json["items"]))
    assert es_pki("backup", "create", tmp_path / "b", "--data-dir", folder).status == 0
    sound = es_pki("backup", "verify", tmp_path / "b", "--json")
    assert (sound.status, sound.json["findings"]) == (0, [])


def entries(backup):
    return [each for name, content in members_of(backup) if "entries" in name for each in tiles.unbundle(content)]


@pytest.mark.parametrize("field", ["data", "metadata"])
def test_a_record_that_is_no_text_is_found(es_pki, backup, field):
    def spoil(record):
        return record._replace(**{field: getattr(record, field).replace(b'":"', b'":"\x8b', 1)})

    changed(backup, "tile/entries/000", rewritten(1, spoil))
    assert any(position == 2 and "can't be read" in problem for position, problem in found(es_pki, backup))


@pytest.mark.parametrize("name", ["manifest.json", "keys/"])
def test_what_is_no_text_is_refused(es_pki, backup, name):
    changed(backup, name, lambda content: content.replace(b"-", b"\x8b", 1))
    outcome = es_pki("backup", "verify", backup)
    assert outcome.status in {1, 2}
    assert name in outcome.text + outcome.errors


def test_an_event_of_a_newer_release_is_found(es_pki, backup):
    changed(backup, "tile/entries/000", rewritten(50, lambda record: record._replace(type="certificate.eaten.v1")))
    assert (51, "the event can't be read: certificate.eaten.v1") in found(es_pki, backup)


def test_the_checkpoint_of_a_backup_is_believed_by_the_key_that_is_named(es_pki, backup):
    adopted = next(
        json.loads(record.data)
        for record in (entry.decode(1, each) for each in entries(backup))
        if record.type == "log_key.adopted.v1"
    )
    for key, status in ((base64.b64decode(adopted["public_key"]), 0), (b"k" * 32, 1)):
        vkey = VerifierKey(adopted["origin"], key)
        assert es_pki("backup", "verify", backup, "--key", vkey).status == status


def test_a_checkpoint_that_was_kept_before_is_continued(es_pki, kept, folder, tmp_path):
    file = kept("before")
    asyncio.run(more(folder, "after"))
    assert es_pki("backup", "create", tmp_path / "b", "--data-dir", folder).status == 0
    assert es_pki("backup", "verify", tmp_path / "b", "--against", file).status == 0


def test_records_that_a_kept_checkpoint_covers_and_the_backup_lacks_are_counted(es_pki, backup, kept):
    file = kept("later", "still-later")
    size = int(file.read_text().split("\n")[1])
    ((position, problem),) = found(es_pki, backup, "--against", file)
    assert (position, f"lacks {size - size_of(backup)} records" in problem) == (0, True)


def test_a_kept_checkpoint_that_the_backup_contradicts_is_found(es_pki, backup, kept):
    file = kept()
    origin, size, _, *rest = file.read_text().split("\n")
    file.write_text("\n".join([origin, str(int(size) - 5), base64.b64encode(bytes(32)).decode(), *rest]))
    problems = [problem for _, problem in found(es_pki, backup, "--against", file)]
    assert any("aren't those of the checkpoint" in problem for problem in problems)
    assert any("does not hold" in problem for problem in problems)


def test_a_flipped_byte_and_an_early_end_are_found_anywhere(es_pki, backup, tmp_path):
    whole, bad = backup.read_bytes(), tmp_path / "bad"
    for place in range(0, len(whole), len(whole) // 40):
        flipped = bytearray(whole)
        flipped[place] ^= 0xFF
        for content in (bytes(flipped), whole[:place]):
            bad.write_bytes(content)
            assert es_pki("backup", "verify", bad).status in {1, 2}, place


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b\x08\x00" + bytes(20), b"es-pki sealed 1\n" + bytes(9)])
def test_a_file_that_is_no_backup_is_refused(es_pki, tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    for verb in ("verify", "restore"):
        outcome = es_pki("backup", verb, tmp_path / "file", "--data-dir", tmp_path / "new")
        assert outcome.status == 2
        assert outcome.errors.startswith("error: ")
    assert not (tmp_path / "new").exists()
    assert es_pki("backup", "verify", tmp_path / "missing").status == 2
    assert es_pki("backup", "verify", tmp_path).status == 2


def test_a_sealed_backup_needs_its_passphrase(es_pki, folder, tmp_path, passphrase_file, monkeypatch):
    file = tmp_path / "sealed"
    assert es_pki("backup", "create", file, "--data-dir", folder, "--passphrase-file", passphrase_file).status == 0
    assert b"example" not in file.read_bytes()
    unasked = es_pki("backup", "verify", file)
    assert (unasked.status, "--passphrase-file" in unasked.errors) == (2, True)
    monkeypatch.setenv("ES_PKI_BACKUP_PASSPHRASE", "some other passphrase")
    wrong = es_pki("backup", "verify", file)
    assert (wrong.status, "passphrase is wrong" in wrong.errors) == (2, True)
    assert es_pki("backup", "verify", file, "--passphrase-file", passphrase_file).status == 0
    passphrase_file.chmod(0o640)
    shown = es_pki("backup", "verify", file, "--passphrase-file", passphrase_file)
    assert (shown.status, "chmod 600" in shown.errors) == (2, True)


def test_no_backup_is_written_over_a_file_or_made_of_nothing(es_pki, backup, folder, tmp_path):
    before = backup.read_bytes()
    again = es_pki("backup", "create", backup, "--data-dir", folder)
    assert (again.status, "never written over" in again.errors) == (2, True)
    assert backup.read_bytes() == before
    nothing = es_pki("backup", "create", tmp_path / "new", "--data-dir", tmp_path / "nowhere")
    assert (nothing.status, (tmp_path / "nowhere").exists()) == (2, False)
    assert es_pki("backup", "create", tmp_path / "no-folder" / "new", "--data-dir", folder).status == 2
    assert {path.name for path in tmp_path.iterdir()} == {"data", "a.backup"}


def test_a_backup_for_which_there_is_no_room_leaves_nothing(folder, tmp_path):
    """No file of this process may have more than 40 KiB: as on a full disk."""
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (40960, 40960));"
        "from es_pki.__main__ import main; main()"
    )
    command = [sys.executable, "-c", limited, "backup", "create", tmp_path / "new", "--data-dir", folder]
    done = subprocess.run(command, env=serving.environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr, done.stdout) == (2, False, "")
    assert "File too large" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_log_that_was_tampered_with_is_not_backed_up(es_pki, folder, tmp_path):
    with contextlib.closing(sqlite3.connect(folder / "log.db", isolation_level=None)) as shell:
        for (trigger,) in shell.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            shell.execute(f"DROP TRIGGER {trigger}")
        shell.execute("UPDATE event SET data = CAST('{}' AS BLOB) WHERE position = 300")
    outcome = es_pki("backup", "create", tmp_path / "new", "--data-dir", folder)
    assert (outcome.status, "position 300" in outcome.errors) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
