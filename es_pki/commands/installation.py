"""What an installation may be: the rules of a service's files, commands and addresses, before anybody uses them.

None repeats a value: what stands in the wrong field may be a secret.
"""

import ipaddress
import re
from collections.abc import Iterator
from posixpath import dirname, normpath

from es_pki.commands.names import dns_name_fault
from es_pki.decider import Violation
from es_pki.events.service import FileForm, Installation, Probe

MAXIMUM_FILES = 8
MAXIMUM_BEFORE = 16
MAXIMUM_ARGUMENTS = 64
LONGEST_TEXT = 1_024
LONGEST_WAIT_SECONDS = 600
SHORTEST_SECRET = 12
LONGEST_SECRET = 255
"""What tgtd and libiscsi take at most; RFC 7143 section 9.2.1 wants 96 random bits, which are 16 characters."""

_MODE = re.compile("0[46][046]0")
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?")
_TARGET = re.compile(r"(iqn|eui|naa)\.[a-z0-9][a-z0-9.:-]{0,218}")
_CHAP_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,62}")
_PORT = re.compile("[1-9][0-9]{0,4}")


def installation_violations(installation: Installation) -> Iterator[Violation]:
    """Yield what is wrong with an installation."""
    yield from _file_violations(installation)
    yield from _entry_violations(installation)
    yield from _account_violations(installation)
    yield from _reload_violations(installation)
    yield from _probe_violations(installation.probe)
    yield from _target_violations(installation)
    if len(set(installation.after)) < len(installation.after) or len(installation.after) > MAXIMUM_BEFORE:
        yield Violation("after", "services are in order", f"at most {MAXIMUM_BEFORE} services, each once")
    for field in ("command_seconds", "probe_seconds"):
        if not 1 <= getattr(installation, field) <= LONGEST_WAIT_SECONDS:
            yield Violation(field, "waits are bounded", f"1 to {LONGEST_WAIT_SECONDS} seconds")


def path_fault(path: str) -> str:
    """Say what is wrong with the path of a file, "" if nothing."""
    if not path.startswith("/") or path.startswith("//") or path == "/":
        return "a path is absolute, as /etc/ssl/www.pem"
    if len(path) > LONGEST_TEXT or not path.isprintable():
        return f"at most {LONGEST_TEXT} printable characters"
    if normpath(path) != path:
        return "a path is written in its shortest form: without '.', '..', '//' and a last '/'"
    return ""


def _file_violations(installation: Installation) -> Iterator[Violation]:
    files, link = installation.files, installation.link
    if len(files) > MAXIMUM_FILES:
        yield Violation("files", "files are counted", f"at most {MAXIMUM_FILES} files, not {len(files)}")
        return
    if len({file.path for file in files}) < len(files):
        yield Violation("files", "files are apart", "each file has a path of its own")
    for index, file in enumerate(files):
        if fault := path_fault(file.path):
            yield Violation(f"files[{index}].path", "paths are absolute and normal", fault)
        elif link and dirname(file.path) != link:
            yield Violation(f"files[{index}].path", "a link switches all files", "the file lies right below the link")
    if link and (fault := path_fault(link)):
        yield Violation("link", "paths are absolute and normal", fault)
    if link and not files:
        yield Violation("link", "a link switches all files", "there is no file below it")
    if installation.passphrase_file and (fault := path_fault(installation.passphrase_file)):
        yield Violation("passphrase_file", "paths are absolute and normal", fault)
    if not installation.passphrase_file and any(file.form is FileForm.PKCS12 for file in files):
        yield Violation("passphrase_file", "PKCS#12 is encrypted", "name the file with the service's passphrase")


def _entry_violations(installation: Installation) -> Iterator[Violation]:
    entry = installation.directory_entry
    published = {FileForm.USER_CERTIFICATE, FileForm.AD_USER_CERTIFICATE}
    is_published = any(file.form in published for file in installation.files)
    if is_published and not entry:
        yield Violation(
            "directory_entry", "a certificate is published at an entry", "name it, as cn=pc1,dc=example,dc=test"
        )
    if entry and (len(entry) > LONGEST_TEXT or not entry.isprintable() or "=" not in entry):
        yield Violation("directory_entry", "RFC 4514 section 3", "a distinguished name, as cn=pc1,dc=example,dc=test")


def _account_violations(installation: Installation) -> Iterator[Violation]:
    if not _MODE.fullmatch(installation.mode):
        yield Violation("mode", "keys are not everybody's", "0600, 0640, 0660, 0400 or 0440")
    for field in ("owner", "group"):
        name = getattr(installation, field)
        if name and not _ACCOUNT.fullmatch(name):
            yield Violation(field, "accounts are named", "the name of a user or group of the system")


def _reload_violations(installation: Installation) -> Iterator[Violation]:
    for field in ("test_command", "reload_command", "start_command", "login_command"):
        yield from _command_violations(field, getattr(installation, field))
    if installation.reload_signal and installation.reload_command:
        yield Violation("reload_signal", "there is one way to reload", "give a command or a signal")
    if bool(installation.reload_signal) != bool(installation.pid_file):
        yield Violation("pid_file", "a signal goes to a process", "reload_signal and pid_file belong together")
    if installation.pid_file and (fault := path_fault(installation.pid_file)):
        yield Violation("pid_file", "paths are absolute and normal", fault)


def _command_violations(field: str, command: tuple[str, ...]) -> Iterator[Violation]:
    if len(command) > MAXIMUM_ARGUMENTS:
        yield Violation(field, "arguments are counted", f"at most {MAXIMUM_ARGUMENTS}, not {len(command)}")
        return
    if command and (fault := path_fault(command[0])):
        yield Violation(f"{field}[0]", "a program is named by its path", fault)
    for index, argument in enumerate(command):
        if len(argument) > LONGEST_TEXT or not argument.isprintable():
            detail = f"at most {LONGEST_TEXT} printable characters"
            yield Violation(f"{field}[{index}]", "arguments are one line", detail)


def _probe_violations(probe: Probe) -> Iterator[Violation]:
    if probe.address and (fault := _address_fault(probe.address)):
        yield Violation("probe.address", "addresses are HOST:PORT", fault)
    if probe.server_name and _host_fault(probe.server_name):
        yield Violation("probe.server_name", "RFC 6066 section 3", "a DNS name or an IP address")
    if not probe.address and probe != Probe():
        yield Violation("probe.address", "addresses are HOST:PORT", "there is nowhere to look")


def _target_violations(installation: Installation) -> Iterator[Violation]:
    if installation.iscsi_target and not _TARGET.fullmatch(installation.iscsi_target):
        yield Violation("iscsi_target", "RFC 7143 section 4.2.7", "an iSCSI name, as iqn.2026-01.com.example:disk")
    if installation.iscsi_target and not installation.chap_user:
        yield Violation("chap_user", "a secret has an account", "name the account with which initiators log in")
    for field in ("chap_user", "chap_target_user"):
        if (user := getattr(installation, field)) and not _CHAP_USER.fullmatch(user):
            yield Violation(field, "accounts are named", "up to 63 letters, digits and . _ : @ -")
    if installation.chap_user and installation.chap_user == installation.chap_target_user:
        yield Violation("chap_target_user", "RFC 7143 section 9.2.1", "each side has an account of its own")
    if not SHORTEST_SECRET <= installation.chap_secret_length <= LONGEST_SECRET:
        detail = f"{SHORTEST_SECRET} to {LONGEST_SECRET} characters; some initiators take no more than 16"
        yield Violation("chap_secret_length", "secrets are long", detail)
    if installation.iscsi_portal and (fault := _address_fault(installation.iscsi_portal)):
        yield Violation("iscsi_portal", "addresses are HOST:PORT", fault)
    if installation.login_command and not installation.iscsi_portal:
        yield Violation("iscsi_portal", "addresses are HOST:PORT", "there is nowhere to log in")
    for field in ("tgtd_socket", "chap_secrets_file"):
        if (path := getattr(installation, field)) and (fault := path_fault(path)):
            yield Violation(field, "paths are absolute and normal", fault)


def _address_fault(address: str) -> str:
    host, colon, port = address.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or int(port) > 65_535:
        return "HOST:PORT, an IPv6 address in brackets"
    return _host_fault(host[1:-1] if host.startswith("[") and host.endswith("]") else host)


def _host_fault(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "the host is neither a DNS name nor an IP address" if dns_name_fault(host) or "*" in host else ""
    return ""
