"""A directory that offers dns-persist-01, in front of a Pebble that doesn't know it yet.

What is judged here is the standing record, read at the name server: by a reader of its own, as the draft wants it. Then
the proxy answers Pebble's dns-01 in the client's place, and all that Pebble does stays real: it validates dns-01 by
DNS, and makes its order ready. Whether the directory of a real CA reads such records in the same way isn't shown.
"""

import base64
import hashlib
import json
import re
import time
from typing import Any

import josepy
from aiohttp import web

from tests.acme_proxy import Proxy
from tests.bind import Bind

ISSUER = "ca.example.test"
HASH_PREFIX = "https://ca.example.test/account-hash/"


class Persisting:
    """Has a proxy offer dns-persist-01; `draft` is 1 or 2. `looked` are the records that were judged good."""

    def __init__(self, proxy: Proxy, name_server: Bind, draft: int) -> None:
        self._proxy, self._name_server, self._draft = proxy, name_server, draft
        self._accounts: dict[str, str] = {}
        self._identifiers: dict[str, tuple[dict[str, Any], str]] = {}
        self.looked: set[str] = set()
        proxy.rules.append(self.rule)
        proxy.further["meta"] = {"caaIdentities": [ISSUER]}
        if draft == 2:
            proxy.further["meta"] |= {"issuerDomainNames": [ISSUER], "accountHashPrefix": HASH_PREFIX}

    async def rule(self, request: web.Request, body: bytes) -> web.StreamResponse | None:
        if request.path == "/sign-me-up":
            answer = await self._proxy._passed_on(request, body)
            jwk = josepy.JWK.from_json(_protected(body)["jwk"])
            self._accounts[answer.headers.get("Location", "")] = _encoded(jwk.thumbprint())
            return answer
        if request.path.startswith("/authZ/"):
            return self._offering(await self._proxy._passed_on(request, body))
        if request.path.startswith("/chalZ/") and _payload(body) == "{}":
            self._judge(str(request.url), _protected(body)["kid"])
        return None

    def _offering(self, answer: Any) -> web.StreamResponse:
        """Add the challenge to an authorization's."""
        told = json.loads(answer.body)
        by_dns = next((each for each in told.get("challenges", ()) if each["type"] == "dns-01"), None)
        if by_dns is not None and told["status"] == "pending":
            self._identifiers[by_dns["url"]] = told, by_dns["token"]
            issuers = {"issuerDomainNames" if self._draft == 2 else "issuer-domain-names": [ISSUER]}
            told["challenges"] = [{"type": "dns-persist-01", "url": by_dns["url"], "status": "pending", **issuers}]
        reply = web.json_response(told, status=answer.status)
        reply.headers.extend(
            {name: answer.headers[name] for name in ("Replay-Nonce", "Link") if name in answer.headers}
        )
        return reply

    def _judge(self, url: str, account: str) -> None:
        """Look for the record; where it is good, have Pebble be convinced as it is used to."""
        authorization, token = self._identifiers[url.replace("http://", "https://")]
        name, is_wildcard = authorization["identifier"]["value"], authorization.get("wildcard", False)
        for value in self._name_server.values(f"_validation-persist.{name}"):
            if self._is_good(value, name, account, is_wildcard=is_wildcard):
                self.looked.add(value)
                digest = hashlib.sha256(f"{token}.{self._accounts[account]}".encode()).digest()
                self._name_server.add("example.test", f"_acme-challenge.{name}", "TXT", _encoded(digest))
                return

    def _is_good(self, value: str, name: str, account: str, *, is_wildcard: bool) -> bool:
        wanted = account
        if self._draft == 2:
            octets = bytes([len(name)]) + f"{name}{self._accounts[account]}{account}".encode()
            wanted = f"{HASH_PREFIX}sha-256/{_encoded(hashlib.sha256(octets).digest())}"
        shape = rf"{re.escape(ISSUER)}; accounturi={re.escape(wanted)}(; policy=(\w+))?(; persistUntil=(\d+))?"
        found = re.fullmatch(shape, value)
        if found is None or (is_wildcard and found[2] != "wildcard"):
            return False
        return found[4] is None or int(found[4]) > time.time()


def _protected(body: bytes) -> Any:
    return json.loads(base64.urlsafe_b64decode(json.loads(body)["protected"] + "=="))


def _payload(body: bytes) -> str:
    return base64.urlsafe_b64decode(json.loads(body)["payload"] + "==").decode()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
