"""Many certificates that are due in one window, renewed by a server at its rate: what Pebble got, and when.

`python -m bench.acme_renewals [--certificates N] [--per-hour N] [--window SECONDS]`: a directory suggests the same
window for all (a proxy in front of Pebble says so, as RFC 9773 has it), and a real server renews them by itself. What
is printed follows from the server's log: when moments were drawn for, when orders were placed, when versions came.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from bench.acme import es_pki
from tests import pebble, serving
from tests.acme_proxy import Proxy

_accounts = count(1)


class Renewed(NamedTuple):
    """When moments were drawn for, orders placed, and certificates came; in seconds from the window's beginning."""

    planned: list[float]
    placed: list[float]
    came: list[float]


def suggest(proxy: Proxy, start: datetime, end: datetime) -> None:
    """Have the directory suggest a window for every certificate; for those that came in it, one in two days."""
    proxy.further["renewalInfo"] = proxy.url.replace("/dir", "/renewal-info")
    asked: set[str] = set()

    async def rule(request: web.Request, _body: bytes) -> web.StreamResponse | None:
        if not request.path.startswith("/renewal-info/"):
            return None
        is_early = datetime.now(UTC) < start or request.path in asked
        asked.add(request.path)
        begin, stop = (start, end) if is_early else (start + timedelta(days=2), end + timedelta(days=2))
        window = {"start": begin.isoformat(), "end": stop.isoformat()}
        return web.json_response({"suggestedWindow": window}, headers={"Retry-After": "21600"})

    proxy.rules.append(rule)


async def renewed(server: serving.Server, directory: pebble.Pebble, certificates: int, window: timedelta) -> Renewed:
    """Order, and wait until all have been renewed."""
    async with Proxy(directory).running() as proxy:
        start = datetime.now(UTC) + timedelta(seconds=30 + certificates / 10)
        suggest(proxy, start, start + window)
        account = f"account-{next(_accounts)}"
        told = {"directory": proxy.url, "ca_bundle": proxy.ca_bundle, "terms_of_service_agreed": True}
        await asyncio.to_thread(lambda: server.done("RegisterACMEAccount", name=account, **told))
        took = await es_pki(server, account, certificates, 4)
        print(f"{certificates} ordered in {took:.0f} s; the window begins in {seconds(datetime.now(UTC), start):.0f} s")
        while True:
            found = await asyncio.to_thread(events, server, start)
            if len(found.came) >= certificates:
                return found
            await asyncio.sleep(5)


def seconds(begin: datetime, end: datetime) -> float:
    """Return how long it is from one time to another."""
    return (end - begin).total_seconds()


def events(server: serving.Server, start: datetime) -> Renewed:
    """Return what the server's log tells of renewals."""
    found: dict[str, list[float]] = {"acme_renewal.planned.v1": [], "acme_order.placed.v1": [], "came": []}
    renewing: set[str] = set()
    after = 0
    while True:
        page = server.get(f"/api/v1/events?after={after}&limit=1000").json["items"]
        for event in page:
            after, at = event["position"], seconds(start, datetime.fromisoformat(event["time"]))
            kind, data = event["type"], event["data"]
            if kind == "acme_renewal.planned.v1" and data["version"] == 1:
                found[kind].append(seconds(start, datetime.fromisoformat(data["at"])))
            elif kind == "acme_order.placed.v1" and data.get("renews"):
                renewing.add(event["stream"])
                found[kind].append(at)
            elif kind == "acme_order.certificate_obtained.v1" and event["stream"] in renewing:
                found["came"].append(at)
        if len(page) < 1000:
            return Renewed(*(sorted(times) for times in found.values()))


def most_within(times: Sequence[float], span: float) -> int:
    """Return how many there are within any so many seconds."""
    return max(sum(begin <= time < begin + span for time in times) for begin in times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.acme_renewals")
    parser.add_argument("--certificates", type=int, default=500)
    parser.add_argument("--per-hour", type=int, default=18_000)
    parser.add_argument("--window", type=int, default=120, metavar="SECONDS")
    arguments = parser.parse_args(sys.argv[1:])
    settings = {"ES_PKI_ACME_RENEWALS_PER_HOUR": str(arguments.per_hour)}
    with (
        tempfile.TemporaryDirectory() as name,
        serving.running(Path(name) / "data", **settings) as server,
        pebble.running(PEBBLE_WFE_NONCEREJECT="0", PEBBLE_AUTHZREUSE="0") as directory,
    ):
        directory.answers_at(server.public_url)
        window = timedelta(seconds=arguments.window)
        told = asyncio.run(renewed(server, directory, arguments.certificates, window))
    print(f"moments drawn from {told.planned[0]:.0f} s to {told.planned[-1]:.0f} s of a window of {arguments.window} s")
    print(
        f"orders placed from {told.placed[0]:.0f} s to {told.placed[-1]:.0f} s, the last came at {told.came[-1]:.0f} s"
    )
    per_minute = arguments.per_hour / 60
    print(f"most in a minute: {most_within(told.placed, 60)}, at a rate of {per_minute:.0f} and as many after a pause")


if __name__ == "__main__":
    main()
