"""How somebody's DNS zones are changed: the settings of a DNS provider, which hold no secret."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

DNS_PORT = 53


class TSIGAlgorithm(StrEnum):
    """How updates are authenticated (RFC 8945 section 6)."""

    HMAC_SHA256 = "hmac-sha256"
    HMAC_SHA384 = "hmac-sha384"
    HMAC_SHA512 = "hmac-sha512"


class DynamicUpdates(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="rfc2136"):
    """A name server that takes updates (RFC 2136), authenticated by TSIG (RFC 8945).

    `server` is `HOST` or `HOST:PORT`, `key_name` what the server calls the key; the key itself is the credentials, in
    base64.
    """

    server: str
    key_name: str
    algorithm: TSIGAlgorithm = TSIGAlgorithm.HMAC_SHA256


class HookProgram(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="hook"):
    """A program of your own, started as it is, by no shell.

    `program` is an absolute path among those of the setting `dns_hooks`. In `arguments` stand `{verb}` (`present` or
    `cleanup`), `{name}` (with a dot at its end) and `{value}`. The credentials come by standard input.
    """

    program: str
    arguments: tuple[str, ...] = ("{verb}", "{name}", "{value}")


class LexiconProvider(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="lexicon"):
    """An account with a DNS host that `dns-lexicon` knows, which is installed with `es-pki[lexicon]`.

    `provider` is lexicon's name for it, as `cloudflare`; `options` are lexicon's own that are no secret, by their
    names there. The credentials are a JSON object with those that are: `{"auth_token": "…"}`.
    """

    provider: str
    options: Mapping[str, str] = {}


DNSSettings = DynamicUpdates | HookProgram | LexiconProvider
"""How a DNS provider is told what its zones should say."""


def host_and_port(text: str, default: int = DNS_PORT) -> tuple[str, int]:
    """Return the parts of `HOST`, `HOST:PORT`, `ADDRESS` or `[ADDRESS]:PORT`. Raises `ValueError`."""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("[ADDRESS]:PORT")
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    number = port.removeprefix(":")
    if not host or (number and not (number.isascii() and number.isdigit() and 0 < int(number) <= 65_535)):
        raise ValueError("HOST or HOST:PORT")
    return host, int(number or default)
