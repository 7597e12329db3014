"""`es-pki backup`: make, check and restore backups; works on a data folder or a database, also while a server runs."""

import argparse
import getpass
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

from es_pki.adapters.backup import BackupRefused, passphrase
from es_pki.adapters.backup.restoring import Loss
from es_pki.adapters.checkpoints.kept import Kept
from es_pki.adapters.cli import show
from es_pki.adapters.cli.local import BackupFile
from es_pki.adapters.cli.options import SETTINGS, Verb, option
from es_pki.adapters.cli.session import Misused, Session
from es_pki.adapters.cli.verbs.installation import AGAINST, KEY, kept_checkpoint, say_findings, verifier_keys
from es_pki.adapters.entropy import random_part
from eventlog import Finding
from eventlog.note import LONGEST_NAME

VARIABLE = "ES_PKI_BACKUP_PASSPHRASE"
LONGEST_REASON = 500


def create(session: Session) -> int:
    """Write the log and the still-sealed keys into one new file; a server may be running."""
    arguments = session.arguments
    ask = _given(session) or (_prompt_twice if arguments.ask_passphrase else None)
    with show.ProgressBars() as progress:
        made = session.local.create_backup(session.settings, BackupFile(Path(arguments.file), ask), progress)
    if session.wants_json:
        show.print_json({"file": made.file, "bytes": made.bytes, "origin": made.origin, "size": made.size})
    else:
        show.say(
            f"{made.file} holds the {made.size} records of {made.origin}, and the keys; the master key isn't in it"
        )
    return 0


def verify(session: Session) -> int:
    """Check a backup: every record, the checkpoint it ends at, and that every key is in it; status 1 if not."""
    with show.ProgressBars() as progress:
        found = session.local.verify_backup(_file(session), _kept(session), progress)
    findings = list(found.report.findings)
    if found.lacking:
        ends = f"the backup ends at position {found.manifest.size}"
        findings.append(Finding(0, f"{ends} and lacks {found.lacking} records that the checkpoint covers"))
    if session.wants_json:
        root = b64encode(found.report.root).decode()
        said = {"size": found.report.size, "root_hash": root, "origin": found.manifest.origin, "keys": found.keys}
        made = {"created": found.manifest.created.isoformat(), "release": found.manifest.release}
        show.print_json({**said, **made, "findings": [finding._asdict() for finding in findings]})
    elif findings:
        say_findings(findings, "the backup")
    else:
        show.say(f"the backup is sound: {found.report.size} records of {found.manifest.origin} and {found.keys} keys")
    return 1 if findings else 0


def restore(session: Session) -> int:
    """Fill an empty data folder or database with a backup, after checking it; what is there is never overwritten."""
    arguments = session.arguments
    kept = _kept(session)
    with show.ProgressBars() as progress:
        done = session.local.restore_backup(
            session.settings, _file(session), progress, kept=kept, loss=_loss(session, kept)
        )
    if session.wants_json:
        show.print_json({"size": done.size, "keys": done.keys, "origin": done.origin, "next": done.advice})
    else:
        show.say(f"{arguments.file}: {done.size} records and {done.keys} keys are restored; the log is {done.origin}")
        show.say(done.advice)
    return 0


def _loss(session: Session, kept: Kept) -> Loss | None:
    arguments = session.arguments
    if arguments.accept_loss is None:
        return None
    if not kept.note or not arguments.reason or len(arguments.reason) > LONGEST_REASON:
        needed = (
            f"--against the checkpoint that covers what is lost, and a --reason of up to {LONGEST_REASON} characters"
        )
        raise Misused(f"--accept-loss needs {needed}")
    lost_by = kept.note.partition("\n")[0]
    wanted = session.settings.log_origin
    drawn = f"{lost_by[: LONGEST_NAME - 20]}-{random_part()}"
    return Loss(arguments.accept_loss, arguments.reason, drawn if wanted in {"", lost_by} else wanted)


def _kept(session: Session) -> Kept:
    arguments = session.arguments
    vkeys = arguments.keys or ()
    return Kept("", verifier_keys(vkeys)) if arguments.against is None else kept_checkpoint(arguments.against, vkeys)


def _file(session: Session) -> BackupFile:
    """Return the backup to read, with a way to its passphrase should it be sealed."""
    return BackupFile(Path(session.arguments.file), _given(session) or _prompt)


def _given(session: Session) -> Callable[[], str] | None:
    """Return how the passphrase is got without asking anybody; None if nobody named it."""
    file = session.settings.backup_passphrase_file
    if file:
        return lambda: passphrase.from_file(Path(file))
    named = session.environment.get(VARIABLE)
    return (lambda: named) if named else None


def _prompt() -> str:
    if not sys.stdin.isatty():
        raise BackupRefused(f"nobody is there to ask for the passphrase: --passphrase-file or {VARIABLE} names it")
    return getpass.getpass("Passphrase of the backup: ")


def _prompt_twice() -> str:
    first = _prompt()
    if getpass.getpass("Once more: ") != first:
        raise BackupRefused("the passphrases differ")
    return first


FILE = option("file", metavar="FILE", help="the backup")
PASSPHRASE_FILE = option(
    "--passphrase-file",
    dest="backup_passphrase_file",
    metavar="FILE",
    default=argparse.SUPPRESS,
    help=f"file (0600) with the backup's passphrase (default: backup_passphrase_file, else {VARIABLE})",
)
ASK = option("--ask-passphrase", action="store_true", help="ask for a passphrase to seal the backup with")
ACCEPT_LOSS = option(
    "--accept-loss", metavar="NUMBER", type=int, help="so many records of the checkpoint aren't in the backup: go on"
)
REASON = option("--reason", metavar="TEXT", help="why records are lost, for the log")

VERBS = (
    Verb("backup create", create, (option("file", metavar="FILE", help="a new file"), PASSPHRASE_FILE, ASK, *SETTINGS)),
    Verb("backup verify", verify, (FILE, AGAINST, KEY, PASSPHRASE_FILE)),
    Verb("backup restore", restore, (FILE, AGAINST, KEY, ACCEPT_LOSS, REASON, PASSPHRASE_FILE, *SETTINGS)),
)
