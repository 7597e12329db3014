"""The key store in SQLite."""

import sqlite3
import stat
import subprocess
import sys

import pytest

from es_pki.adapters.keystore import KeyStoreRefused
from es_pki.adapters.keystore.master import from_file
from es_pki.adapters.keystore.sqlite import SQLiteKeyStore, SQLiteSealedKeys
from tests.adapters.keystore.contract import BINDING, SECRET, KeyStoreContract, SealedKeysContract

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from es_pki.adapters.keystore.master import from_file
from es_pki.adapters.keystore.sqlite import SQLiteKeyStore

async def main(folder):
    store = await SQLiteKeyStore.open(folder / "keys.db", from_file(folder / "master.key"))
    for number in range(20):
        await store.put(f"k{number}", purpose="certificate", owner="owner-1", secret=b"a private key in DER")
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(Path(sys.argv[1])))
"""


class TestSQLiteKeyStore(KeyStoreContract, SealedKeysContract):
    """The contract, on SQLite."""

    @pytest.fixture
    async def opened(self, tmp_path):
        stores = []

        async def open_store(source):
            stores.append(await SQLiteKeyStore.open(tmp_path / "keys.db", source))
            return stores[-1]

        yield open_store
        for store in stores:
            await store.close()

    @pytest.fixture
    async def stores(self):
        stores = []
        yield stores
        for store in stores:
            await store.close()

    @pytest.fixture
    def sealed(self, stores, tmp_path):
        async def open_store(name="keys.db"):
            stores.append(await SQLiteSealedKeys.open(tmp_path / name))
            return stores[-1]

        return open_store

    @pytest.fixture
    def elsewhere(self, sealed):
        return lambda: sealed("elsewhere.db")

    @pytest.fixture
    def change(self, tmp_path):
        async def change(statement):
            connection = sqlite3.connect(tmp_path / "keys.db")
            with connection:
                connection.execute(statement.format(key="key", mark="mark", bytes="BLOB"))
            connection.close()

        return change

    async def test_a_put_key_survives_a_killed_process(self, opened, master, tmp_path):
        killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
        assert killed.returncode == -9
        store = await opened(master)
        assert len(await store.entries()) == 20
        assert await store.get("k19", **BINDING) == SECRET

    async def test_the_files_are_their_owners_alone(self, store, tmp_path):
        await store.put("k", **BINDING, secret=SECRET)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        assert set(modes.values()) == {0o600}
        assert "master.key" in modes

    async def test_the_file_shows_nothing_of_a_key_even_after_its_removal(self, store, tmp_path):
        await store.put("k", **BINDING, secret=SECRET)
        await store.remove("k")
        for path in tmp_path.iterdir():
            assert SECRET not in path.read_bytes()

    async def test_a_file_of_somebody_else_is_refused(self, opened, master, tmp_path):
        connection = sqlite3.connect(tmp_path / "keys.db")
        connection.execute("CREATE TABLE theirs(x)")
        connection.commit()
        connection.close()
        with pytest.raises(KeyStoreRefused, match="no key store"):
            await opened(master)

    @pytest.mark.parametrize("content", ["", "not base64!", "AAAA\n"])
    async def test_a_file_without_a_master_key_is_refused(self, opened, tmp_path, content):
        path = tmp_path / "mine.key"
        path.write_text(content)
        path.chmod(0o600)
        with pytest.raises(KeyStoreRefused, match="holds no master key"):
            await opened(from_file(path))
