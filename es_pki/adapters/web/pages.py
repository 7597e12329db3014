"""The web page and the API's documentation: files that are read once and may load only one another."""

from pathlib import Path
from types import MappingProxyType

from aiohttp import web

_HERE = Path(__file__).parent

_MEDIA_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

_FILES = {
    name: (_HERE / name).read_bytes()
    for name in ("index.html", "docs.html", "app.js", "docs.js", "dom.js", "style.css", "icon.svg")
}

ASSETS = frozenset(name for name in _FILES if not name.endswith(".html"))

POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
)

SECURITY = MappingProxyType(
    {
        "Content-Security-Policy": "; ".join(POLICY),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
)


async def index(_request: web.Request) -> web.StreamResponse:
    """Answer with the web page."""
    return _file("index.html")


async def docs(_request: web.Request) -> web.StreamResponse:
    """Answer with a page that shows /openapi.json readably."""
    return _file("docs.html")


async def asset(request: web.Request) -> web.StreamResponse:
    """Answer with a script, style sheet or icon of the pages."""
    name = request.match_info["name"]
    if name not in ASSETS:
        raise web.HTTPNotFound
    return _file(name)


def _file(name: str) -> web.Response:
    media_type = _MEDIA_TYPES[Path(name).suffix]
    return web.Response(body=_FILES[name], content_type=media_type, charset="utf-8", headers=SECURITY)
