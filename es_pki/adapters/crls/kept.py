"""What a publisher knows, in a file of the data folder: a start then reads only what the log got since.

It holds nothing that the log doesn't say. A file of another release or another log, or a damaged one, counts for
nothing: then the log is read from its beginning.

The file is the SHA-256 of what follows, and `_File` in MessagePack.
"""

import hashlib
import logging
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from es_pki.adapters import whole_file
from es_pki.adapters.crls.ledger import Kept
from es_pki.adapters.crls.maker import Made

LOG = logging.getLogger("es_pki.crls")

FORMAT = 1
"""Raised when the file looks different, or when CRLs are encoded differently within a release."""

DIGEST_SIZE = 32


class Known(Struct, frozen=True):
    """What is known of the log up to `position`, whose record has this leaf hash.

    `authorities` are those that publish here, `made` the newest CRLs by their lists' ids: nothing waits to be signed.
    """

    position: int
    leaf_hash: bytes
    authorities: tuple[str, ...]
    made: dict[str, Made]
    ledger: Kept


class _File(Struct, frozen=True, array_like=True):
    format: int
    release: str
    known: Known


_DECODER = msgspec.msgpack.Decoder(_File)
_ENCODER = msgspec.msgpack.Encoder()


def write(path: Path, known: Known) -> None:
    """Write the file in place of the one before; what fails is told, and does no harm. For a thread."""
    content = _ENCODER.encode(_File(FORMAT, version("es-pki"), known))
    try:
        whole_file.write(path, hashlib.sha256(content).digest() + content)
    except OSError as error:
        LOG.warning("what is known of the CRLs can't be kept", extra={"fields": {"reason": str(error)}})


def read(path: Path) -> Known | None:
    """Return what was written by this release, None if there is nothing of use. For a thread."""
    try:
        content = memoryview(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        LOG.warning("what was known of the CRLs can't be read", extra={"fields": {"reason": str(error)}})
        return None
    if hashlib.sha256(content[DIGEST_SIZE:]).digest() != content[:DIGEST_SIZE]:
        LOG.warning("what was known of the CRLs is damaged: the log is read anew")
        return None
    try:
        file = _DECODER.decode(content[DIGEST_SIZE:])
    except msgspec.MsgspecError:
        return None  # another release's
    return file.known if (file.format, file.release) == (FORMAT, version("es-pki")) else None
