"""The private key of a certificate leaves, under a passphrase: recorded first, with who asked, when and why.

Neither key nor passphrase ever comes here.
"""

from collections.abc import Iterator

from msgspec import Struct

from es_pki.commands.lineage import State, VersionMissing, check_is_there, check_reason
from es_pki.commands.refusals import NotSignedYet, RulesBroken, SigningGivenUp
from es_pki.commands.renewal import KeyElsewhere
from es_pki.commands.versions import Version
from es_pki.decider import RequestReused, Violation
from es_pki.events.certificate import CertificateEvent, PrivateKeyExported
from es_pki.values import ExportFormat

SHORTEST_PASSPHRASE = 12
LONGEST_PASSPHRASE = 256


class ExportPrivateKey(Struct, frozen=True):
    """Let the key of a version leave (None: of the current one). `export_id` is that of the request for it."""

    export_id: str
    version: int | None
    format: ExportFormat
    legacy: bool
    reason: str
    request_digest: bytes


def passphrase_violations(passphrase: str) -> Iterator[Violation]:
    """Yield what is wrong with a passphrase, without repeating it. The same text opens the file everywhere."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        yield Violation("passphrase", "a passphrase is long", f"at least {SHORTEST_PASSPHRASE} characters")
    if len(passphrase) > LONGEST_PASSPHRASE or not passphrase.isprintable():
        detail = f"at most {LONGEST_PASSPHRASE} printable characters"
        yield Violation("passphrase", "a passphrase is one line", detail)


def export(command: ExportPrivateKey, state: State) -> list[CertificateEvent]:
    """Decide whether the key may leave."""
    check_is_there(state)
    before = state.exports.get(command.export_id)
    if before is not None:
        if before.request_digest != command.request_digest:
            raise RequestReused("this Idempotency-Key was used for another export")
        return []
    check_reason(command.reason)
    RulesBroken.if_any(_request_violations(command))
    version = exportable(state, command.version)
    return [
        PrivateKeyExported(
            version=version.prepared.version,
            format=command.format,
            reason=command.reason,
            public_key_hash=version.prepared.public_key_hash,
            export_id=command.export_id,
            request_digest=command.request_digest,
            legacy=command.legacy,
        )
    ]


def exportable(state: State, number: int | None) -> Version:
    """Return a signed version whose key is kept here. Raises `Refused`, naming what it lacks."""
    version = state.model if number is None else state.versions.get(number)
    if version is None or (number is not None and version.failure is not None):
        detail = f"the certificate {state.name} has no issued version {number}"
        raise VersionMissing(detail, Violation("version", "versions are counted from 1", detail))
    if version.failure is not None:
        raise SigningGivenUp(version.failure)
    if version.certificate is None:
        raise NotSignedYet(f"version {version.prepared.version} of {state.name} waits for its signature")
    if version.prepared.key_id is None:
        detail = "the private key is not kept here: it never came, and can't leave"
        raise KeyElsewhere(detail, Violation("certificate", "a key stays where it is", detail))
    return version


def _request_violations(command: ExportPrivateKey) -> Iterator[Violation]:
    if not command.reason.strip():
        yield Violation("reason", "a key leaves for a reason", "say why: it is recorded")
    if command.legacy and command.format is not ExportFormat.PKCS12:
        yield Violation("legacy", "only PKCS#12 has an older form", "take it with the format pkcs12")
