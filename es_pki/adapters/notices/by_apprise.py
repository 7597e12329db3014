"""Notices by what `apprise` knows, in a process of its own: its requests block, and can't be stopped otherwise."""

import os
import sys

import msgspec
from msgspec import Struct

from es_pki.adapters import program
from es_pki.adapters.notices.message import Message, Undelivered
from es_pki.adapters.program import NotRun, Work
from es_pki.adapters.redaction import without

SECONDS = 45.0
"""Less than the command line waits for an answer."""

MODULE = "es_pki.adapters.notices.apprise_child"

NOT_INSTALLED = 3
"""The exit status of the process where `apprise` is missing."""


class Task(Struct, frozen=True):
    """What the process reads: where apprise sends what."""

    url: str
    title: str
    text: str


async def send(secret: bytes, message: Message) -> str:
    """Have apprise send a message. Raises `Undelivered`."""
    task = Task(secret.decode(), message.occasion.title, message.occasion.text)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ES_PKI_")}
    command = (sys.executable, "-m", MODULE)
    try:
        ran = await program.run(Work(command, environment, msgspec.json.encode(task), SECONDS))
    except NotRun as failed:
        raise Undelivered(f"apprise could not send it: {failed}", in_doubt=True) from None
    if ran.status == NOT_INSTALLED:
        raise Undelivered("apprise is not installed: install es-pki[apprise], or use email or a webhook")
    if ran.status:
        raise Undelivered(f"apprise could not send it: {without(secret, ran.output)}")
    return ""
