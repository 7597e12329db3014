"""docs/PROOFS.md: its lines, exactly as they stand there, verify an event of a running server, and nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given

from es_pki.events import codec
from tests.events.strategies import EVENTS
from tests.samples import fresh

DOCUMENT = (Path(__file__).parents[1] / "docs" / "PROOFS.md").read_text()
(LINES,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture
def files(server):
    """What a stranger was given about one event: names and contents."""
    answer = server.done("IssueCertificate", name=fresh(), authority="intermediate", dns_names=["p.test"])
    position = answer["position"] - 3
    checkpoint = server.get("/api/v1/log/checkpoint").body
    size = checkpoint.split(b"\n")[1].decode()
    return {
        "checkpoint": checkpoint,
        "events.json": server.get(f"/api/v1/events?after={position - 1}&limit=1").body,
        "proof.json": server.get(f"/api/v1/log/proof/inclusion?position={position}&size={size}").body,
        "log.vkey": server.get("/api/v1/log/keys").json["items"][-1]["vkey"].encode(),
    }


def run(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return subprocess.run([sys.executable, "-I", "-c", LINES], cwd=folder, capture_output=True, text=True, check=False)


def test_the_lines_verify_an_event_and_use_nothing_of_es_pki(tmp_path, files):
    done = run(tmp_path, files)
    assert done.returncode == 0, done.stderr
    event = json.loads(files["events.json"])["items"][0]
    assert event["type"] == "certificate.prepared.v1"
    assert done.stdout.startswith(f"position {event['position']} of ")
    imports = set(re.findall(r"^(?:from|import) (.*?)(?: import.*)?$", LINES, re.MULTILINE))
    cryptography = "cryptography.hazmat.primitives.asymmetric.ed25519"
    assert imports == {"base64, hashlib, json, struct", "datetime", cryptography}


def event_of(files, **changes):
    event = {**json.loads(files["events.json"])["items"][0], **changes}
    return {**files, "events.json": json.dumps({"items": [event]}).encode()}


def proof_of(files, change):
    proof = json.loads(files["proof.json"])
    return {**files, "proof.json": json.dumps({**proof, "hashes": change(proof["hashes"])}).encode()}


def flipped(text, place):
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


FORGERIES = {
    "another position": lambda f: event_of(f, position=json.loads(f["events.json"])["items"][0]["position"] - 1),
    "another type": lambda f: event_of(f, type="certificate.issued.v1"),
    "another time": lambda f: event_of(f, time="2026-05-03T12:00:00Z"),
    "another actor": lambda f: event_of(f, metadata={"actor": "nobody"}),
    "a changed byte of the data": lambda f: {**f, "events.json": f["events.json"].replace(b"p.test", b"q.test", 1)},
    "a changed hash": lambda f: proof_of(f, lambda hashes: [flipped(hashes[0], 5), *hashes[1:]]),
    "a missing hash": lambda f: proof_of(f, lambda hashes: hashes[:-1]),
    "a hash too many": lambda f: proof_of(f, lambda hashes: [*hashes, hashes[0]]),
    "another size": lambda f: {**f, "checkpoint": re.sub(rb"\n(\d+)\n", rb"\n1\1\n", f["checkpoint"], count=1)},
    "a changed root": lambda f: {**f, "checkpoint": flip_root(f["checkpoint"])},
    "a changed signature": lambda f: {**f, "checkpoint": flip_signature(f["checkpoint"])},
    "another key": lambda f: {**f, "log.vkey": flipped(f["log.vkey"].decode(), -5).encode()},
}


def flip_root(note):
    lines = note.decode().split("\n")
    return "\n".join([*lines[:2], flipped(lines[2], 5), *lines[3:]]).encode()


def flip_signature(note):
    """Every signature: the lines look at the one of the key that is trusted."""
    return re.sub("(?m)^(— .*)(.{6})$", r"\1AAAA==", note.decode()).encode()


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_the_lines_fail_on(tmp_path, files, forge):
    forged = forge(files)
    assert forged != files
    done = run(tmp_path, forged)
    assert done.returncode == 1
    assert done.stdout == ""


@given(EVENTS)
def test_an_events_json_is_the_one_that_every_json_library_writes(event):
    """The lines make the event's bytes from the JSON that the API shows: that has to be the stored form again."""
    _, stored = codec.encode(event)
    assert json.dumps(json.loads(stored), separators=(",", ":"), ensure_ascii=False).encode() == stored
