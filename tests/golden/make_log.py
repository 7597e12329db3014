"""Makes the whole log that is kept for a release: `python -m tests.golden.make_log`.

It drives a real es-pki through every command there is and writes two files into `tests/golden/logs/`, named after the
version in pyproject.toml:

    VERSION.jsonl          the log: a line with its size and root hash, then a line for each record
    VERSION.expected.json  what its views show, and the digests of the stores' formats of that release

Until the release is made both may be made anew at any time, whenever commands or events are added. The release adds a
line to `logs/RELEASED`; then they are never changed again: every later release must still read them so.
"""

import asyncio
import hashlib
import itertools
import json
import tempfile
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509

from es_pki.adapters import clock
from es_pki.adapters.examination import examine
from es_pki.adapters.intake.requests import REQUESTS, CreateAuthority, IssueCertificate, Request
from es_pki.adapters.keyring import KeyRing
from es_pki.adapters.signing import Signer
from es_pki.adapters.views.replay import replay
from es_pki.app import Aggregates
from es_pki.commands.refusals import SigningGivenUp
from es_pki.events.authority import AuthorityPrepared
from es_pki.events.certificate import CertificatePrepared
from es_pki.events.ocsp_responder import OCSPResponderPrepared
from es_pki.projections import VIEWS
from eventlog import Log, Record, merkle
from eventlog.sqlite import SQLiteLog
from tests import ocsp, serving
from tests.migrating import STORES
from tests.postgres import free_port
from tests.samples import sample
from tests.serving import Server
from tests.world import Failing, Fault, World, open_keys

LOGS = Path(__file__).parent / "logs"
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

PROGRAM = """
import socket
socket.gethostname = lambda: "pki"
from es_pki.__main__ import main
main()
"""
"""es-pki on a machine of this name: the real one's would get into its own certificate, and be kept for ever."""

VARIETY: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "CreateAuthority",
        {
            "name": "branch",
            "subject": {"common_name": "Branch CA", "organization": "Zürich & Söhne", "country": "CH"},
            "issuer": "root",
            "key_type": "ec-p384",
            "path_length": 0,
            "name_constraints": {"permitted": {"dns_names": ["branch.test"], "ip_networks": ["2001:db8::/32"]}},
        },
    ),
    ("SetIssuancePolicy", {"authority": "branch", "policy": {"maximum_validity_days": 47, "wildcards": False}}),
    (
        "IssueCertificate",
        {
            "name": "branch-www",
            "authority": "branch",
            "dns_names": ["bücher.branch.test", "www.branch.test"],
            "ip_addresses": ["2001:db8::1"],
            "validity_days": 30,
        },
    ),
    ("IssueCertificate", {"name": "rsa", "authority": "intermediate", "dns_names": ["r.test"], "key_type": "rsa-2048"}),
    (
        "IssueCertificate",
        {
            "name": "mail",
            "authority": "intermediate",
            "email_addresses": ["a@example.test"],
            "profile": "email",
            "key_type": "ec-p256",
        },
    ),
    ("SelfSignCertificate", {"name": "alone", "dns_names": ["*.alone.test"], "key_type": "ed25519"}),
    (
        "CreateCSR",
        {
            "name": "outward",
            "subject": {"common_name": "www.example.test"},
            "dns_names": ["www.example.test"],
            "key_type": "ec-p384",
        },
    ),
    ("SignCSR", {"name": "inward", "authority": "intermediate", "signing_request": "outward"}),
    ("CreateToken", {"name": "backup", "roles": ["auditor", "viewer"], "expires": "2099-01-01T00:00:00Z"}),
)


def drive(server: Server) -> None:
    """Send every command there is, and some in other forms."""
    for request in REQUESTS:
        server.done(request.__name__, **sample(request, server))
    for name, body in VARIETY:
        server.done(name, **body)
    ask_for_statuses(server)


def ask_for_statuses(server: Server) -> None:
    """Ask authorities over OCSP: then each has a responder certified."""
    for name in ("root", "branch"):
        certificate = server.get(f"/api/v1/authorities/{name}").json["certificate_pem"]
        authority = x509.load_pem_x509_certificate(certificate.encode())
        ocsp.answer(ocsp.ask(server, ocsp.question_about(authority, authority.serial_number), name))


async def give_up(folder: Path) -> None:
    """Have a certificate and an authority prepared that can't be signed until it is too late."""
    log, keys = await SQLiteLog.open(folder / "log.db"), await open_keys(folder)
    too_late = clock.now() + timedelta(days=100 * 365)
    wishes: tuple[Request, ...] = (
        IssueCertificate(name="given-up", authority="intermediate", dns_names=("g.test",)),
        CreateAuthority(name="given-up", subject={"common_name": "Given up"}),
    )
    for wish in wishes:
        try:
            await World(log, Failing(keys, {"get"}, 1, after=False)).ask(wish)
        except Fault:
            await _sign(log, Signer(Aggregates(log), KeyRing(keys), lambda: too_late))
    await keys.close()
    await log.close()


async def _sign(log: Log, signer: Signer) -> None:
    for stream, prepared in (await examine(log)).outstanding.items():
        _, _, aggregate_id = stream.partition("-")
        try:
            match prepared:
                case AuthorityPrepared():
                    await signer.sign_authority(aggregate_id)
                case CertificatePrepared(version=version):
                    await signer.sign_certificate(aggregate_id, version)
                case OCSPResponderPrepared(version=version):
                    await signer.sign_ocsp_responder(aggregate_id, version)
        except SigningGivenUp:
            continue


def line(record: Record) -> str:
    """Return a record as a line: metadata and data as the texts that they are, the leaf hash in hex."""
    texts = {"metadata": record.metadata.decode(), "data": record.data.decode(), "leaf_hash": record.leaf_hash.hex()}
    return json.dumps(record._asdict() | texts, ensure_ascii=False)


def record_of(text: str) -> Record:
    """Return the record of a line."""
    fields = json.loads(text)
    encoded = {"metadata": fields["metadata"].encode(), "data": fields["data"].encode()}
    return Record(**fields | encoded | {"leaf_hash": bytes.fromhex(fields["leaf_hash"])})


async def written_out(folder: Path) -> tuple[str, str]:
    """Return the texts of the two files of a data folder."""
    log = await SQLiteLog.open(folder / "log.db")
    head = await log.head()
    lines = [json.dumps({"size": head.size, "root_hash": merkle.root(head.frontier).hex()})]
    lines += [line(record) async for page in log.read_all() for record in page.records]
    shown = {}
    for view in VIEWS:
        rows = replay(log, view, head.size, folder / "replay.db", lambda _done, _total: None)
        shown[view.name] = [msgspec.to_builtins(row) async for row in rows]
    await log.close()
    expected = {"views": shown, "formats": formats()}
    return "\n".join(lines) + "\n", json.dumps(expected, ensure_ascii=False, indent=1) + "\n"


def formats() -> dict[str, list[str]]:
    """Return the digest of every step of every store."""
    return {
        name: [hashlib.sha256(repr(step).encode()).hexdigest() for step in store.released]
        for name, store in STORES.items()
    }


def version() -> str:
    """Return the version in pyproject.toml."""
    return str(tomllib.loads(PYPROJECT.read_text())["project"]["version"])


def files(release: str) -> tuple[Path, Path]:
    """Return the two files of a release."""
    return LOGS / f"{release}.jsonl", LOGS / f"{release}.expected.json"


def digests(release: str) -> list[str]:
    """Return the digests of the two files."""
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in files(release)]


def released() -> dict[str, list[str]]:
    """Return the releases that were made, with the digests of their files."""
    lines = (LOGS / "RELEASED").read_text().splitlines()
    return {words[0]: words[1:] for words in (text.split() for text in lines if not text.startswith("#")) if words}


def main() -> None:
    """Make the files of the version in pyproject.toml."""
    release = version()
    if release in released():
        raise SystemExit(f"{release} was released: its log stays as it is; raise the version first")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        public = f"127.0.0.1:{free_port()}"
        addresses = ("--public-url", "http://pki.example.test", "--public-listen", public)
        server = serving.start(folder, *addresses, program=("-c", PROGRAM))
        server.public_url = f"http://{public}"  # where an ACME directory asks, whatever certificates say
        try:
            drive(server)
        finally:
            serving.stop(server)
        asyncio.run(give_up(folder))
        for path, text in zip(files(release), asyncio.run(written_out(folder)), strict=True):
            path.write_text(text)
    print(" ".join(itertools.chain([release], digests(release))))


if __name__ == "__main__":
    main()
