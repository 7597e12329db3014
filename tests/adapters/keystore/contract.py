"""What every key store promises (`es_pki/adapters/keystore/store.py`)."""

import secrets

import pytest

from es_pki.adapters.keystore import KeyMissing, KeyStoreRefused, KeyTaken, KeyUnreadable
from es_pki.adapters.keystore.envelope import Sealed, label, unseal
from es_pki.adapters.keystore.master import from_file, from_passphrase
from es_pki.adapters.keystore.sealed import KEYS_AT_A_TIME

SECRET = b"a private key in DER"
BINDING = {"purpose": "certificate", "owner": "owner-1"}
CHEAP = 1 << 4  # scrypt's cost is not the point here


class KeyStoreContract:
    """A backend's tests give the fixtures `opened` (opens the store with a master source) and `change` (SQL)."""

    @pytest.fixture
    async def store(self, opened, master):
        return await opened(master)

    @pytest.fixture
    def master(self, tmp_path):
        return from_file(tmp_path / "master.key")

    async def test_a_kept_key_is_given_back(self, store):
        await store.put("k", **BINDING, secret=SECRET)
        assert await store.get("k", **BINDING) == SECRET

    async def test_the_same_key_again_changes_nothing_and_another_is_refused(self, store):
        await store.put("k", **BINDING, secret=SECRET)
        await store.put("k", **BINDING, secret=SECRET)
        with pytest.raises(KeyTaken):
            await store.put("k", **BINDING, secret=b"another")
        with pytest.raises(KeyTaken):
            await store.put("k", purpose="certificate", owner="owner-2", secret=SECRET)
        assert await store.get("k", **BINDING) == SECRET

    async def test_an_unknown_key_is_missing(self, store):
        with pytest.raises(KeyMissing):
            await store.get("k", **BINDING)

    async def test_a_removed_key_is_gone_and_removing_again_is_fine(self, store):
        await store.put("k", **BINDING, secret=SECRET)
        await store.remove("k")
        await store.remove("k")
        with pytest.raises(KeyMissing):
            await store.get("k", **BINDING)

    async def test_entries_tell_everything_but_the_key(self, store):
        await store.put("k", **BINDING, secret=SECRET)
        (entry,) = await store.entries()
        assert (entry.key_id, entry.purpose, entry.owner) == ("k", "certificate", "owner-1")
        assert entry.created.tzinfo is not None

    @pytest.mark.parametrize("other", [{"purpose": "authority", "owner": "owner-1"}, {**BINDING, "owner": "owner-2"}])
    async def test_a_key_is_bound_to_its_purpose_and_owner(self, store, other):
        await store.put("k", **BINDING, secret=SECRET)
        with pytest.raises(KeyUnreadable):
            await store.get("k", **other)

    async def test_a_key_moved_to_another_id_can_not_be_read(self, store, change):
        await store.put("k", **BINDING, secret=SECRET)
        await change("UPDATE {key} SET key_id = 'other'")
        with pytest.raises(KeyUnreadable):
            await store.get("other", **BINDING)

    @pytest.mark.parametrize("column", ["wrapped", "ciphertext"])
    @pytest.mark.parametrize("value", ["", "short", "x" * 60, "x" * 200])
    async def test_a_changed_row_is_unreadable_and_never_an_empty_key(self, store, change, column, value):
        await store.put("k", **BINDING, secret=SECRET)
        await change(f"UPDATE {{key}} SET {column} = CAST('{value}' AS {{bytes}})")
        with pytest.raises(KeyUnreadable):
            await store.get("k", **BINDING)

    async def test_keys_survive_reopening(self, opened, master):
        first = await opened(master)
        await first.put("k", **BINDING, secret=SECRET)
        await first.close()
        assert await (await opened(master)).get("k", **BINDING) == SECRET

    async def test_a_wrong_master_key_is_refused_and_changes_nothing(self, opened, master, tmp_path):
        first = await opened(master)
        await first.put("k", **BINDING, secret=SECRET)
        with pytest.raises(KeyStoreRefused, match="not the master key"):
            await opened(from_file(_key_file(tmp_path / "other.key")))
        assert await first.get("k", **BINDING) == SECRET

    async def test_a_lost_master_key_is_refused_and_none_is_made(self, opened, master, tmp_path):
        await opened(master)
        (tmp_path / "master.key").unlink()
        with pytest.raises(KeyStoreRefused, match=r"master\.key"):
            await opened(master)
        assert not (tmp_path / "master.key").exists()

    async def test_a_passphrase_opens_what_it_made(self, opened):
        first = await opened(from_passphrase("correct horse battery", cost=CHEAP))
        await first.put("k", **BINDING, secret=SECRET)
        again = await opened(from_passphrase("correct horse battery", cost=CHEAP * 2))  # the store's cost counts
        assert await again.get("k", **BINDING) == SECRET
        with pytest.raises(KeyStoreRefused, match="not the master key"):
            await opened(from_passphrase("incorrect horse battery"))

    async def test_a_file_and_a_passphrase_are_not_mixed(self, opened, master):
        await opened(master)
        with pytest.raises(KeyStoreRefused, match="master key file"):
            await opened(from_passphrase("correct horse battery", cost=CHEAP))

    async def test_a_short_passphrase_is_refused(self, opened):
        with pytest.raises(KeyStoreRefused, match="12 characters"):
            await opened(from_passphrase("short", cost=CHEAP))

    async def test_keys_without_their_mark_are_refused(self, store, change, opened, master):
        await store.put("k", **BINDING, secret=SECRET)
        await change("DELETE FROM {mark}")
        with pytest.raises(KeyStoreRefused, match="no mark"):
            await opened(master)

    @pytest.mark.parametrize("size", [0, 1, 31, 32, 4_000, 60_000])
    @pytest.mark.parametrize("owner", ["", "owner-é", "a" * 200])
    async def test_any_secret_comes_back(self, store, size, owner):
        secret = secrets.token_bytes(size)
        await store.put("k", purpose="authority", owner=owner, secret=secret)
        assert await store.get("k", purpose="authority", owner=owner) == secret


class SealedKeysContract:
    """What every store promises of keys that stay sealed (`sealed.py`). Needs `opened`, `sealed` and `elsewhere`:

    the latter two open a store without its master key, `sealed` that of `opened`, `elsewhere` another one.
    """

    @pytest.fixture
    async def filled(self, opened, tmp_path):
        store = await opened(from_file(tmp_path / "master.key"))
        for number in range(KEYS_AT_A_TIME + 3):
            await store.put(f"k{number:03}", **BINDING, secret=SECRET + bytes([number % 256]))
        return store

    async def test_a_new_store_is_empty(self, sealed):
        store = await sealed()
        assert await store.is_empty()
        assert await store.mark() is None
        assert [page async for page in store.read()] == []

    async def test_keys_go_from_store_to_store_sealed_as_they_are(self, filled, sealed, elsewhere, tmp_path):
        source, target = await sealed(), await elsewhere()
        pages = [page async for page in source.read()]
        assert [len(page) for page in pages] == [KEYS_AT_A_TIME, 3]
        await target.fill(await source.mark(), iter(pages))
        assert [page async for page in target.read()] == pages
        assert await target.mark() == await source.mark()
        assert SECRET not in repr(pages).encode()
        key = pages[1][2]
        master, _ = from_file(tmp_path / "master.key")(await target.mark())
        assert (
            unseal(master, Sealed(key.wrapped, key.ciphertext), label(key.key_id, BINDING["purpose"], BINDING["owner"]))
            == SECRET + b"\2"
        )

    async def test_what_is_put_meanwhile_keeps_no_key_from_being_read(self, filled, sealed):
        ids = set()
        async for page in (await sealed()).read():
            ids |= {key.key_id for key in page}
            await filled.put("k000-added", **BINDING, secret=SECRET)
            await filled.put("z-added", **BINDING, secret=SECRET)
        assert ids >= {f"k{number:03}" for number in range(KEYS_AT_A_TIME + 3)}

    async def test_nothing_is_filled_into_a_store_that_has_anything(self, filled, sealed, opened, elsewhere):
        store, empty = await sealed(), await elsewhere()
        pages, mark = [page async for page in store.read()], await store.mark()
        with pytest.raises(KeyStoreRefused, match="nothing is written over"):
            await store.fill(mark, iter([]))
        await empty.fill(mark, iter([]))
        with pytest.raises(KeyStoreRefused, match="nothing is written over"):
            await empty.fill(mark, iter(pages))

    async def test_what_stops_the_filling_leaves_no_trace(self, filled, sealed, elsewhere):
        def stopped():
            yield pages[0]
            raise ZeroDivisionError

        pages, target = [page async for page in (await sealed()).read()], await elsewhere()
        with pytest.raises(ZeroDivisionError):
            await target.fill(await (await sealed()).mark(), stopped())
        assert await target.is_empty()


def _key_file(path):
    path.write_text("A" * 43 + "=\n")
    path.chmod(0o600)
    return path
