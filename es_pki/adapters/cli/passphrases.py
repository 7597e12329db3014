"""Passphrases: from a file, the environment, or whoever sits there; never from the command line."""

import sys
from collections.abc import Callable
from getpass import getpass

from es_pki.adapters.cli import files
from es_pki.adapters.cli.client import Object, RefusedByServer
from es_pki.adapters.cli.options import option
from es_pki.adapters.cli.session import Misused, Session

IMPORT_VARIABLE = "ES_PKI_IMPORT_PASSPHRASE"
"""The variable with the passphrase of what is imported."""

IMPORT_FILE = option(
    "--passphrase-file",
    metavar="FILE",
    help=f"file with the passphrase of what is encrypted (default: {IMPORT_VARIABLE}, else asked for)",
)


def given(session: Session, variable: str) -> str | None:
    """Return the passphrase of `--passphrase-file`, or of a variable; None without either. Raises `Misused`."""
    file = session.arguments.passphrase_file
    if file is not None:
        return _line(file, files.read(file))
    return session.environment.get(variable) or None


def can_be_asked_for() -> bool:
    """Tell whether somebody sits there."""
    return sys.stdin.isatty()


def asked_for(prompt: str) -> str:
    """Ask for a passphrase, which the terminal doesn't show."""
    return getpass(prompt)


def _line(file: str, content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Misused(f"{file}: a passphrase is text, in UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")


def sent(session: Session, send: Callable[[str | None], Object], file: str) -> Object:
    """Send what is imported with its passphrase, and once more with one that is asked for if it lacks one."""
    passphrase = given(session, IMPORT_VARIABLE)
    try:
        return send(passphrase)
    except RefusedByServer as refused:
        if passphrase is not None or refused.code != "passphrase-wrong" or not can_be_asked_for():
            raise
        return send(asked_for(f"Passphrase of {file}: "))
