"""The command line's grammar, built from the verbs' tables. Options for all verbs stand before or behind them."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from es_pki.adapters.cli.options import DATA_DIR, JSON, SERVER, SETTINGS, Option, Verb
from es_pki.adapters.cli.verbs import (
    acme,
    authority,
    backup,
    certificate,
    crl,
    csr,
    dns,
    export,
    importing,
    installation,
    key,
    lineage,
    lint,
    log,
    notice,
    overview,
    profile,
    revocation,
    service,
    token,
    trust,
    validation,
)

VERBS: tuple[Verb, ...] = (
    *installation.VERBS,
    *backup.VERBS,
    *log.VERBS,
    *overview.VERBS,
    *authority.VERBS,
    *certificate.VERBS,
    *lineage.VERBS,
    *lint.VERBS,
    *validation.VERBS,
    *export.VERBS,
    *importing.VERBS,
    *csr.VERBS,
    *acme.VERBS,
    *dns.VERBS,
    *key.VERBS,
    *notice.VERBS,
    *profile.VERBS,
    *revocation.VERBS,
    *crl.VERBS,
    *service.VERBS,
    *token.VERBS,
    *trust.VERBS,
)

LOCAL = frozenset(verb.words for verb in (*installation.VERBS, *backup.VERBS))
"""The verbs that work on a data folder, without a server."""

NOUNS = {
    "authority": "who issues here, and what they may issue",
    "certificate": "issue, renew, look at and fetch certificates",
    "csr": "CSRs made, kept and answered here",
    "service": "who serves which certificate, and how each gets it",
    "acme": "certificates of ACME directories, as Let's Encrypt",
    "dns": "whose DNS zones es-pki may change, to prove names",
    "notice": "who is told what expires, fails or differs",
    "key": "which keys are compromised, and what uses them",
    "profile": "what certificates are for, and what they must and may say",
    "token": "who is let in",
    "trust": "named sets of certificates that chains may end at",
    "backup": "make, check and restore backups",
    "revocation": "what was revoked",
    "crl": "the signed lists of what was revoked",
    "log": "check the event log, prove what is in it, take it along",
    "views": "what is derived from the log",
}

NOT_GIVEN = {"url": None, "token_file": None, "ca_file": None, "json": False, "output": None, "as_of": None}
"""Options that may stand in two places have no default of their own: it would undo what stood before the verb."""

EPILOG = "Exit status: 0 done; 1 refused, or a check failed; 2 misused, or the server can't be reached."


def parse(argv: Sequence[str]) -> Namespace:
    """Return the arguments; `run` is the verb's function. Ends the program with status 2 on misuse, 0 after help."""
    return _parser().parse_args(argv, Namespace(**NOT_GIVEN, idempotency_key=None))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="es-pki",
        description="A certificate manager whose memory is a provable log.",
        epilog=EPILOG,
        parents=[_parent(DATA_DIR), _parent(SERVER), _parent(SETTINGS), _parent((JSON,))],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"es-pki {version('es-pki')}")
    shared = [_parent(DATA_DIR), _parent((JSON,))]
    with_server = [*shared, _parent(SERVER)]
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    below = {}
    for verb in VERBS:
        *noun, word = verb.words.split()
        if noun and noun[0] not in below:
            nouns = commands.add_parser(noun[0], help=NOUNS[noun[0]], allow_abbrev=False)
            below[noun[0]] = nouns.add_subparsers(metavar="VERB", required=True)
        parents = shared if verb.words in LOCAL else with_server
        place = below[noun[0]] if noun else commands
        made = place.add_parser(word, help=verb.help, description=verb.help, parents=parents, allow_abbrev=False)
        _add(made, verb.options)
        made.set_defaults(run=verb.run)
    return parser


def _parent(options: Iterable[Option]) -> ArgumentParser:
    parent = ArgumentParser(add_help=False, allow_abbrev=False)
    _add(parent, options)
    return parent


def _add(parser: ArgumentParser, options: Iterable[Option]) -> None:
    for option in options:
        parser.add_argument(*option.flags, **option.settings)
