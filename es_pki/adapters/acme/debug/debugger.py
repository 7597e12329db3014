"""Looks at an order from every side: the log, the account, the directory, clocks, DNS, port 80, and the week before."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

from es_pki.adapters.acme.debug import names
from es_pki.adapters.acme.debug.explanations import explained
from es_pki.adapters.acme.debug.names import DNS, Expected
from es_pki.adapters.acme.debug.report import Finding, Report, failed, fine, report, unknown, warning
from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.acme.works import ACME
from es_pki.adapters.entropy import random_part
from es_pki.adapters.intake.aggregates import Aggregates
from es_pki.adapters.intake.deciders import ACME_ACCOUNT, ACME_ORDER
from es_pki.adapters.views import Query, ViewStore
from es_pki.commands import acme_account
from es_pki.commands.acme_order import placed
from es_pki.commands.acme_steps import State
from es_pki.projections import acme_orders
from es_pki.values.acme import ACMEProblem, ChallengeType

GREATEST_SKEW = timedelta(seconds=60)
LATELY = timedelta(days=7)
MOST_ORDERS = 200


class Debugger:
    """Makes reports. `port` is where validators look for http-01: 80 in the world outside of tests."""

    def __init__(
        self,
        aggregates: Aggregates,
        views: ViewStore,
        acme: ACME,
        now: Callable[[], datetime],
        *,
        resolver: DNS | None = None,
        port: int = 80,
    ) -> None:
        self._aggregates = aggregates
        self._views = views
        self._acme = acme
        self._now = now
        self._resolver = resolver or DNS()
        self._port = port

    async def report(self, order_id: str) -> Report:
        """Return all that is found about an order. Raises `ACMEOrderMissing`."""
        state = (await self._aggregates.load(ACME_ORDER, order_id, afresh=True)).state
        began = placed(state)
        account = (await self._aggregates.load(ACME_ACCOUNT, state.account_id, afresh=True)).state
        findings = [_of_order(state, self._now())]
        findings += [finding async for finding in self._of_account(state.account_id, account)]
        authorities: Sequence[str] = ()
        try:
            directory = await self._acme.directories.transport(account).directory(afresh=True)
            authorities = directory.meta.caa_identities
        except DirectoryFailed as trouble:
            findings.append(_of_problem("directory", trouble.problem))
        else:
            findings += await self._of_directory(account)
        findings += [finding async for finding in self._of_names(state, authorities)]
        findings.append(await self._of_history(began.certificate_id))
        return report(order_id, began.name, findings)

    async def _of_account(self, account_id: str, account: acme_account.State) -> AsyncIterator[Finding]:
        opening = acme_account.opened(account)
        what = f"account {opening.prepared.name}"
        if account.is_closing:
            yield failed(what, "it was closed", "register another account, and order with it")
        elif opening.failure is not None:
            yield _of_problem(what, opening.failure)
        elif not opening.url:
            yield warning(what, "the directory hasn't opened it yet", "wait, or look at the directory below")
        else:
            try:
                told = await self._acme.directories.client(account_id, account).account()
            except DirectoryFailed as trouble:
                yield _of_problem(what, trouble.problem)
                return
            if told.status == "valid":
                yield fine(what, f"the directory knows it as valid: {opening.url}")
            else:
                yield failed(what, f"the directory knows it as {told.status}", "register another account")

    async def _of_directory(self, account: acme_account.State) -> list[Finding]:
        transport = self._acme.directories.transport(account)
        told = await transport.get(transport.url)
        found = [fine("directory", f"{transport.url} answers")]
        if told.date is None:
            return [*found, unknown("clocks", "the directory doesn't say what time it is")]
        skew = abs(told.date - self._now())
        if skew > GREATEST_SKEW:
            advice = "set this machine's clock: certificates and their renewals depend on it"
            return [
                *found,
                failed("clocks", f"ours and the directory's differ by {skew.total_seconds():.0f} s", advice),
            ]
        return [*found, fine("clocks", "ours and the directory's agree")]

    async def _of_names(self, state: State, authorities: Sequence[str]) -> AsyncIterator[Finding]:
        began = placed(state)
        for wanted in began.subject_alt_names.dns_names:
            name = wanted.removeprefix("*.")
            found, findings = await names.addresses(self._resolver, name)
            for finding in findings:
                yield finding
            yield await names.caa(self._resolver, name, authorities, is_wildcard=name != wanted)
            if began.challenge_type is ChallengeType.HTTP_01:
                expected = await self._expected(state, wanted)
                async for finding in names.answers(name, found, expected, self._port):
                    yield finding
        for address in began.subject_alt_names.ip_addresses:
            expected = await self._expected(state, address)
            async for finding in names.answers(address, [address], expected, self._port):
                yield finding

    async def _expected(self, state: State, identifier: str) -> Expected:
        """Return what is to be found at port 80 for an identifier: the answer that is due, or none to any token."""
        for challenge in state.left_behind:
            if challenge.presented.identifier == identifier:
                token = challenge.presented.token
                return Expected(token, await self._acme.http_01.answer_to(token))
        return Expected(f"es-pki-debug-{random_part()}", None)

    async def _of_history(self, certificate_id: str) -> Finding:
        query = Query(filters={"certificate_id": certificate_id}, limit=MOST_ORDERS)
        rows = (await self._views.find(acme_orders.view, query)).rows
        recent = [row for row in rows if self._now() - row.placed_at < LATELY]
        failures = [row for row in recent if row.status is acme_orders.Status.FAILED]
        limited = [row for row in recent if row.problem is not None and row.problem.type.endswith(":rateLimited")]
        told = f"{len(recent)} orders for this certificate in a week, {len(failures)} of them failed"
        if limited:
            return warning("history", f"{told}; {len(limited)} met a rate limit", "wait before you order again")
        if len(failures) >= 3:
            return warning("history", told, "directories limit failures: try their test directory first")
        return fine("history", told)


def _of_order(state: State, now: datetime) -> Finding:
    what = f"order for {placed(state).name}"
    if state.version:
        return fine(what, f"its certificate came, as version {state.version}")
    if state.failure is not None:
        return _of_problem(what, state.failure)
    if state.trouble is not None:
        meaning, advice = explained(state.trouble.problem)
        again = f"{state.trouble.next_attempt:%F %T}Z" if state.trouble.next_attempt > now else "at any moment"
        detail = f"{meaning}; it is tried again {again} ({state.trouble.problem.detail})"
        return warning(what, detail, advice)
    steps = f"{len(state.validated)} of {len(state.created.authorizations) if state.created else 0} names proved"
    return fine(what, f"it is under way: {steps}")


def _of_problem(what: str, problem: ACMEProblem) -> Finding:
    meaning, advice = explained(problem)
    return failed(what, f"{meaning} ({problem.detail})", advice)
