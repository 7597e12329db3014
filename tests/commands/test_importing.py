"""Certificates from elsewhere: what becomes a version of what, and what is refused."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from es_pki.commands import certificate
from es_pki.commands.certificate import AlreadyManaged
from es_pki.commands.importing import Foreign, ImportCertificate, KeyLeftOut, VersionOutdated, profile_of
from es_pki.commands.lineage import AlreadyDeleted, DeleteCertificate
from es_pki.commands.refusals import NameTaken, RulesBroken
from es_pki.commands.renewal import IssuedElsewhere, profile_name_of
from es_pki.decider import RequestReused
from es_pki.events.certificate import CertificateDeleted, CertificateImported, CertificateIssued, CertificateKeyImported
from es_pki.values import (
    ExtendedKeyUsage,
    KeyAlgorithm,
    SubjectAltNames,
)
from es_pki.values.foreign import ForeignAttribute, KeyKind
from tests.builders import CERTIFICATE_ID, LATER, NOW, further, issuer, reissue, renew, sign_csr
from tests.spec import Spec, encode

spec = Spec(certificate.decider(encode))

FOREIGN = Foreign(
    certificate=b"der",
    chain=(b"above",),
    subject=(ForeignAttribute("common_name", "www.example.test"),),
    issuer=(ForeignAttribute("common_name", "Elsewhere CA"),),
    subject_alt_names=SubjectAltNames(dns_names=("www.example.test",)),
    other_names=(),
    key=KeyKind("ec-p256", KeyAlgorithm.EC, 128),
    public_key_hash="05" * 32,
    serial_number="07",
    not_before=NOW,
    not_after=NOW + timedelta(days=90),
    profile="server",
    is_self_signed=False,
    is_authority=False,
)
KEY_IMPORTED = CertificateKeyImported(1, "key", FOREIGN.public_key_hash)
NEXT = replace(FOREIGN, certificate=b"next", public_key_hash="06" * 32, not_after=NOW + timedelta(days=180))
OTHER_KEY = replace(NEXT, certificate=b"other", public_key_hash="07" * 32)


def signed_csr():
    """Return the events of a certificate that was signed here for a CSR."""
    events = spec.given().when(sign_csr()).events()
    return events[0], CertificateIssued(1, b"signed here")


def bring_in(foreign=FOREIGN, **changes):
    """Return a command to import as www, without a key."""
    facts = {"name": "www", "issuer_id": None, "key_id": None, "request_id": CERTIFICATE_ID, "request_digest": b"d"}
    return ImportCertificate(foreign=foreign, **{**facts, **changes})


def imported(foreign=FOREIGN, version=1, **changes):
    """Return the event that importing leads to."""
    fields = {name: getattr(foreign, name) for name in Foreign.__struct_fields__}
    facts = {"name": "www", "issuer_id": None, "key_id": None, "request_id": CERTIFICATE_ID, "request_digest": b"d"}
    return CertificateImported(version=version, **{**fields, **facts, **changes})


def test_it_is_the_first_version_of_a_new_lineage():
    spec.given().when(bring_in()).then(imported())


def test_the_same_again_changes_nothing_also_by_a_former_name():
    spec.given(imported()).when(bring_in(request_id="other", request_digest=b"other")).then_nothing()


def test_a_name_is_plain():
    spec.given().when(bring_in(name="a name")).then_breaks("name")


def test_what_names_the_same_for_longer_is_the_next_version():
    spec.given(imported()).when(bring_in(NEXT)).then(imported(NEXT, version=2))


def test_what_names_something_else_takes_no_name_away():
    other = replace(NEXT, subject=(), subject_alt_names=SubjectAltNames(dns_names=("other.example.test",)))
    spec.given(imported()).when(bring_in(other)).then_refused(NameTaken)


def test_what_ends_before_the_current_version_is_refused():
    spec.given(imported(NEXT)).when(bring_in(FOREIGN)).then_refused(VersionOutdated)


def test_a_version_whose_predecessors_have_their_keys_here_needs_its_own():
    given = spec.given(imported(key_id="key"))
    given.when(bring_in(NEXT)).then_refused(KeyLeftOut)
    given.when(bring_in(NEXT, key_id="new")).then(imported(NEXT, version=2, key_id="new"))


def test_a_key_that_is_here_already_is_used_again():
    same_key = replace(NEXT, public_key_hash=FOREIGN.public_key_hash)
    given = spec.given(imported(key_id="key"))
    given.when(bring_in(same_key)).then(imported(same_key, version=2, key_id="key"))
    given.when(bring_in(same_key, key_id="again")).then(imported(same_key, version=2, key_id="key"))


def test_a_key_may_come_after_its_certificate_once():
    given = spec.given(imported(), KEY_IMPORTED)
    spec.given(imported()).when(bring_in(key_id="key")).then(KEY_IMPORTED)
    for command in (bring_in(key_id="again"), bring_in()):
        given.when(command).then_nothing()
    given.when(bring_in(NEXT)).then_refused(KeyLeftOut)
    (deleted,) = given.when(DeleteCertificate("", ())).events()
    assert deleted.key_ids == ("key",)


def test_a_key_that_comes_later_is_that_of_every_version_with_its_public_key():
    same_key = replace(NEXT, public_key_hash=FOREIGN.public_key_hash)
    given = spec.given(imported(), imported(same_key, version=2), imported(OTHER_KEY, version=3))
    both = (KEY_IMPORTED, replace(KEY_IMPORTED, version=2))
    given.when(bring_in(same_key, key_id="key")).then(*both)
    given.when(bring_in(OTHER_KEY, key_id="key")).then(CertificateKeyImported(3, "key", OTHER_KEY.public_key_hash))


def test_a_key_that_is_kept_for_another_version_is_kept_once():
    same_key = replace(NEXT, public_key_hash=FOREIGN.public_key_hash)
    given = spec.given(imported(), imported(same_key, version=2, key_id="key"))
    given.when(bring_in(key_id="again")).then(KEY_IMPORTED)


def test_the_key_of_what_was_issued_here_for_a_csr_may_come_but_not_that_of_anothers_authority():
    prepared, issued = signed_csr()
    command = bring_in(replace(FOREIGN, certificate=issued.certificate), name=prepared.name, key_id="key")
    spec.given(prepared, issued).when(command).then(KEY_IMPORTED)
    spec.given(prepared).when(replace(command, name="other")).then_refused(RequestReused)
    authority = replace(prepared, is_authority=True)
    spec.given(authority, issued).when(command).then_breaks("private_key")


def test_a_key_of_a_deleted_certificate_does_not_come():
    (deleted,) = spec.given(imported()).when(DeleteCertificate("", ())).events()
    spec.given(imported(), deleted).when(bring_in(key_id="key")).then_refused(AlreadyDeleted)


def test_an_idempotency_key_is_for_one_certificate():
    spec.given(imported()).when(bring_in(NEXT, name="other")).then_refused(RequestReused)


def test_deleting_it_frees_name_and_fingerprint():
    (deleted,) = spec.given(imported()).when(DeleteCertificate("", ())).events()
    assert isinstance(deleted, CertificateDeleted)
    claims = certificate.reservations(deleted, CERTIFICATE_ID)
    assert {claim.stream for claim in claims} == {
        "certificate_name-www",
        f"certificate_fingerprint-{deleted.fingerprints[0]}",
    }


def test_it_claims_its_bytes_and_its_serial_number_with_an_authority_here():
    name, fingerprint, serial = certificate.reservations(imported(issuer_id="root"), CERTIFICATE_ID)
    assert (name.stream, serial.stream) == ("certificate_name-www", "serial_number-root-07")
    assert isinstance(fingerprint.taken, AlreadyManaged)
    assert isinstance(serial.taken, AlreadyManaged)


def test_the_authority_here_that_issued_it_renews_it():
    by = issuer()
    (prepared,) = spec.given(imported(issuer_id=by.authority_id)).when(renew(by, key_id=None)).events()
    assert (prepared.version, prepared.subject_alt_names, prepared.profile) == (2, FOREIGN.subject_alt_names, "server")


def test_whose_authority_is_elsewhere_is_not_renewed_here():
    command = certificate.RenewCertificate(further(None, key_id=None))
    spec.given(imported()).when(command).then_refused(IssuedElsewhere)


def test_what_signed_for_itself_is_renewed_so():
    own = replace(FOREIGN, is_self_signed=True, issuer=FOREIGN.subject)
    command = certificate.RenewCertificate(further(None))
    (prepared,) = spec.given(imported(own, key_id="key")).when(command).events()
    assert (prepared.version, prepared.issuer_id, prepared.key_id) == (2, None, "another key")


def test_purposes_of_no_profile_and_unknown_names_are_not_renewed():
    by = issuer()
    with pytest.raises(RulesBroken):
        profile_name_of(imported(replace(FOREIGN, profile="")))
    for change in ({"other_names": ("x",)}, {"subject": (ForeignAttribute("1.2.3", "x"),)}):
        given = spec.given(imported(replace(FOREIGN, **change), issuer_id=by.authority_id))
        given.when(renew(by, key_id=None)).then_refused(RulesBroken)
    odd = replace(FOREIGN, other_names=("x",))
    command = replace(reissue("www.example.test", by=by), further=further(by, key_id=None, now=LATER))
    (prepared,) = spec.given(imported(odd, issuer_id=by.authority_id)).when(command).events()
    assert prepared.version == 2


def test_a_profile_is_known_by_its_purposes():
    server, client = ExtendedKeyUsage.SERVER_AUTH, ExtendedKeyUsage.CLIENT_AUTH
    assert profile_of((server,), is_authority=False) == "server"
    assert profile_of((client, server), is_authority=False) == "server-client"
    assert profile_of(None, is_authority=False) == ""
    assert profile_of((), is_authority=False) == ""
    assert profile_of((server,), is_authority=True) == "intermediate"
