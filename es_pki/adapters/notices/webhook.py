"""Notices by webhook: a JSON object, signed as the Standard Webhooks say, so that whoever gets it can prove whence.

    webhook-id          the notice's id, the same at every attempt: who has seen it needs it no more
    webhook-timestamp   when it was sent, in seconds since 1970; an old one is somebody's replay
    webhook-signature   `v1,` and base64 of the HMAC-SHA-256 over id, timestamp and body with dots between them

The key is the secret's octets; of a secret `whsec_…`, as others draw it, what stands in base64 behind that.
"""

import base64
import binascii
import hashlib
import hmac
import ssl

import msgspec

from es_pki.adapters.fetching import Fetcher, FetchFailed
from es_pki.adapters.notices.message import Message, Undelivered
from es_pki.values.notices import Webhook

PREFIX = b"whsec_"

SHORTEST_KEY = 16
"""Octets."""


async def send(
    fetcher: Fetcher, settings: Webhook, secret: bytes, trusting: ssl.SSLContext | None, message: Message
) -> str:
    """Post a message to the address. Raises `Undelivered`; trying again is safe, since the id says what it is."""
    body = content(message)
    try:
        await fetcher.deliver(settings.url, body, _headers(key_of(secret), body, message), trusting)
    except FetchFailed as failed:
        raise Undelivered(str(failed)) from None
    return ""


def content(message: Message) -> bytes:
    """Return what is posted."""
    occasion = message.occasion
    service = {"id": occasion.service_id, "name": occasion.service} if occasion.service_id else None
    told = {
        "id": message.id,
        "kind": occasion.kind,
        "detail": occasion.detail,
        "title": occasion.title,
        "text": occasion.text,
        "subject": {"id": occasion.subject_id, "name": occasion.subject, "version": occasion.version},
        "service": service,
    }
    return msgspec.json.encode(told)


def key_of(secret: bytes) -> bytes:
    """Return the key that a secret stands for. Raises `ValueError` for one that is too short."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True) if secret.startswith(PREFIX) else secret
    except binascii.Error:
        raise ValueError("behind whsec_ stands base64") from None
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"the key has at least {SHORTEST_KEY} octets")
    return key


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature over a body."""
    signed = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def _headers(key: bytes, body: bytes, message: Message) -> dict[str, str]:
    timestamp = int(message.at.timestamp())
    return {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(key, message.id, timestamp, body),
    }
