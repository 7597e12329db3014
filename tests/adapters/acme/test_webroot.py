"""http-01 through the folder of a web server: a real nginx answers a real directory out of it."""

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from es_pki.adapters import clock
from es_pki.adapters.acme.http_01 import WEBROOT_TROUBLE
from es_pki.adapters.acme.webroot import WebrootFailed, WebrootNotAllowed, Webroots
from es_pki.adapters.intake.deciders import ACME_ORDER
from es_pki.adapters.intake.requests import AbandonACMEOrder, PlaceACMEOrder, RenewACME
from es_pki.values.acme import ACME_GIVEN_UP, ACME_REFUSED_HERE
from eventlog.memory import MemoryLog
from tests import nginx
from tests.adapters.acme.conftest import registration
from tests.world import Failing, Fault, World, open_keys

TOKEN = "a-token-of-sixteen-characters-or-more"  # noqa: S105 - known to everybody


@pytest.fixture(scope="module")
def web_server(directory):
    """The folder of a running nginx, at which the directory looks."""
    with nginx.with_folder() as (root, port):
        directory.answers_at(f"http://127.0.0.1:{port}")
        yield root


@pytest.fixture
async def world(tmp_path, directory, web_server):
    """An es-pki without listeners, with an account, that may use the web server's folder."""
    log, keys = await MemoryLog.open(), await open_keys(tmp_path)
    world = World(log, keys, webroots=(str(web_server),))
    await world.ask(registration(directory))
    yield world
    await world.acme.close()
    await world.keys.close()
    await log.close()


@pytest.fixture
def strict():
    """What every es-pki does first: what it makes is its owner's alone."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def order(name, webroot, **changes):
    told = {"dns_names": (f"{name}.example.test",), "webroot": str(webroot)}
    return PlaceACMEOrder(name, "pebble", **{**told, **changes})


def left_in(root):
    return [path.name for path in root.rglob("*") if not path.is_dir()]


@pytest.mark.usefixtures("strict")
async def test_a_web_server_answers_and_nothing_is_left(world, web_server):
    issued = (await world.ask(order("www", web_server, ip_addresses=("127.0.0.1",)))).result
    assert issued["status"] == "issued", issued["problem"]
    assert left_in(web_server) == []
    renewed = (await world.ask(RenewACME("www"))).result
    assert (renewed["status"], renewed["version"]) == ("issued", 2)
    assert (await world.examine()).findings == []


@pytest.mark.parametrize("number", [3, 4, 5, 6])
async def test_what_a_process_left_behind_that_died_is_removed_by_another(world, web_server, number):
    """It died after recording that it presents, that the file is there, that the directory was convinced, the rest."""
    broken = World(
        Failing(world.log, {"append"}, number, after=number < 6), world.keys._store, webroots=(str(web_server),)
    )
    with pytest.raises(Fault):
        await broken.ask(order(f"cut-{number}", web_server))
    await broken.acme.close()
    assert len(left_in(web_server)) == (1 if number in {4, 5} else 0)
    again = World(world.log, world.keys._store, webroots=(str(web_server),))
    state = await again.acme.orders.advance(await again.aggregates.owner(f"certificate_name-cut-{number}"))
    assert (state.version, state.left_behind, left_in(web_server)) == (1, (), [])
    await again.acme.close()


async def test_an_order_that_fails_leaves_no_file(world, web_server, directory):
    directory.dns_says("set-servfail", host="broken.example.test")
    failed = (await world.ask(order("broken", web_server))).result
    assert (failed["status"], left_in(web_server)) == ("failed", [])


async def test_a_folder_that_is_not_there_hinders_until_it_is(world, web_server, monkeypatch):
    later, old = web_server / "later", clock.now() + timedelta(hours=1)
    waiting = (await world.ask(order("www", later))).result
    assert (waiting["status"], waiting["problem"].type) == ("pending", WEBROOT_TROUBLE)
    assert f"{later} doesn't exist" in waiting["problem"].detail
    assert waiting["next_attempt"] is not None
    later.mkdir()
    monkeypatch.setattr(world.acme.orders, "_now", lambda: old)
    state = await world.acme.orders.advance(waiting["order_id"])
    assert (state.failure.type, left_in(web_server)) == ("urn:ietf:params:acme:error:unauthorized", [])


async def test_an_order_is_called_off_though_its_folder_is_not_there(world, web_server):
    waiting = (await world.ask(order("www", web_server / "never"))).result
    assert waiting["status"] == "pending"
    ended = (await world.ask(AbandonACMEOrder("www"))).result
    assert (ended["status"], ended["problem"].type) == ("failed", ACME_GIVEN_UP)


async def test_a_folder_that_no_setting_names_is_refused_before_anything_is_recorded(world, web_server):
    with pytest.raises(WebrootNotAllowed):
        await world.ask(order("www", web_server.parent))
    assert [r.type async for page in world.log.read_all() for r in page.records if "order" in r.type] == []


async def test_a_folder_that_is_allowed_no_more_fails_the_order_and_leaves_it_to_its_owner(world, web_server):
    broken = World(Failing(world.log, {"append"}, 4, after=True), world.keys._store, webroots=(str(web_server),))
    with pytest.raises(Fault):
        await broken.ask(order("www", web_server))
    await broken.acme.close()
    again = World(world.log, world.keys._store)
    state = await again.acme.orders.advance(await again.aggregates.owner("certificate_name-www"))
    assert (state.failure.type, state.left_behind) == (ACME_REFUSED_HERE, ())
    (token,) = left_in(web_server)
    (web_server / ".well-known/acme-challenge" / token).unlink()
    await again.acme.close()


@pytest.mark.parametrize("number", [1, 2])
async def test_orders_remember_their_folder(world, web_server, number):
    issued = (await world.ask(order(f"www-{number}", web_server))).result
    state = (await world.aggregates.load(ACME_ORDER, issued["order_id"])).state
    assert state.placed.webroot == str(web_server)


class Folder:
    """A folder that is allowed, with one that is not beside it."""

    def __init__(self, path: Path) -> None:
        self.root, self.outside = path / "www", path / "outside"
        self.root.mkdir()
        self.outside.mkdir()
        self.webroots = Webroots((str(self.root),))
        self.place = self.root / ".well-known" / "acme-challenge"


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.mark.usefixtures("strict")
def test_everybody_may_read_the_answer(folder):
    folder.webroots.put(str(folder.root), TOKEN, "answer")
    assert (folder.place / TOKEN).read_text() == "answer"
    assert stat.S_IMODE((folder.place / TOKEN).stat().st_mode) == 0o644
    assert [stat.S_IMODE(each.stat().st_mode) for each in (folder.place, folder.place.parent)] == [0o755] * 2
    assert left_in(folder.root) == [TOKEN]


def test_an_answer_is_put_and_removed_as_often_as_one_likes(folder):
    assert folder.webroots.get(str(folder.root), TOKEN) is None
    folder.webroots.remove(str(folder.root), TOKEN)
    for answer in ("first", "second"):
        folder.webroots.put(str(folder.root), TOKEN, answer)
        assert folder.webroots.get(str(folder.root), TOKEN) == answer
    (folder.place / f".{TOKEN}.new").write_text("of somebody who died")
    folder.webroots.remove(str(folder.root), TOKEN)
    folder.webroots.remove(str(folder.root), TOKEN)
    assert left_in(folder.root) == []


@pytest.mark.parametrize("link", [".well-known", ".well-known/acme-challenge"])
def test_no_link_leads_elsewhere(folder, link):
    (folder.root / link).parent.mkdir(exist_ok=True)
    (folder.root / link).symlink_to(folder.outside)
    (folder.outside / TOKEN).write_text("somebody's")
    (folder.outside / "acme-challenge").mkdir()
    for act in (folder.webroots.get, folder.webroots.remove):
        with pytest.raises(WebrootFailed, match="link"):
            act(str(folder.root), TOKEN)
    with pytest.raises(WebrootFailed, match="link"):
        folder.webroots.put(str(folder.root), TOKEN, "answer")
    assert (folder.outside / TOKEN).read_text() == "somebody's"
    assert list((folder.outside / "acme-challenge").iterdir()) == []


def test_a_link_in_the_place_of_the_answer_is_replaced_and_removed_itself(folder):
    kept = folder.outside / "kept"
    kept.write_text("somebody's")
    folder.place.mkdir(parents=True)
    for name in (TOKEN, f".{TOKEN}.new"):
        (folder.place / name).symlink_to(kept)
    folder.webroots.put(str(folder.root), TOKEN, "answer")
    assert not (folder.place / TOKEN).is_symlink()
    (folder.place / TOKEN).unlink()
    (folder.place / TOKEN).symlink_to(kept)
    with pytest.raises(WebrootFailed):
        folder.webroots.get(str(folder.root), TOKEN)
    folder.webroots.remove(str(folder.root), TOKEN)
    assert (left_in(folder.root), kept.read_text()) == ([], "somebody's")


@pytest.mark.parametrize("where", ["", "/inner"])
def test_only_what_a_setting_names_is_written_to(folder, where):
    (folder.root / "inner").mkdir()
    folder.webroots.put(f"{folder.root}{where}", TOKEN, "answer")
    with pytest.raises(WebrootNotAllowed):
        folder.webroots.put(f"{folder.outside}{where}", TOKEN, "answer")
    with pytest.raises(WebrootNotAllowed):
        folder.webroots.put(f"{folder.root}-beside", TOKEN, "answer")
