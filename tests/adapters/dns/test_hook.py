"""Hook programs: really started, told what to do, and gone when they must be."""

import asyncio
import os
import pwd
import stat
from pathlib import Path

import pytest

from es_pki.adapters.dns.hook import Hook, HookRules
from es_pki.adapters.dns.problems import DNSFailed
from es_pki.adapters.dns.writer import TXTRecord
from es_pki.values.dns import HookProgram
from tests.serving import wait_for

RECORD = TXTRecord("_acme-challenge.example.test", "value")
USER = "nobody" if os.geteuid() == 0 else ""


@pytest.fixture
def folder(tmp_path):
    """A folder into which the hook's user may write."""
    for parent in (tmp_path, *tmp_path.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    tmp_path.chmod(0o777)
    return tmp_path


def hook(folder, script, *, secret=b"", seconds=10.0, allowed=True, arguments=None):
    """Return a hook with the script as its program."""
    program = folder / "hook"
    program.write_text(f"#!/bin/sh\ncd {folder}\n{script}\n")
    program.chmod(0o755)
    settings = HookProgram(str(program), arguments) if arguments else HookProgram(str(program))
    return Hook(settings, secret, HookRules((str(program),) if allowed else (), USER, seconds))


async def test_a_hook_is_told_verb_name_and_value_and_reads_its_credentials(folder):
    with_secret = hook(folder, 'echo "$# $1 $2 $3 $(cat)" >> told', secret=b"the secret")
    await with_secret.add(RECORD)
    await with_secret.remove(RECORD)
    assert (folder / "told").read_text().splitlines() == [
        "3 present _acme-challenge.example.test. value the secret",
        "3 cleanup _acme-challenge.example.test. value the secret",
    ]


async def test_no_shell_reads_the_arguments(folder):
    arguments = ("{verb}", "{name}={value}", "$(touch owned); `touch owned`")
    await hook(folder, 'echo "$3" > told', arguments=arguments).add(RECORD)
    assert (folder / "told").read_text() == f"{arguments[2]}\n"
    assert not (folder / "owned").exists()


async def test_a_hook_sees_nothing_of_our_environment(folder, monkeypatch):
    monkeypatch.setenv("ES_PKI_MASTER_PASSPHRASE", "never told")
    await hook(folder, "env > told").add(RECORD)
    assert "never told" not in (folder / "told").read_text()


async def test_a_hook_runs_as_the_user_that_was_said(folder):
    await hook(folder, "id -un > told; id -G >> told").add(RECORD)
    user, groups = (folder / "told").read_text().splitlines()
    wanted = pwd.getpwnam(USER or pwd.getpwuid(os.geteuid()).pw_name)
    assert user == wanted.pw_name
    if USER:
        assert groups == str(wanted.pw_gid)


async def test_what_a_hook_says_is_told_without_its_credentials(folder):
    failing = hook(folder, "read secret; echo zone is locked, $secret; exit 3", secret=b"tok3n-of-the-host")
    with pytest.raises(DNSFailed, match="status 3: zone is locked, …") as failed:
        await failing.add(RECORD)
    assert "tok3n" not in failed.value.detail


async def test_a_hook_that_says_too_much_is_cut_short(folder):
    with pytest.raises(DNSFailed) as failed:
        await hook(folder, "yes | head -c 1000000; exit 1").add(RECORD)
    assert len(failed.value.detail) <= 500


async def test_a_hook_that_hangs_is_ended_with_all_that_it_started(folder):
    hanging = hook(folder, "sleep 1000 & echo $! > child; wait", seconds=1.0)
    with pytest.raises(DNSFailed, match="did not end within 1 seconds") as failed:
        await hanging.add(RECORD)
    assert not failed.value.is_final
    wait_for(lambda: not runs(int((folder / "child").read_text())))


async def test_a_hook_leaves_nothing_running_behind(folder):
    await hook(folder, "sleep 1000 & echo $! > child").add(RECORD)
    wait_for(lambda: not runs(int((folder / "child").read_text())))


async def test_whoever_is_cancelled_leaves_no_hook_behind(folder):
    working = asyncio.create_task(hook(folder, "echo $$ > child; sleep 1000", seconds=1000.0).add(RECORD))
    while not (folder / "child").exists() or not (folder / "child").read_text():
        await asyncio.sleep(0.01)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    wait_for(lambda: not runs(int((folder / "child").read_text())))


async def test_only_what_the_settings_name_is_started(folder):
    with pytest.raises(DNSFailed, match="dns_hooks") as failed:
        await hook(folder, "touch started", allowed=False).add(RECORD)
    assert failed.value.is_final
    assert not (folder / "started").exists()


async def test_a_program_that_is_not_there_is_named(folder):
    missing = hook(folder, "")
    (folder / "hook").unlink()
    with pytest.raises(DNSFailed, match="can't be started"):
        await missing.add(RECORD)


def runs(pid):
    """Tell whether a process lives, a zombie counting as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
