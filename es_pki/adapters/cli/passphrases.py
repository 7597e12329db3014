"""Passphrases: from a file, the environment, or whoever sits there; never from the command line."""

import sys
from getpass import getpass

from es_pki.adapters.cli import files
from es_pki.adapters.cli.session import Misused, Session


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
