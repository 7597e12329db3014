"""The key store in PostgreSQL."""

import asyncpg
import pytest

from es_pki.adapters.keystore.postgres import PostgresKeyStore
from tests.adapters.keystore.contract import KeyStoreContract


class TestPostgresKeyStore(KeyStoreContract):
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
    def change(self, postgres_url):
        async def change(statement):
            connection = await asyncpg.connect(postgres_url)
            await connection.execute(statement.format(key="keystore.key", mark="keystore.mark", bytes="bytea"))
            await connection.close()

        return change
