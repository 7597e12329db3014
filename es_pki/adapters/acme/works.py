"""Everything that is done at ACME directories, put together: for the desk, the reactions and the public listener."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from es_pki.adapters.acme.accounts import Accounts
from es_pki.adapters.acme.delivery import Delivery
from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.http_01 import HTTP01
from es_pki.adapters.acme.orders import Orders
from es_pki.adapters.acme.revocations import Revocations
from es_pki.adapters.acme.solver import Solver
from es_pki.adapters.acme.tls_alpn_01 import TLSALPN01
from es_pki.adapters.acme.webroot import Webroots
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.keyring import KeyRing


class ACME(Struct, frozen=True):
    """The directories, the accounts and orders at them, and the answers that they look for."""

    directories: Directories
    accounts: Accounts
    orders: Orders
    http_01: HTTP01
    tls_alpn_01: TLSALPN01
    revocations: Revocations

    @classmethod
    def of(
        cls,
        aggregates: Aggregates,
        keys: KeyRing,
        now: Callable[[], datetime],
        elapsed: Callable[[], float],
        *solvers: Solver,
        listens_by_tls: bool = False,
        webroots: tuple[str, ...] = (),
    ) -> "ACME":
        """Put it together, with solvers besides http-01; nothing is connected until it is asked for.

        `listens_by_tls`: there is a listener for tls-alpn-01. `webroots`: folders of web servers that may answer.
        """
        directories = Directories(keys, now, elapsed)
        http_01 = HTTP01(aggregates, directories, Webroots(webroots))
        tls_alpn_01 = TLSALPN01(aggregates, directories, now)
        own = (http_01, tls_alpn_01) if listens_by_tls else (http_01,)
        return cls(
            directories=directories,
            accounts=Accounts(aggregates, keys, directories, now),
            orders=Orders(aggregates, directories, (*own, *solvers), Delivery(aggregates).deliver, now),
            http_01=http_01,
            tls_alpn_01=tls_alpn_01,
            revocations=Revocations(aggregates, keys, directories, now),
        )

    async def close(self) -> None:
        """Leave what is under way where it is, and close the connections."""
        await self.orders.close()
        await self.directories.close()
