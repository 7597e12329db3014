"""Looks at an order from every side: the log, the account, the directory, clocks, DNS, ports, and the week before."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import assert_never

import msgspec
from msgspec import Raw

from es_pki.adapters.acme.debug import caa, names, port_80, port_443, records
from es_pki.adapters.acme.debug.caa import Asker
from es_pki.adapters.acme.debug.directory import of_account, of_directory, of_problem
from es_pki.adapters.acme.debug.explanations import told
from es_pki.adapters.acme.debug.history import history
from es_pki.adapters.acme.debug.names import DNS
from es_pki.adapters.acme.debug.port_80 import Expected, Ports
from es_pki.adapters.acme.debug.report import Finding, Report, failed, fine, report, unknown, warning
from es_pki.adapters.acme.directory import Client
from es_pki.adapters.acme.dns_01 import value_of
from es_pki.adapters.acme.dns_persist_01 import DNSPersist01
from es_pki.adapters.acme.messages import Challenge, Identifier, Terms
from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.acme.solver import key_authorization
from es_pki.adapters.acme.standing import record_of
from es_pki.adapters.acme.webroot import WebrootFailed, WebrootNotAllowed
from es_pki.adapters.acme.works import ACME
from es_pki.adapters.dns.lookup import Lookup
from es_pki.adapters.dns.providers import DNSProviders
from es_pki.adapters.entropy import random_part
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER
from es_pki.commands.acme_account import opened
from es_pki.commands.acme_order import placed
from es_pki.commands.acme_steps import State
from es_pki.values.acme import ChallengeType

IN_THE_WORLD = Ports()


class Looks:
    """How a name is looked at: `resolver` for its addresses, `lookup` and `providers` for its records."""

    def __init__(self, resolver: DNS, lookup: Lookup, providers: DNSProviders, ports: Ports = IN_THE_WORLD) -> None:
        self.resolver = resolver
        self.lookup = lookup
        self.providers = providers
        self.ports = ports


class Debugger:
    """Makes reports."""

    def __init__(self, aggregates: Aggregates, acme: ACME, looks: Looks, now: Callable[[], datetime]) -> None:
        self._aggregates = aggregates
        self._acme = acme
        self._looks = looks
        self._now = now

    async def report(self, order_id: str) -> Report:
        """Return all that is found about an order. Raises `ACMEOrderMissing`."""
        state = (await self._aggregates.load(ACME_ORDER, order_id, afresh=True)).state
        began = placed(state)
        account = (await self._aggregates.load(ACME_ACCOUNT, state.account_id, afresh=True)).state
        directories, terms = self._acme.directories, Terms()
        findings = [_of_order(state, self._now()), await of_account(directories, state.account_id, account)]
        async for found in of_directory(directories, account, began.profile, self._now):
            if isinstance(found, Terms):
                terms = found
            else:
                findings.append(found)
        client = directories.client(state.account_id, account)
        asker = Asker(terms.caa_identities, opened(account).url, began.challenge_type)
        findings += [finding async for finding in self._of_names(state, client, terms, asker)]
        findings.append(await history(self._aggregates, began, self._now()))
        return report(order_id, began.name, findings)

    async def _of_names(self, state: State, client: Client, terms: Terms, asker: Asker) -> AsyncIterator[Finding]:
        wanted = placed(state).subject_alt_names
        for full_name in wanted.dns_names:
            name = full_name.removeprefix("*.")
            addresses: list[str] = []
            if asker.challenge in {ChallengeType.HTTP_01, ChallengeType.TLS_ALPN_01}:
                addresses, findings = await names.addresses(self._looks.resolver, name)
                for finding in findings:
                    yield finding
            yield await caa.caa(self._looks.resolver, name, asker, is_wildcard=name != full_name)
            async for finding in self._of_proof(state, full_name, addresses):
                yield finding
            if asker.challenge is ChallengeType.DNS_PERSIST_01:
                yield await self._of_standing_record(state, client, terms, full_name)
        for address in wanted.ip_addresses:
            async for finding in self._of_proof(state, address, [address]):
                yield finding

    async def _of_proof(self, state: State, identifier: str, addresses: list[str]) -> AsyncIterator[Finding]:
        """Yield what a validator finds where it looks for the answer to the order's challenge."""
        token, answer = await self._answer(state, identifier)
        found: AsyncIterator[Finding]
        match placed(state).challenge_type:
            case ChallengeType.HTTP_01:
                found = self._at_port_80(state, identifier, addresses, Expected(token, answer))
            case ChallengeType.TLS_ALPN_01:
                found = port_443.answers(identifier, addresses, answer, self._looks.ports.https)
            case ChallengeType.DNS_01:
                expected = value_of(answer) if answer else None
                found = records.challenge_records(self._looks.providers, identifier.removeprefix("*."), expected)
            case ChallengeType.DNS_PERSIST_01:
                return  # a standing record is no answer to one order's challenge
            case _:
                assert_never(placed(state).challenge_type)
        async for finding in found:
            yield finding

    async def _answer(self, state: State, identifier: str) -> tuple[str, str | None]:
        """Return the token and the answer that are due for an identifier: without any a new token, and None."""
        for challenge in state.left_behind:
            if challenge.presented.identifier == identifier:
                token = challenge.presented.token
                return token, await key_authorization(self._aggregates, self._acme.directories, state, token)
        return f"es-pki-debug-{random_part()}", None

    async def _at_port_80(
        self, state: State, name: str, addresses: list[str], expected: Expected
    ) -> AsyncIterator[Finding]:
        """Yield who answers; a web server is given something to answer while it is asked."""
        webroot, webroots = placed(state).webroot, self._acme.http_01.webroots
        if not webroot or expected.answer is not None:
            async for finding in port_80.answers(name, addresses, expected, self._looks.ports):
                yield finding
            return
        try:
            await asyncio.to_thread(webroots.put, webroot, expected.token, expected.token)
            probe = Expected(expected.token, expected.token)
            async for finding in port_80.answers(name, addresses, probe, self._looks.ports):
                yield finding
        except (WebrootFailed, WebrootNotAllowed) as failure:
            advice = "make the folder, or name it in the setting acme_webroots"
            yield failed(f"folder {webroot}", str(failure), advice)
        finally:
            with contextlib.suppress(WebrootFailed):
                await asyncio.to_thread(webroots.remove, webroot, expected.token)

    async def _of_standing_record(self, state: State, client: Client, terms: Terms, full_name: str) -> Finding:
        name = Identifier("dns", full_name.removeprefix("*."))
        try:
            challenge = await self._challenge(state, client, name) or _by_terms(terms)
            is_wildcard = f"*.{name.value}" in placed(state).subject_alt_names.dns_names
            record = record_of(challenge, name, await client.known(), is_wildcard=is_wildcard)
        except DirectoryFailed as trouble:
            return unknown(f"TXT of _validation-persist.{name.value}", trouble.problem.detail)
        return await records.standing_record(DNSPersist01(self._looks.lookup, self._now), record)

    async def _challenge(self, state: State, client: Client, name: Identifier) -> Challenge | None:
        """Return the challenge that the directory has for a name, None when it has none any more."""
        if state.created is None or state.is_over:
            return None
        for url in state.created.authorizations:
            authorization = await client.authorization(url)
            if authorization.identifier == name:
                for challenge in authorization.challenges:
                    if challenge.type == ChallengeType.DNS_PERSIST_01:
                        return challenge
        return None


def _by_terms(terms: Terms) -> Challenge:
    """Return what a challenge would say, as far as the directory says it beforehand."""
    issuers = Raw(msgspec.json.encode(terms.issuer_domain_names or terms.caa_identities))
    return Challenge(ChallengeType.DNS_PERSIST_01, "", issuers=issuers, issuers_before=issuers)


def _of_order(state: State, now: datetime) -> Finding:
    what = f"order for {placed(state).name}"
    if state.version:
        return fine(what, f"its certificate came, as version {state.version}")
    if state.failure is not None:
        return of_problem(what, state.failure)
    if state.trouble is not None:
        meaning, advice = told(state.trouble.problem)
        again = f"{state.trouble.next_attempt:%F %T}Z" if state.trouble.next_attempt > now else "at any moment"
        return warning(what, f"{meaning}; it is tried again {again}", advice)
    steps = f"{len(state.validated)} of {len(state.created.authorizations) if state.created else 0} names proved"
    return fine(what, f"it is under way: {steps}")
