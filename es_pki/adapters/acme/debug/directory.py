"""The directory, our account there, and the clocks of both: what has to hold before any order can."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from es_pki.adapters.acme.debug.explanations import told
from es_pki.adapters.acme.debug.report import Finding, failed, fine, unknown, warning
from es_pki.adapters.acme.directories import Directories
from es_pki.adapters.acme.messages import Terms
from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.commands import acme_account
from es_pki.values.acme import ACMEProblem

GREATEST_SKEW = timedelta(seconds=60)


def of_problem(what: str, problem: ACMEProblem) -> Finding:
    """Return that something failed, in plain words."""
    meaning, advice = told(problem)
    return failed(what, meaning, advice)


async def of_account(directories: Directories, account_id: str, account: acme_account.State) -> Finding:
    """Return whether the account is open, here and there."""
    opening = acme_account.opened(account)
    what = f"account {opening.prepared.name}"
    if account.is_closing:
        return failed(what, "it was closed", "register another account, and order with it")
    if opening.failure is not None:
        return of_problem(what, opening.failure)
    if not opening.url:
        return warning(what, "the directory hasn't opened it yet", "wait, or look at the directory below")
    try:
        known = await directories.client(account_id, account).account()
    except DirectoryFailed as trouble:
        return of_problem(what, trouble.problem)
    if known.status == "valid":
        return fine(what, f"the directory knows it as valid: {opening.url}")
    return failed(what, f"the directory knows it as {known.status}", "register another account")


async def of_directory(
    directories: Directories, account: acme_account.State, profile: str, now: Callable[[], datetime]
) -> AsyncIterator[Finding | Terms]:
    """Yield what is to be said of the directory, and what it says of itself if it answers."""
    transport = directories.transport(account)
    try:
        directory = await transport.directory(afresh=True)
        nonce = await transport.get(directory.new_nonce)
    except DirectoryFailed as trouble:
        yield of_problem("directory", trouble.problem)
        return
    yield fine("directory", f"{transport.url} answers, and gives nonces")
    if profile and profile not in directory.meta.profiles:
        offered = ", ".join(directory.meta.profiles) or "none"
        yield failed(
            "profile", f"the directory has no profile {profile}; it offers {offered}", "order with one of these"
        )
    yield _clocks(nonce.date, now())
    yield directory.meta


def _clocks(theirs: datetime | None, ours: datetime) -> Finding:
    if theirs is None:
        return unknown("clocks", "the directory doesn't say what time it is")
    skew = abs(theirs - ours)
    if skew > GREATEST_SKEW:
        advice = "set this machine's clock: certificates and their renewals depend on it"
        return failed("clocks", f"ours and the directory's differ by {skew.total_seconds():.0f} s", advice)
    return fine("clocks", "ours and the directory's agree")
