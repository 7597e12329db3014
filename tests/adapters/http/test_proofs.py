"""The log over HTTP as an outsider reads it: checkpoint, tiles, keys, proofs, and what is no good question."""

import base64
import contextlib
import sqlite3

import pytest
from cryptography.exceptions import InvalidSignature

from eventlog.proof import verify_consistency, verify_inclusion
from tests import auditor, serving
from tests.adapters.http.test_bad_input import problem
from tests.eventlog import reference
from tests.samples import fresh

LOG = "/api/v1/log"


@pytest.fixture(scope="module")
def grown(server):
    """A server whose log has full tiles of level 0."""
    while server.size() < 300:
        server.done("SelfSignCertificate", name=fresh(), dns_names=["proofs.test"])
    return server


def vkey(server):
    return server.get(f"{LOG}/keys").json["items"][-1]["vkey"]


def checkpoint(server):
    """The size and root of the newest checkpoint, its signature verified."""
    _, size, root, _ = auditor.opened(server.get(f"{LOG}/checkpoint").body.decode(), vkey(server)).split("\n")
    return int(size), base64.b64decode(root)


def hashes_of(reply):
    return [base64.b64decode(each) for each in reply.json["hashes"]]


def test_the_checkpoint_is_a_note_signed_by_the_logs_key(grown):
    reply = grown.get(f"{LOG}/checkpoint")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert reply.headers["cache-control"] == "no-cache"
    assert checkpoint(grown)[0] == grown.size()
    changed = reply.body.decode().replace("es-pki", "es-pky", 1)
    with pytest.raises(InvalidSignature):
        auditor.opened(changed, vkey(grown))


def test_a_stranger_reads_and_checks_the_whole_log(grown):
    """The server may grow meanwhile: only one checkpoint is looked at."""
    once = {}

    def fetch(path):
        return once.setdefault(path, grown.get(f"{LOG}/{path}").body)

    read = auditor.read(fetch, vkey(grown))
    records = grown.get("/api/v1/events?limit=1000").json["items"]
    for entry, record in zip(read.entries, records, strict=False):
        assert base64.b64encode(reference.leaf_hash(entry)).decode() == record["leaf_hash"]
    assert read.origin == grown.get(f"{LOG}/keys").json["items"][0]["origin"]


def test_every_kind_of_position_has_an_inclusion_proof(grown):
    size, root = checkpoint(grown)
    for position in {1, 2, 128, 255, 256, 257, size - 1, size}:
        reply = grown.get(f"{LOG}/proof/inclusion?position={position}&size={size}")
        assert set(reply.json) == {"position", "tree_size", "leaf_hash", "hashes", "root_hash"}
        (record,) = grown.get(f"/api/v1/events?after={position - 1}&limit=1").json["items"]
        assert (reply.json["position"], reply.json["leaf_hash"]) == (position, record["leaf_hash"])
        assert base64.b64decode(reply.json["root_hash"]) == root
        leaf = base64.b64decode(record["leaf_hash"])
        assert verify_inclusion(position - 1, size, leaf, hashes_of(reply), root)


def test_a_proof_without_a_size_is_of_all_there_is(grown):
    size = grown.size()
    assert grown.get(f"{LOG}/proof/inclusion?position=1").json["tree_size"] == size
    assert grown.get(f"{LOG}/proof/consistency?from=1").json["to"] == size


def test_a_proof_as_text_stands_alone(grown):
    reply = grown.get(f"{LOG}/proof/inclusion?position=3", headers={"Accept": "text/plain"})
    assert reply.headers["content-type"].startswith("text/plain")
    proof, _, note = reply.body.decode().partition("\n\n")
    mark, index, *hashes = proof.split("\n")
    assert (mark, index) == ("c2sp.org/tlog-proof@v1", "index 2")
    _, size, root, _ = auditor.opened(note, vkey(grown)).split("\n")
    (record,) = grown.get("/api/v1/events?after=2&limit=1").json["items"]
    leaf, path = base64.b64decode(record["leaf_hash"]), [base64.b64decode(each) for each in hashes]
    assert verify_inclusion(2, int(size), leaf, path, base64.b64decode(root))


def test_a_checkpoint_is_shown_to_continue_an_older_one(grown):
    old, old_root = checkpoint(grown)
    grown.done("RotateLogKey")
    size, root = checkpoint(grown)
    reply = grown.get(f"{LOG}/proof/consistency?from={old}&to={size}")
    assert verify_consistency(old, size, hashes_of(reply), old_root, root)
    assert base64.b64decode(reply.json["from_root_hash"]) == old_root
    assert base64.b64decode(reply.json["to_root_hash"]) == root


def test_whoever_trusts_the_key_before_learns_the_new_one(grown):
    before = vkey(grown)
    answer = grown.done("RotateLogKey")
    note = grown.get(f"{LOG}/checkpoint").body.decode()
    items = grown.get(f"{LOG}/keys").json["items"]
    assert [item["status"] for item in items[-2:]] == ["previous", "current"]
    assert items[-1]["vkey"] == answer["result"]["vkey"]
    assert items[-1]["position"] == answer["position"]
    assert auditor.opened(note, before) == auditor.opened(note, items[-1]["vkey"])
    (record,) = grown.get(f"/api/v1/events?after={answer['position'] - 1}&limit=1").json["items"]
    assert base64.b64decode(record["data"]["public_key"]) == base64.b64decode(items[-1]["vkey"].split("+", 2)[2])[1:]


def test_full_tiles_may_be_kept_for_ever_and_partial_ones_for_a_while(grown):
    for kind in ("0", "entries"):
        full, partial = grown.get(f"{LOG}/tile/{kind}/000"), grown.get(f"{LOG}/tile/{kind}/001.p/7")
        assert full.headers["content-type"] == partial.headers["content-type"] == "application/octet-stream"
        assert "immutable" in full.headers["cache-control"]
        assert "immutable" not in partial.headers["cache-control"]
    assert len(grown.get(f"{LOG}/tile/0/000").body) == 8_192
    assert len(grown.get(f"{LOG}/tile/0/001.p/7").body) == 7 * 32
    assert grown.get(f"{LOG}/tile/1/000.p/1").body == reference.root(
        [grown.get(f"{LOG}/tile/0/000").body[at : at + 32] for at in range(0, 8_192, 32)]
    )


def test_entry_bundles_come_compressed_to_those_who_can(grown):
    reply = grown.get(f"{LOG}/tile/entries/000", headers={"Accept-Encoding": "gzip"})
    assert reply.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in grown.get(f"{LOG}/tile/entries/000").headers


@pytest.mark.parametrize("path", ["0/009", "1/000", "2/000.p/1", "entries/x001/000", "63/000.p/255", "0/000.p/x"])
def test_tiles_that_are_not_there_are_not_found(grown, path):
    reply = grown.get(f"{LOG}/tile/{path}")
    assert reply.status == (400 if path.endswith("x") else 404)
    assert reply.json["errors"][0]["field"] == "tile"


@pytest.mark.parametrize("path", ["x", "0/0", "00/000", "64/000", "0/000.p/0", "0/000.p/256", "0/%2e%2e/000", "-1/000"])
def test_what_is_no_tiles_path_is_refused(grown, path):
    problem(grown.get(f"{LOG}/tile/{path}"), 400, "malformed", "tile")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("inclusion", "position"),
        ("inclusion?position=", "position"),
        ("inclusion?position=0", "position"),
        ("inclusion?position=-1", "position"),
        ("inclusion?position=one", "position"),
        ("inclusion?position=99999999", "position"),
        ("inclusion?position=" + "9" * 30, "position"),
        ("inclusion?position=5&size=4", "position"),
        ("inclusion?position=1&size=0", "size"),
        ("inclusion?position=1&size=99999999", "size"),
        ("inclusion?position=1&colour=red", "colour"),
        ("consistency", "from"),
        ("consistency?from=0", "from"),
        ("consistency?from=3&to=2", "from"),
        ("consistency?from=1&to=99999999", "to"),
        ("consistency?from=1&position=1", "position"),
    ],
)
def test_a_bad_question_is_named(grown, query, field):
    problem(grown.get(f"{LOG}/proof/{query}"), 400, "malformed", field)


def test_as_text_a_proof_ends_with_the_newest_checkpoint(grown):
    reply = grown.get(f"{LOG}/proof/inclusion?position=1&size=2", headers={"Accept": "text/plain"})
    problem(reply, 400, "malformed", "size")
    reply = grown.get(f"{LOG}/proof/inclusion?position=1", headers={"Accept": "image/png"})
    problem(reply, 406, "not-acceptable")


def test_a_log_that_contradicts_its_last_checkpoint_is_not_signed(tmp_path):
    with serving.running(tmp_path / "data") as server:
        assert server.get(f"{LOG}/checkpoint").status == 200
        with contextlib.closing(sqlite3.connect(server.folder / "checkpoint.db", isolation_level=None)) as shell:
            shell.execute("UPDATE signed SET size = size + 1000")
            reply = server.get(f"{LOG}/checkpoint")
            problem(reply, 503, "log-inconsistent")
            assert "records was signed, and the log has only" in reply.json["detail"]
            shell.execute("UPDATE signed SET size = size - 1000, root = zeroblob(32)")
            server.done("RotateLogKey")
            problem(server.get(f"{LOG}/checkpoint"), 503, "log-inconsistent")
        assert "log-inconsistent" in server.log.read_text()
        assert server.get("/api/v1/log/keys").status == 200
