"""How a step of a deployment fails: with its reason, and with what the service said itself."""

import os
import re

from es_pki.events.service import DeploymentStep

LONGEST_WORDS = 1_000

_SECRET = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


class StepFailed(Exception):
    """A step that failed: which, why, and the service's own words."""

    def __init__(self, step: DeploymentStep, reason: str, words: str = "") -> None:
        super().__init__(reason)
        self.step = step
        self.reason = reason
        self.words = words


def words_of(output: bytes) -> str:
    """Return the end of a program's output as one line of text: bounded, escaped, without any private key."""
    text = _SECRET.sub("(a private key)", output.decode(errors="replace")).strip()
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped[-LONGEST_WORDS:]


def said_by(error: OSError) -> str:
    """Return what an error of the system says, without a path or address."""
    return (os.strerror(error.errno) if error.errno else error.strerror or type(error).__name__).lower()
