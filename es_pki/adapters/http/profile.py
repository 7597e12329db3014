"""The profiles over HTTP: those that are built in, then those that were added, as they are or were."""

from aiohttp import web

from es_pki.adapters.http.asking import as_of, wait_until_seen
from es_pki.adapters.http.lists import history_of, row_of
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply, row_object
from es_pki.adapters.views import ROWS_AT_ONCE, Query, every_row
from es_pki.commands.built_in import BUILT_IN
from es_pki.projections import profiles
from es_pki.projections.profiles import ProfileStatus, Row


async def list_profiles(request: web.Request) -> web.StreamResponse:
    """Answer with every profile, all on one page: those that are built in, then those that were added, by name."""
    await wait_until_seen(request)
    views, query = request.app[PARTS].views, Query(limit=ROWS_AT_ONCE, as_of=await as_of(request))
    position = await views.checkpoint(profiles.view)
    rows = [*map(_built_in, BUILT_IN), *[row async for row in every_row(views, profiles.view, query)]]
    return json_reply({"items": [row_object(row) for row in rows], "cursor": None, "position": position})


async def one_profile(request: web.Request) -> web.StreamResponse:
    """Answer with a profile and its terms."""
    return json_reply(row_object(await _row(request)))


async def profile_history(request: web.Request) -> web.StreamResponse:
    """Answer with what happened to a profile, first to last; nothing ever happens to one that is built in."""
    return await history_of(request, (await _row(request)).id or "")


async def _row(request: web.Request) -> Row:
    wanted = request.match_info["id"]
    return _built_in(wanted) if wanted in BUILT_IN else await row_of(request, profiles.view)


def _built_in(name: str) -> Row:
    profile = BUILT_IN[name]
    return Row(id=None, name=profile.name, version=profile.version, status=ProfileStatus.BUILT_IN, terms=profile.terms)
