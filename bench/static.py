"""A rival of benchmarks over plain HTTP: an aiohttp handler that answers every GET with the same octets."""

import asyncio
import json
import os
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from es_pki.adapters.http import server


async def serve(ready: Path, size: int) -> None:
    """Serve answers of a size, then write where."""
    body = os.urandom(size)

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/ocsp-response")

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    bound = server.bind("127.0.0.1", 0)
    await web.SockSite(runner, bound).start()
    ready.write_text(json.dumps({"public_url": f"http://{server.address(bound)}", "pid": os.getpid()}))
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
