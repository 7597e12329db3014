"""The API's client: one connection, TLS always verified, problem documents as `RefusedByServer`."""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import cast
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from es_pki.adapters.cli.place import Place

PATIENCE = 60.0
"""Seconds to wait for an answer; making a large RSA key takes some."""

PAGE = 1000
JSON = "application/json"
JSON_TYPES = frozenset({JSON, "application/problem+json"})

Object = dict[str, object]
Parameters = Mapping[str, str | Sequence[str] | None]


class Unreachable(Exception):
    """There is no talking to the server; the message says why."""


class RefusedByServer(Exception):
    """The server said no. `violations` are its `(field, rule, detail)`, `code` is the stable name of the reason.

    `problem` is the problem document as it came, None where none did.
    """

    def __init__(
        self,
        detail: str,
        violations: tuple[tuple[str, str, str], ...] = (),
        code: str = "",
        problem: Object | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.violations = violations
        self.code = code
        self.problem = problem


class Reply(Struct, frozen=True):
    """An answer as it came."""

    status: int
    media_type: str
    body: bytes

    def object(self) -> Object:
        """Return the JSON object. Raises `Unreachable` when es-pki can't have sent that."""
        try:
            decoded = json.loads(self.body)
        except ValueError:
            decoded = None
        if not isinstance(decoded, dict):
            raise Unreachable("what answers there is no es-pki")
        return decoded


class Client:
    """Talks to one server. Everything raises `Unreachable` and `RefusedByServer`."""

    def __init__(self, place: Place) -> None:
        parts = urlsplit(place.url)
        self.place = self._place = place
        self._path = parts.path.rstrip("/")
        context = _context(place)
        self._connection = http.client.HTTPSConnection(
            cast("str", parts.hostname), parts.port, timeout=PATIENCE, context=context
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def send(self, command: str, body: Mapping[str, object], idempotency_key: str | None) -> Object:
        """Send a command; return the answer with its `result`."""
        headers = {"Content-Type": JSON} | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})
        return self._done("POST", f"/api/v1/commands/{command}", headers, json.dumps(body).encode()).object()

    def get(self, path: str, parameters: Parameters | None = None) -> Object:
        """Return an object of a view, no older than the log's end."""
        return self._done("GET", _with(path, parameters), self._fresh()).object()

    def ask(self, path: str, body: Mapping[str, object]) -> Object:
        """Return the answer to a question that takes a body."""
        return self._done("POST", path, {"Content-Type": JSON}, json.dumps(body).encode()).object()

    def raw(self, path: str, parameters: Parameters, media_type: str) -> bytes:
        """Return an answer in a given form."""
        return self._done("GET", _with(path, parameters), {**self._fresh(), "Accept": media_type}).body

    def log(self, path: str, parameters: Parameters | None = None, media_type: str = "*/*") -> bytes:
        """Return something of the log itself, which waits for no view."""
        return self._done("GET", _with(f"/api/v1/log/{path}", parameters), {"Accept": media_type}).body

    def items(self, path: str, parameters: Parameters, *, limit: int | None = None) -> list[Object]:
        """Return the rows of a list, page by page to its end or to `limit`."""
        found: list[Object] = []
        cursor: str | None = None
        while True:
            size = PAGE if limit is None else min(PAGE, limit - len(found))
            page = self.get(path, {**parameters, "limit": str(size), "cursor": cursor})
            found += cast("list[Object]", page["items"])
            cursor = cast("str | None", page["cursor"])
            if cursor is None or (limit is not None and len(found) >= limit):
                return found

    def readiness(self) -> Object:
        """Return what the server says about itself, ready or not."""
        return self._exchange("GET", "/readyz", {}).object()

    def records(self, parameters: Parameters) -> Iterator[Object]:
        """Yield the records of the log after `after`, in order, to its end."""
        after: object = parameters.get("after")
        while True:
            page = self.get("/api/v1/events", {**parameters, "after": str(after or 0), "limit": str(PAGE)})
            yield from cast("list[Object]", page["items"])
            after = page["next"]
            if after is None:
                return

    def live_records(self, parameters: Parameters) -> Iterator[Object]:
        """Yield the records of the log after `after`, then each as it is appended, until the server ends it."""
        try:
            response = self._answered("GET", _with("/api/v1/events/stream", parameters), {})
            if response.status >= 400:
                raise _refusal(_read(response))
            if self._connection.sock is not None:
                self._connection.sock.settimeout(None)
            for line in response:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def _fresh(self) -> dict[str, str]:
        size = self.readiness().get("log")
        return {"ES-PKI-At-Least": str(size)} if isinstance(size, int) else {}

    def _done(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        reply = self._exchange(method, path, headers, body)
        if reply.status >= 400:
            raise _refusal(reply)
        return reply

    def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        try:
            return _read(self._answered(method, path, headers, body))
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def _answered(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> http.client.HTTPResponse:
        authorization = {"Authorization": f"Bearer {self._place.token}"}
        self._connection.request(method, self._path + path, body, {"Accept": JSON, **authorization, **headers})
        return self._connection.getresponse()

    def _unreachable(self, error: Exception) -> Unreachable:
        self._connection.close()
        if isinstance(error, ssl.SSLCertVerificationError):
            return Unreachable(
                f"{self._place.url}: its certificate can't be trusted ({error.verify_message}); "
                "name the authority's certificate with --ca-file"
            )
        reason = str(error) or type(error).__name__
        return Unreachable(f"can't reach {self._place.url}: {reason}; does es-pki serve run?")


def segment(name: str) -> str:
    """Return a name as one segment of a path."""
    return quote(name, safe="")


def _with(path: str, parameters: Parameters | None) -> str:
    given = {name: value for name, value in (parameters or {}).items() if value}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def _context(place: Place) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=place.only_authority)
        if place.further_authority:
            context.load_verify_locations(place.further_authority)
    except OSError as error:
        file = place.only_authority or place.further_authority
        raise Unreachable(f"{file}: no certificate of an authority can be read there: {error}") from error
    return context


def _read(response: http.client.HTTPResponse) -> Reply:
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Reply(response.status, media_type, response.read())


def _refusal(reply: Reply) -> RefusedByServer:
    if reply.media_type not in JSON_TYPES:
        return RefusedByServer(f"the server answered with status {reply.status}")
    problem = reply.object()
    violations = cast("list[dict[str, str]]", problem.get("errors") or [])
    return RefusedByServer(
        str(problem.get("detail") or f"the server answered with status {reply.status}"),
        tuple((str(v.get("field")), str(v.get("rule")), str(v.get("detail"))) for v in violations),
        str(problem.get("code") or ""),
        problem,
    )
