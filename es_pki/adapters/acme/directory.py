"""The operations of RFC 8555 for one account of one directory, and RFC 9773's look at a certificate's renewal."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import urljoin

import msgspec

from es_pki.adapters.acme.jws import AccountKey, bound, encoded
from es_pki.adapters.acme.messages import (
    Account,
    Authorization,
    Challenge,
    Directory,
    Identifier,
    Order,
    Orders,
    OrderStatus,
    RenewalInfo,
)
from es_pki.adapters.acme.pacing import polls
from es_pki.adapters.acme.problems import AnswerMalformed, DirectoryFailed, ProblemReported, Trouble
from es_pki.adapters.acme.standing import Known
from es_pki.adapters.acme.transport import Reply, Transport
from es_pki.values.acme import ACMEProblem

R = TypeVar("R", Order, Authorization)

CHAIN = "application/pem-certificate-chain"

PATIENCE_SECONDS = 90.0
"""How long a directory may work on something before it is left for later."""

MOST_ORDERS = 20
"""How many of an account's orders are looked through for one that was placed and not recorded."""

NO_ACCOUNT = "urn:ietf:params:acme:error:accountDoesNotExist"


class Binding(NamedTuple):
    """What ties a new account to one that the CA knows otherwise (RFC 8555 section 7.3.4)."""

    key_id: str
    secret: bytes


class Placed(NamedTuple):
    """An order and where it is."""

    url: str
    order: Order


class Client:
    """One account at one directory; `account` is its URL, "" until it has one. Everything raises `DirectoryFailed`."""

    def __init__(self, transport: Transport, key: AccountKey, account: str = "") -> None:
        self._transport = transport
        self._key = key
        self._account = account

    async def register(self, contacts: Sequence[str], *, terms_of_service_agreed: bool, binding: Binding | None) -> str:
        """Open the account, or find it: the same key always has the same one. Return its URL (section 7.3)."""
        directory = await self._transport.directory()
        body: dict[str, object] = {"termsOfServiceAgreed": terms_of_service_agreed}
        if contacts:
            body["contact"] = contacts
        if binding is not None:
            url = directory.new_account
            body["externalAccountBinding"] = bound(binding.secret, self._key.jwk, kid=binding.key_id, url=url)
        return await self._at_account(directory, body)

    async def find(self) -> str | None:
        """Return the URL of the account that has the key, None if none has (section 7.3.1)."""
        try:
            return await self._at_account(await self._transport.directory(), {"onlyReturnExisting": True})
        except ProblemReported as error:
            if error.problem.type == NO_ACCOUNT:
                return None
            raise

    async def _at_account(self, directory: Directory, body: Mapping[str, object]) -> str:
        reply = await self._transport.post(directory.new_account, body, self._key)
        reply.read(Account)
        return _location(reply)

    async def known(self) -> Known:
        """Return by what the directory may know the account in DNS."""
        terms = (await self._transport.directory()).meta
        return Known(self._account, self._key.thumbprint, terms.account_hash_prefix)

    async def account(self) -> Account:
        """Return the account as the directory has it."""
        return (await self._post(self._account, None)).read(Account)

    async def roll_over(self, new_key: AccountKey) -> None:
        """Have another key sign for the account from now on (section 7.3.5)."""
        directory = await self._transport.directory()
        if directory.key_change is None:
            raise AnswerMalformed("the directory offers no key change (RFC 8555 section 7.3.5)")
        inner = msgspec.json.encode({"account": self._account, "oldKey": self._key.jwk})
        signed = await new_key.signed(inner, jwk=new_key.jwk, url=directory.key_change)
        await self._post(directory.key_change, msgspec.Raw(signed))

    async def deactivate(self) -> None:
        """Close the account for ever (section 7.3.6)."""
        told = (await self._post(self._account, {"status": "deactivated"})).read(Account)
        if told.status != "deactivated":
            raise AnswerMalformed(f"the account is {told.status} after it was closed (RFC 8555 section 7.3.6)")

    async def place(self, identifiers: Sequence[Identifier], *, profile: str = "", replaces: str = "") -> Placed:
        """Place an order (section 7.4); `replaces` is the ARI identifier of a certificate (RFC 9773 section 5)."""
        directory = await self._transport.directory()
        body: dict[str, object] = {"identifiers": identifiers}
        if profile:
            body["profile"] = profile
        if replaces and directory.renewal_info is not None:
            body["replaces"] = replaces
        reply = await self._post(directory.new_order, body)
        return Placed(_location(reply), reply.read(Order))

    async def placed_before(
        self, identifiers: Sequence[Identifier], known: Callable[[str], Awaitable[bool]]
    ) -> Placed | None:
        """Return an order for these identifiers that still goes on and is not known (section 7.1.2.1)."""
        orders = (await self.account()).orders
        if orders is None:
            return None
        for url in (await self._post(orders, None)).read(Orders).orders[:MOST_ORDERS]:
            if not await known(url):
                order = await self.order(url)
                goes_on = order.status in {OrderStatus.PENDING, OrderStatus.READY}
                if goes_on and sorted(order.identifiers) == sorted(identifiers):
                    return Placed(url, order)
        return None

    async def order(self, url: str) -> Order:
        """Return an order as it is."""
        return (await self._post(url, None)).read(Order)

    async def authorization(self, url: str) -> Authorization:
        """Return an authorization as it is."""
        return (await self._post(url, None)).read(Authorization)

    async def settled_order(self, url: str, *, before: OrderStatus) -> Order:
        """Wait until an order is past a status that the directory works on; return it."""
        return await self._settled(url, Order, lambda order: order.status != before)

    async def settled_authorization(self, url: str) -> Authorization:
        """Wait until an authorization was validated or not; return it."""
        return await self._settled(url, Authorization, lambda authorization: authorization.status != "pending")

    async def answer(self, challenge_url: str) -> None:
        """Say that a challenge can be validated (section 7.5.1)."""
        (await self._post(challenge_url, {})).read(Challenge)  # somebody in between may answer, and never pass it on

    async def finalize(self, url: str, csr: str) -> Order:
        """Send the CSR (base64url of DER) of a ready order (section 7.4)."""
        return (await self._post(url, {"csr": csr})).read(Order)

    async def chains(self, url: str, *, alternates: bool) -> Sequence[bytes]:
        """Return the certificate's chains in PEM, leaf first: the directory's own choice, then `alternates` (7.4.2)."""
        first = await self._post(url, None, accept=CHAIN)
        others = [urljoin(url, link) for link in first.links.get("alternate", ()) if alternates]
        return [first.body, *[(await self._post(other, None, accept=CHAIN)).body for other in others]]

    async def revoke(self, certificate: bytes, reason_code: int) -> None:
        """Revoke a certificate (DER), as its account or, without one, by its own key (section 7.6)."""
        url = (await self._transport.directory()).revoke_cert
        if url is None:
            raise DirectoryFailed(ACMEProblem(Trouble.NO_REVOCATION, "the directory revokes nothing"), is_final=True)
        body: dict[str, object] = {"certificate": encoded(certificate)}
        if reason_code:
            body["reason"] = reason_code
        await self._transport.post(url, body, self._key, account=self._account or None)

    async def renewal_info(self, certificate: str) -> tuple[RenewalInfo, Reply] | None:
        """Return what the directory says about renewing a certificate (by its ARI identifier), None if nothing."""
        base = (await self._transport.directory()).renewal_info
        if base is None:
            return None
        reply = await self._transport.get(f"{base.rstrip('/')}/{certificate}")
        return reply.read(RenewalInfo), reply

    async def _settled(self, url: str, kind: type[R], is_done: Callable[[R], bool]) -> R:
        """Look until the directory has done its work: not before it says so, and not for ever."""
        waited, retry_at = 0.0, None
        for pause in polls():
            reply = await self._post(url, None)
            found, retry_at = reply.read(kind), reply.retry_at
            if is_done(found):
                return found
            wait = max(pause, reply.wait_seconds)
            if waited + wait > PATIENCE_SECONDS:
                break
            await asyncio.sleep(wait)
            waited += wait
        detail = f"the directory works on it for more than {PATIENCE_SECONDS:.0f} seconds"
        raise DirectoryFailed(ACMEProblem(Trouble.SLOW, detail), is_final=False, retry_at=retry_at)

    async def _post(self, url: str, payload: object, *, accept: str = "application/json") -> Reply:
        return await self._transport.post(url, payload, self._key, account=self._account, accept=accept)


def _location(reply: Reply) -> str:
    if not reply.location.startswith("https://"):
        raise AnswerMalformed("the answer doesn't say where the resource is (RFC 8555 section 7.1)")
    return reply.location
