"""The secrets audit: runs every command and every way of failing there is, then looks for secrets everywhere.

Searched: answers, output and log lines, and every file of the data folder, with the log's records and the views' rows
in them. Looked for: private keys, passphrases and tokens, raw and in PEM, DER, hex and base64. New commands and
routes are included by themselves.
"""

import base64
import itertools
import re
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from es_pki.adapters.deployment.chap import PURPOSE as CHAP_SECRET
from es_pki.adapters.dns.providers import CREDENTIALS
from es_pki.adapters.http.routes import ROUTES
from es_pki.adapters.intake.preview import PREVIEWABLE
from es_pki.adapters.intake.requests import REQUESTS, SECRETS, ExportCertificate, Request
from es_pki.adapters.keystore.envelope import Sealed, label, unseal
from es_pki.adapters.keystore.master import StoreMark, from_passphrase
from es_pki.adapters.notices.courier import SECRETS as NOTICE_SECRETS
from tests import serving
from tests.addresses import furnish, path_of
from tests.audit import Evidence, in_lines, places_of
from tests.samples import sample

MASTER_PASSPHRASE = "the audit's own master passphrase"  # noqa: S105 - made for this test
BACKUP_PASSPHRASE = "the audit's own passphrase of backups"  # noqa: S105 - made for this test
NEVER_CREATED = "espki_a-token-that-nobody-ever-created-0815"

_numbers = itertools.count(1)


class Audited(NamedTuple):
    """A server's whole life: what came out of it, its data folder, its tokens, and the secrets that it was told.

    `told` are those that it refused, and those that belong where they were sent; `exported` the files with keys that
    it handed out, each with the passphrase that opens it.
    """

    evidence: dict[str, bytes]
    folder: Path
    tokens: list[str]
    told: list[str]
    exported: list[tuple[bytes, str]]


def clumsy(good: dict[str, Any], secret: str) -> Iterator[dict[str, Any]]:
    """Yield bodies with the secret where it doesn't belong: in place of each value, as a key, in unknown fields."""
    for field, value in good.items():
        match value:
            case list():
                yield {**good, field: [secret]}
            case dict():
                yield {**good, field: {**value, "common_name": secret}}
                yield {**good, field: {**value, secret: "x"}}
                yield {**good, field: secret}
            case _:
                yield {**good, field: secret}
    yield {**good, "passphrase": secret}
    yield {**good, "private_key": secret}
    yield {**good, secret: "x"}


def new_key_pem() -> str:
    """Return a private key as a clumsy user would paste it."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def new_passphrase() -> str:
    """Return a passphrase that is nobody's name."""
    return f"Recognisable-{next(_numbers):04d}-passphrase"


def send_all(server: serving.Server, request: type[Request], evidence: Evidence, told: list[str]) -> Iterator[str]:
    """Send a command well and in every clumsy way; yield the tokens it made.

    What was accepted is no secret, unless it stood where the request has secrets.
    """
    name = request.__name__
    good = sample(request, server)
    told += secrets_of(request, good)
    result = server.done(name, **good)["result"]
    if "token" in result:
        yield result["token"]
    else:
        evidence.add(f"answer of {name}", repr(result).encode())
    for new_secret in (new_key_pem, new_passphrase):
        for place in range(sum(1 for _ in clumsy(good, ""))):
            secret = new_secret()
            body = next(itertools.islice(clumsy(sample(request, server), secret), place, None))
            reply = server.command(name, body)
            if reply.status != 200:
                told.append(secret)
                evidence.add(f"refusal of {name}", reply.body)
            elif secret in (body.get(field) for field in SECRETS[request]):
                told.append(secret)
                evidence.add(f"answer of {name}", reply.body)
    secret = new_key_pem()
    told.append(secret)
    for body in (b"", b"{", secret.encode(), secret.encode()[:100]):
        evidence.add(f"refusal of {name}", server.command(name, body).body)
    evidence.add(f"refusal of {name}", server.command(name, good, token=NEVER_CREATED).body)


def secrets_of(request: type[Request], body: dict[str, Any]) -> list[str]:
    """Return what a good body holds in the fields that the request has for secrets, except a private key.

    That lies in the key store now, where the audit takes what is private of it: its public half is in a certificate.
    """
    return [body[field] for field in SECRETS[request] if field in body and field not in {"private_key", "private_keys"}]


def export_all(server: serving.Server, evidence: Evidence) -> Iterator[tuple[bytes, str]]:
    """Have a private key leave in every form; yield the files and their passphrases."""
    for form in ({"format": "pem"}, {"format": "pkcs12"}, {"format": "pkcs12", "legacy": True}):
        body = {**sample(ExportCertificate, server), **form}
        answer = server.done("ExportCertificate", **body)
        content = base64.b64decode(answer["result"]["content"])
        evidence.add("answer of ExportCertificate", repr(answer).encode(), content)
        yield content, body["passphrase"]


def preview_all(server: serving.Server, evidence: Evidence, told: list[str]) -> None:
    """Preview every command that has a preview, well and in every clumsy way."""
    for request in PREVIEWABLE:
        good = sample(request, server)
        asked = {"command": request.__name__, "request": good}
        evidence.add("answer of a preview", server.send("POST", "/api/v1/preview", asked).body)
        for place in range(sum(1 for _ in clumsy(good, ""))):
            secret = new_key_pem()
            body = next(itertools.islice(clumsy(good, secret), place, None))
            reply = server.send("POST", "/api/v1/preview", {**asked, "request": body})
            if reply.status != 200:
                told.append(secret)
                evidence.add("refusal of a preview", reply.body)


def visit_all(server: serving.Server, evidence: Evidence) -> None:
    """Ask every route, well and badly."""
    for route in ROUTES:
        if route.method == "GET" and not route.path.endswith("/stream"):
            path = path_of(route)
            evidence.add(f"answer of {route.path}", server.get(path).body)
            for bad in (f"limit={NEVER_CREATED}", f"{NEVER_CREATED}=1", f"as_of={NEVER_CREATED}"):
                evidence.add(f"refusal of {route.path}", server.get(f"{path}{'&' if '?' in path else '?'}{bad}").body)
            evidence.add(f"refusal of {route.path}", server.get(path, token=NEVER_CREATED).body)
            evidence.add(f"refusal of {route.path}", server.get(re.sub("{[a-z]+}", NEVER_CREATED, route.path)).body)


def run_locally(folder: Path, evidence: Evidence) -> None:
    """Run what the command line does on a data folder, and once with another passphrase."""
    for passphrase in (MASTER_PASSPHRASE, "another master passphrase"):
        for command in (["log", "verify"], ["views", "list"], ["views", "rebuild"], ["status"], ["init"]):
            done = subprocess.run(
                [sys.executable, "-m", "es_pki", "--data-dir", str(folder), *command],
                env=serving.environment(ES_PKI_MASTER_PASSPHRASE=passphrase),
                capture_output=True,
                check=False,
            )
            evidence.add(f"es-pki {' '.join(command)}", done.stdout, done.stderr)


def back_up(folder: Path, evidence: Evidence) -> None:
    """Make, check and restore backups, sealed and not; what is in them is evidence, unpacked."""
    place = folder.with_name("backups")
    place.mkdir()
    (place / "passphrase").write_text(BACKUP_PASSPHRASE)
    (place / "passphrase").chmod(0o600)
    sealed = ["--passphrase-file", str(place / "passphrase")]
    settings = serving.environment(ES_PKI_MASTER_PASSPHRASE=MASTER_PASSPHRASE)
    for status, verb, name, *options in (
        (0, "create", "plain", "--data-dir", str(folder)),
        (0, "restore", "plain", "--data-dir", str(place / "from-plain")),
        (0, "create", "sealed", "--data-dir", str(folder), *sealed),
        (2, "verify", "sealed"),
        (0, "restore", "sealed", "--data-dir", str(place / "from-sealed"), *sealed),
    ):
        command = [sys.executable, "-m", "es_pki", "backup", verb, str(place / name), *options]
        done = subprocess.run(command, env=settings, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == status, done.stderr
        evidence.add(f"es-pki backup {verb}", done.stdout, done.stderr)
    with tarfile.open(place / "plain") as archive:
        evidence.add("backup", *(archive.extractfile(member).read() for member in archive))
    evidence.add("sealed backup", (place / "sealed").read_bytes())
    for path in place.glob("from-*/*"):
        evidence.add(f"restored {path.name}", path.read_bytes())


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Run a server through everything it can do, and gather the evidence."""
    folder = tmp_path_factory.mktemp("audit") / "data"
    evidence, told = Evidence(), []
    with serving.running(folder, ES_PKI_MASTER_PASSPHRASE=MASTER_PASSPHRASE) as server:
        tokens = [server.token]
        for request in REQUESTS:
            tokens += send_all(server, request, evidence, told)
        preview_all(server, evidence, told)
        exported = list(export_all(server, evidence))
        told += [passphrase for _, passphrase in exported]
        furnish(server)
        visit_all(server, evidence)
        evidence.add("files while it runs", *(p.read_bytes() for p in folder.iterdir() if p.name != "admin.token"))
        serving.stop(server)
    evidence.add("output", server.log.read_bytes())
    run_locally(folder, evidence)
    back_up(folder, evidence)
    for path in folder.iterdir():
        if path.name != "admin.token":
            evidence.add(path.name, path.read_bytes())
    return Audited(evidence.sealed(), folder, tokens, told, exported)


NO_KEYS = frozenset({CREDENTIALS, NOTICE_SECRETS, CHAP_SECRET})
"""The purposes of what is in the key store and no private key."""


def stored_keys(folder: Path) -> Iterator[bytes]:
    """Yield every private key of the key store, in DER PKCS#8; others' secrets are among what was told.

    CHAP secrets of targets that no tgtd has are gone by then; `test_chap.py` looks for those that one has.
    """
    connection = sqlite3.connect(folder / "keys.db")
    mark = StoreMark(*connection.execute('SELECT salt, cost, "check" FROM mark').fetchone())
    master, _ = from_passphrase(MASTER_PASSPHRASE)(mark)
    rows = connection.execute("SELECT key_id, purpose, owner, wrapped, ciphertext FROM key").fetchall()
    connection.close()
    for key_id, purpose, owner, wrapped, ciphertext in (row for row in rows if row[1] not in NO_KEYS):
        yield unseal(master, Sealed(wrapped, ciphertext), label(key_id, purpose, owner))


def scalar(key: PrivateKeyTypes) -> bytes:
    """Return the octets that make a P-256 or Ed25519 key private."""
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.private_numbers().private_value.to_bytes(32, "big")
        case ed25519.Ed25519PrivateKey():
            return key.private_bytes_raw()
        case _:
            raise TypeError("the audit doesn't know what is secret of this key")


def test_the_audit_would_find_a_secret(audited):
    """A check that can't fail is none: what is public is found in the same evidence, whatever its form."""
    root = base64.b64decode("".join((audited.folder / "ca.pem").read_text().splitlines()[1:-1]))
    found = places_of(root[150:182], audited.evidence)
    assert {"log.db", "answer of /api/v1/events", "backup", "restored log.db"} <= found
    assert "sealed backup" not in found
    in_pem = set().union(*(places_of(piece, audited.evidence) for piece in in_lines(root[150:182])))
    assert "ca.pem" in in_pem
    assert places_of(b"sample.example.test", audited.evidence)


def test_no_private_key_is_anywhere(audited):
    keys = [load_der_private_key(key, None) for key in stored_keys(audited.folder)]
    secrets = [scalar(key) for key in keys]
    assert len(secrets) >= 4
    assert any(isinstance(key, ed25519.Ed25519PrivateKey) for key in keys)
    for secret in secrets:
        assert places_of(secret, audited.evidence) == set()
        for piece in in_lines(secret):
            assert places_of(piece, audited.evidence) == set()


def test_no_private_key_that_was_sent_by_mistake_is_anywhere(audited):
    keys = [secret for secret in audited.told if "PRIVATE KEY" in secret]
    assert len(keys) > 20
    for pem in keys:
        for line in pem.splitlines()[1:-1]:
            assert places_of(line[:40].encode(), audited.evidence) == set()


def test_no_passphrase_is_anywhere(audited):
    passphrases = [secret for secret in audited.told if "PRIVATE KEY" not in secret]
    assert len(passphrases) > 20
    for passphrase in (MASTER_PASSPHRASE, BACKUP_PASSPHRASE, *passphrases):
        assert places_of(passphrase.encode(), audited.evidence) == set()


def test_a_key_leaves_only_in_the_answer_to_an_export_and_only_its_passphrase_opens_it(audited):
    """The files are evidence of the audit as all else is: the keys in them are found nowhere."""
    kept = [load_der_private_key(key, None).public_key() for key in stored_keys(audited.folder)]
    assert len(audited.exported) == 3
    for file, passphrase in audited.exported:
        load = load_pem_private_key if file.startswith(b"-----BEGIN") else _from_pkcs12
        assert load(file, passphrase.encode()).public_key() in kept
        with pytest.raises((ValueError, TypeError)):
            load(file, None)
        with pytest.raises(ValueError, match="password"):
            load(file, NEVER_CREATED.encode())
        assert places_of(file[200:240], audited.evidence) == {"answer of ExportCertificate"}  # amidst the ciphertext


def _from_pkcs12(file: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    key = load_pkcs12(file, passphrase).key
    assert key is not None
    return key


def test_no_token_is_anywhere_but_in_the_answer_that_made_it(audited):
    assert len(audited.tokens) >= 2
    for token in (NEVER_CREATED, *audited.tokens):
        assert places_of(token.encode(), audited.evidence) == set()
