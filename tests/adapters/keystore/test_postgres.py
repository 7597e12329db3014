"""The key store in PostgreSQL."""

import asyncpg
import pytest

from es_pki.adapters.keystore.postgres import PostgresKeyStore, PostgresSealedKeys
from tests import postgres
from tests.adapters.keystore.contract import KeyStoreContract, SealedKeysContract


class TestPostgresKeyStore(KeyStoreContract, SealedKeysContract):
    """The contract, on PostgreSQL."""

    @pytest.fixture
    async def opened(self, postgres_url):
        stores = []

        async def open_store(source):
            stores.append(await PostgresKeyStore.open(postgres_url, source))
            return stores[-1]

        yield open_store
        for store in stores:
            await store.close()

    @pytest.fixture
    async def sealed(self, postgres_url):
        store = await PostgresSealedKeys.open(postgres_url)

        async def give():
            return store

        yield give
        await store.close()

    @pytest.fixture
    async def elsewhere(self, postgres_server):
        async with postgres.database(postgres_server) as url:
            store = await PostgresSealedKeys.open(url)

            async def give():
                return store

            yield give
            await store.close()

    @pytest.fixture
    def change(self, postgres_url):
        async def change(statement):
            connection = await asyncpg.connect(postgres_url)
            await connection.execute(statement.format(key="keystore.key", mark="keystore.mark", bytes="bytea"))
            await connection.close()

        return change
