"""Where the server is, how to be let in, and whose word to take for it: options, environment, data folder."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

LONGEST_TOKEN = 256


class NoPlace(Exception):
    """Nothing says where the server is, or what says so can't be used."""


class Told(Struct, frozen=True):
    """What the command line was told; None where it wasn't."""

    url: str | None = None
    token_file: str | None = None
    ca_file: str | None = None


class Place(Struct, frozen=True):
    """A server. `only_authority`: file of the only CA to trust; `further_authority`: one besides the system's."""

    url: str
    token: str
    only_authority: str | None = None
    further_authority: str | None = None

    def __repr__(self) -> str:
        """Show the address, never the token."""
        return f"Place(url={self.url!r}, …)"


class _ServerFile(Struct):
    """`server.json`: what the running server says about itself."""

    url: str


def find(told: Told, environment: Mapping[str, str], folder: Path) -> Place:
    """Return the server and how to talk to it.

    Each part comes from an option, else from `ES_PKI_URL`, `ES_PKI_TOKEN`, `ES_PKI_CA_FILE`, else from the data
    folder: `server.json`, `admin.token`, `ca.pem`. Raises `NoPlace`.
    """
    given = told.url or environment.get("ES_PKI_URL")
    url = _checked(given) if given else _running(folder)
    only, further = told.ca_file or environment.get("ES_PKI_CA_FILE") or None, None
    own = folder / "ca.pem"
    if only is None and own.exists():
        only, further = (None, str(own)) if given else (str(own), None)
    return Place(url, _token(told, environment, folder), only, further)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise NoPlace("the server's address is an https:// URL: a token is never sent in clear")
    return url


def _running(folder: Path) -> str:
    file = folder / "server.json"
    try:
        return _checked(msgspec.json.decode(file.read_bytes(), type=_ServerFile).url)
    except FileNotFoundError:
        raise NoPlace(
            f"no server has run on {folder}: start one with es-pki serve, or name it with --url or ES_PKI_URL"
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise NoPlace(f"{file}: {error}") from error


def _token(told: Told, environment: Mapping[str, str], folder: Path) -> str:
    token = "" if told.token_file else environment.get("ES_PKI_TOKEN", "")
    file = Path(told.token_file) if told.token_file else folder / "admin.token"
    if not token:
        try:
            token = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            if told.token_file or not isinstance(error, FileNotFoundError):
                raise NoPlace(f"{file}: the token can't be read: {error}") from error
    token = token.strip()
    if not token:
        raise NoPlace(f"no token found: --token-file, ES_PKI_TOKEN or admin.token in the data folder ({folder})")
    if len(token) > LONGEST_TOKEN or not token.isascii() or any(c.isspace() or not c.isprintable() for c in token):
        raise NoPlace("what was given as a token is none")
    return token
