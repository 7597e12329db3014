"""`es-pki service`: who serves which certificate."""

import argparse
import shlex

from es_pki.adapters.cli import show
from es_pki.adapters.cli.client import Object, RefusedByServer, segment
from es_pki.adapters.cli.options import AS_OF, IDEMPOTENCY_KEY, NAME, NAME_OR_ID, Verb, filters, option, several
from es_pki.adapters.cli.session import Session, print_object, print_rows
from es_pki.adapters.cli.verbs.authority import HISTORY
from es_pki.adapters.cli.verbs.certificate import path_of as certificate_path
from es_pki.adapters.intake.requests import (
    BindCertificate,
    DeployCertificate,
    ReconfigureService,
    RegisterService,
    ResumeService,
    RetireService,
    RotateCHAPSecret,
    StopService,
    UnbindCertificate,
    VerifyService,
)
from es_pki.events.service import FileForm, ProbeProtocol, ReloadSignal, ServiceKind

PATH = "/api/v1/services"


def register(session: Session) -> int:
    """Make a service known: what kind it is, and where its kind's installation doesn't fit."""
    return print_object(session, session.send(RegisterService, _probe(session)))


def reconfigure(session: Session) -> int:
    """Have a service get its certificates in another way."""
    return print_object(session, session.send(ReconfigureService, _probe(session)))


def _probe(session: Session) -> dict[str, object]:
    """Return where to see what is served, if that was given."""
    arguments = session.arguments
    given = {"address": arguments.address, "protocol": arguments.protocol, "server_name": arguments.server_name}
    told = {name: value for name, value in given.items() if value is not None}
    return {"probe": told} if told else {}


def bind(session: Session) -> int:
    """Say that a service serves a certificate."""
    return print_object(session, session.send(BindCertificate))


def unbind(session: Session) -> int:
    """Say that a service serves nothing of ours any more."""
    return print_object(session, session.send(UnbindCertificate))


def stop(session: Session) -> int:
    """Say that a service doesn't run for now."""
    return print_object(session, session.send(StopService))


def resume(session: Session) -> int:
    """Say that a stopped service runs again."""
    return print_object(session, session.send(ResumeService))


def retire(session: Session) -> int:
    """Be done with a service."""
    return print_object(session, session.send(RetireService))


def deploy(session: Session) -> int:
    """Bring a certificate to its service, and wait until it is served; status 1 when it isn't."""
    result = session.send(DeployCertificate)
    print_object(session, result)
    return 0 if result["outcome"] in {"CertificateDeployed", None} else 1


def rotate(session: Session) -> int:
    """Give an iSCSI target another CHAP secret, and wait until a login shows it; status 1 when none does."""
    result = session.send(RotateCHAPSecret)
    print_object(session, result)
    return 0 if result["outcome"] in {"CHAPSecretRotated", None} else 1


def verify(session: Session) -> int:
    """Look at what a service serves, or all of them; status 1 when that is not what it should be."""
    named = session.arguments.service
    rows = [_verified(session, name, is_named=bool(named)) for name in ([named] if named else _watched(session))]
    print_rows(session, VERIFIED, rows)
    return 1 if any(row["drift"] or row["refused"] for row in rows) else 0


def _verified(session: Session, name: object, *, is_named: bool) -> Object:
    """Return what a service was seen to serve; of several, one that can't be looked at hides no other."""
    try:
        return {**session.send(VerifyService, {"service": name}), "refused": ""}
    except RefusedByServer as refused:
        if is_named:
            raise
        return {"name": name, "drift": [], "detail": "", "fingerprint": "", "refused": refused.detail}


def _watched(session: Session) -> list[object]:
    """Return the names of the services that can be looked at."""
    found = []
    for row in session.client.items(PATH, {}):
        installation = row["installation"]
        if (
            row["certificate_id"]
            and row["stopped_at"] is None
            and isinstance(installation, dict)
            and installation.get("probe")
        ):
            found.append(row["name"])
    return found


def list_all(session: Session) -> int:
    """List the services."""
    rows = session.client.items(PATH, {**session.as_of(), **dict(session.arguments.filters or [])})
    return print_rows(session, COLUMNS, rows)


def one(session: Session) -> int:
    """Show a service: what it is to serve, and how it gets it."""
    return print_object(session, session.client.get(_path(session), session.as_of()))


def history(session: Session) -> int:
    """Tell what happened to a service."""
    return print_rows(session, HISTORY, session.client.items(f"{_path(session)}/history", session.as_of()))


def usages(session: Session) -> int:
    """List the services that are bound to a certificate."""
    rows = session.client.items(f"{certificate_path(session.arguments.name)}/usages", session.as_of())
    return print_rows(session, USAGES, rows)


def _path(session: Session) -> str:
    return f"{PATH}/{segment(session.arguments.name)}"


def served_file(text: str) -> dict[str, str]:
    """Return a file of a service from `FORM=PATH`."""
    form, equals, path = text.partition("=")
    if form not in set(FileForm) or not equals:
        raise argparse.ArgumentTypeError(f"FORM=PATH, where FORM is one of: {', '.join(FileForm)}")
    return {"form": form, "path": path}


def command_line(text: str) -> tuple[str, ...]:
    """Return the arguments of a command: quoted as in a shell, but no shell ever sees it. "" is no command at all."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"a program and its arguments: {error}") from None


def _deployment(row: show.Row, which: str) -> dict[str, object]:
    found = row[which]
    return found if isinstance(found, dict) else {}


COLUMNS: list[show.Column] = [
    ("NAME", lambda row: row["name"]),
    ("KIND", lambda row: row["kind"]),
    ("STATUS", lambda row: row["status"]),
    ("CERTIFICATE", lambda row: row["certificate_id"]),
    ("DEPLOYED", lambda row: show.when(_deployment(row, "deployed").get("ended_at"))),
    ("VERSION", lambda row: _deployment(row, "deployed").get("version")),
    ("RETIRED", lambda row: show.when(row["retired_at"])),
]

VERIFIED: list[show.Column] = [
    ("SERVICE", lambda row: row["name"]),
    ("DRIFT", lambda row: ", ".join(map(str, row["drift"])) if isinstance(row["drift"], list) else ""),
    ("DETAIL", lambda row: row["detail"] or row["refused"]),
    ("SHA-256", lambda row: row["fingerprint"]),
]

USAGES: list[show.Column] = [
    ("SERVICE", lambda row: row["service"]),
    ("AS FALLBACK", lambda row: row["as_fallback"]),
    ("SINCE", lambda row: show.when(row["since"])),
    ("BOUND BY", lambda row: row["bound_by"]),
]

SERVICE = option("service", metavar="SERVICE", help="its name or id")
KIND = option("--kind", choices=[kind.value for kind in ServiceKind], help="what kind of service (default: custom)")
FOLDER = option("--folder", metavar="FOLDER", help="the folder of its files (default: the kind's)")
INSTALLATION = (
    several("--file", "files", "FORM=PATH", f"a file to write: {', '.join(FileForm)}", type=served_file),
    option("--link", metavar="PATH", help="the symbolic link to a folder of the version, in which all files lie"),
    option("--owner", metavar="USER", help="whose the files are"),
    option("--group", metavar="GROUP", help="the group of the files"),
    option("--mode", metavar="MODE", help="the permissions of the files (default: 0600)"),
    option("--passphrase-file", metavar="FILE", help="the server's file with the passphrase for PKCS#12"),
    option("--test-command", type=command_line, metavar="COMMAND", help="what judges the files before a reload"),
    option("--reload-command", type=command_line, metavar="COMMAND", help="what has the service read its files"),
    option("--reload-signal", choices=[signal.value for signal in ReloadSignal if signal], help="... or a signal"),
    option("--pid-file", metavar="FILE", help="... to the process of this file"),
    option("--start-command", type=command_line, metavar="COMMAND", help="what starts it when it is gone"),
    option("--command-seconds", type=int, metavar="SECONDS", help="how long a command may take (default: 30)"),
    option("--probe-seconds", type=int, metavar="SECONDS", help="how long until it must serve (default: 15)"),
    option("--probe", dest="address", metavar="HOST:PORT", help="where to see what it serves"),
    option("--protocol", choices=[p.value for p in ProbeProtocol], help="how TLS begins there (default: tls)"),
    option("--server-name", metavar="NAME", help="the name to ask for (default: the probe's host)"),
    several("--after", "after", "SERVICE", "a service that gets a new version before this one"),
    option("--directory-entry", metavar="DN", help="the entry at which the certificate is published"),
    option("--iscsi-target", metavar="IQN", help="the name of a target of tgtd"),
    option("--iscsi-portal", metavar="HOST:PORT", help="... where it is reached"),
    option("--chap-user", metavar="USER", help="the account with which initiators log in"),
    option("--chap-target-user", metavar="USER", help="the account with which the target proves itself"),
    option("--chap-secret-length", type=int, metavar="CHARACTERS", help="how long secrets are (default: 16)"),
    option("--chap-secrets-file", metavar="FILE", help="the file with the secrets that tgt reads at its start"),
    option("--tgtd-socket", metavar="PATH", help="tgtd's control socket"),
    option("--login-command", type=command_line, metavar="COMMAND", help="what tries a login"),
)

WAIT = option(
    "--wait",
    dest="wait_seconds",
    type=int,
    default=60,
    metavar="SECONDS",
    help="how long to wait for the outcome (default: 60)",
)

VERBS = (
    Verb("service register", register, (NAME, KIND, FOLDER, *INSTALLATION, IDEMPOTENCY_KEY)),
    Verb("service reconfigure", reconfigure, (SERVICE, *INSTALLATION, IDEMPOTENCY_KEY)),
    Verb(
        "service bind",
        bind,
        (
            SERVICE,
            option("certificate", metavar="CERTIFICATE", help="the certificate's name or id"),
            option("--fallback", dest="fallback_certificate", metavar="CERTIFICATE", help="served when that one ends"),
            IDEMPOTENCY_KEY,
        ),
    ),
    Verb("service unbind", unbind, (SERVICE, IDEMPOTENCY_KEY)),
    Verb(
        "service stop",
        stop,
        (SERVICE, option("--reason", metavar="TEXT", help="why, for the history"), IDEMPOTENCY_KEY),
    ),
    Verb("service resume", resume, (SERVICE, IDEMPOTENCY_KEY)),
    Verb(
        "service retire",
        retire,
        (SERVICE, option("--reason", metavar="TEXT", help="why, for the history"), IDEMPOTENCY_KEY),
    ),
    Verb("service deploy", deploy, (SERVICE, WAIT, IDEMPOTENCY_KEY)),
    Verb("service rotate-chap", rotate, (SERVICE, WAIT, IDEMPOTENCY_KEY)),
    Verb("service verify", verify, (option("service", nargs="?", metavar="SERVICE", help="its name or id"),)),
    Verb("service list", list_all, (filters("name, kind, status, certificate_id"), AS_OF)),
    Verb("service show", one, (NAME_OR_ID, AS_OF)),
    Verb("service history", history, (NAME_OR_ID, AS_OF)),
    Verb("certificate usages", usages, (NAME_OR_ID, AS_OF)),
)
