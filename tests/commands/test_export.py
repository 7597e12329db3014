"""A private key leaves for a reason, under a passphrase, and only where there is one."""

import pytest
from msgspec.structs import replace

from es_pki.commands.certificate import CertificateMissing, decider
from es_pki.commands.export import ExportPrivateKey, passphrase_violations
from es_pki.commands.lineage import AlreadyDeleted, VersionMissing
from es_pki.commands.refusals import NotSignedYet, SigningGivenUp
from es_pki.commands.renewal import KeyElsewhere
from es_pki.decider import RequestReused
from es_pki.events.certificate import CertificateDeleted, CertificateIssued, PrivateKeyExported, SigningFailed
from es_pki.values import ExportFormat
from tests.builders import issue, renew, sign_csr
from tests.spec import Spec, encode

spec = Spec(decider(encode))

(FIRST,) = spec.when(issue()).events()
ONE = FIRST, CertificateIssued(1, b"der 1")
(SECOND,) = spec.given(*ONE).when(renew()).events()
TWO = *ONE, SECOND, CertificateIssued(2, b"der 2")
(OF_CSR,) = spec.when(sign_csr()).events()


def export(**changes):
    whole = ExportPrivateKey("export", None, ExportFormat.PKCS12, legacy=False, reason="a move", request_digest=b"d")
    return replace(whole, **changes)


def exported(prepared, **changes):
    event = PrivateKeyExported(
        version=prepared.version,
        format=ExportFormat.PKCS12,
        reason="a move",
        public_key_hash=prepared.public_key_hash,
        export_id="export",
        request_digest=b"d",
    )
    return replace(event, **changes)


def test_the_current_version_leaves_unless_another_is_named():
    spec.given(*TWO).when(export()).then(exported(SECOND))
    spec.given(*TWO).when(export(version=1)).then(exported(FIRST))
    spec.given(*ONE, SECOND).when(export()).then(exported(FIRST))


def test_every_export_is_recorded_but_the_same_request_once():
    once = *ONE, exported(FIRST)
    spec.given(*once).when(export()).then_nothing()
    spec.given(*once).when(export(export_id="again")).then(exported(FIRST, export_id="again"))
    spec.given(*once, SECOND, CertificateIssued(2, b"der 2")).when(export()).then_nothing()


def test_an_idempotency_key_stands_for_one_export():
    spec.given(*ONE, exported(FIRST)).when(export(request_digest=b"other")).then_refused(RequestReused)


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 201])
def test_a_key_leaves_for_a_reason_of_one_line(reason):
    spec.given(*ONE).when(export(reason=reason)).then_breaks("reason")


def test_only_pkcs12_has_a_legacy_form():
    spec.given(*ONE).when(export(legacy=True)).then(exported(FIRST, legacy=True))
    spec.given(*ONE).when(export(legacy=True, format=ExportFormat.PEM)).then_breaks("legacy")


def test_a_key_that_is_not_here_cannot_leave():
    spec.given(OF_CSR, CertificateIssued(1, b"der")).when(export()).then_refused(KeyElsewhere)


def test_nothing_leaves_that_is_not_signed():
    spec.given(FIRST).when(export()).then_refused(NotSignedYet)
    spec.given(*ONE, SECOND).when(export(version=2)).then_refused(NotSignedYet)
    spec.given(FIRST, SigningFailed(1, "why")).when(export()).then_refused(SigningGivenUp)
    spec.given(*ONE, SECOND, SigningFailed(2, "why")).when(export(version=2)).then_refused(VersionMissing)


@pytest.mark.parametrize("version", [0, 3, -1, 10**30])
def test_a_version_that_never_was_is_refused(version):
    spec.given(*TWO).when(export(version=version)).then_refused(VersionMissing)


def test_what_is_deleted_or_never_was_has_no_key():
    deleted = CertificateDeleted(names=("www",), key_ids=("key-of-www",))
    spec.given(*ONE, deleted).when(export()).then_refused(AlreadyDeleted)
    spec.given(*ONE, exported(FIRST), deleted).when(export()).then_refused(AlreadyDeleted)
    spec.when(export()).then_refused(CertificateMissing)


@pytest.mark.parametrize(
    "passphrase", ["", "elevenchars", "twelve\nchars..", "nul\0nul\0nul\0", "x" * 257, "\ud800" * 12]
)
def test_a_passphrase_is_one_line_of_12_characters_at_least_and_never_repeated(passphrase):
    found = list(passphrase_violations(passphrase))
    assert [violation.field for violation in found] == ["passphrase"] * len(found) != []
    assert not any(passphrase and passphrase in violation.detail for violation in found)


def test_a_long_passphrase_will_do():
    assert list(passphrase_violations("zwölf Zeichen")) == []
