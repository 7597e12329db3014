"""Trust stores: what was distrusted stays so until somebody means it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from es_pki.commands import trust_store
from es_pki.commands.trust_store import (
    CertificateUnknownHere,
    CreateTrustStore,
    DistrustCertificate,
    Distrusted,
    TrustCertificate,
    TrustStoreMissing,
)
from es_pki.decider import RequestReused
from es_pki.events.trust_store import CertificateDistrusted, CertificateTrusted, TrustStoreCreated
from es_pki.values import TrustAnchor
from tests.builders import NOW
from tests.spec import Spec

spec = Spec(trust_store.decider)


def anchor(digit):
    return TrustAnchor(digit * 64, b"der " + digit.encode(), f"CN=Root {digit}", "01", NOW, NOW, digit * 64)


A, B = anchor("a"), anchor("b")
create = CreateTrustStore("partners", (A, A), b"digest")
created = TrustStoreCreated("partners", b"digest")
distrust = DistrustCertificate(A.fingerprint, "key found on a web server", None)
distrusted = CertificateDistrusted(A.fingerprint, "key found on a web server")
has_a = (created, CertificateTrusted(A))


def test_a_store_is_created_with_each_certificate_once():
    spec.given().when(create).then(created, CertificateTrusted(A))


def test_the_same_request_again_changes_nothing_and_another_is_refused():
    spec.given(*has_a).when(create).then_nothing()
    spec.given(*has_a).when(replace(create, request_digest=b"other")).then_refused(RequestReused)


def test_only_what_is_new_is_trusted():
    spec.given(*has_a).when(TrustCertificate((A, B), (A,), again=False)).then(CertificateTrusted(B))


def test_what_was_distrusted_is_trusted_again_only_when_it_is_meant():
    spec.given(*has_a, distrusted).when(TrustCertificate((B, A), (), again=False)).then_refused(Distrusted)
    spec.given(*has_a, distrusted).when(TrustCertificate((A,), (), again=True)).then(CertificateTrusted(A))


def test_a_list_that_others_keep_brings_nothing_back():
    spec.given(*has_a, distrusted).when(TrustCertificate((), (A, B), again=True)).then(CertificateTrusted(B))


def test_distrust_may_be_widened_and_narrowed():
    phased_out = replace(distrust, issued_after=NOW)
    limited = replace(distrusted, issued_after=NOW)
    spec.given(*has_a).when(phased_out).then(limited)
    spec.given(*has_a, limited).when(replace(phased_out, reason="said otherwise")).then_nothing()
    spec.given(*has_a, limited).when(distrust).then(distrusted)
    later = NOW + timedelta(days=1)
    spec.given(*has_a, distrusted).when(replace(phased_out, issued_after=later)).then(
        replace(distrusted, issued_after=later)
    )


def test_what_the_store_never_had_is_not_distrusted():
    spec.given(created).when(distrust).then_refused(CertificateUnknownHere)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"fingerprint": "AA:BB"}, "fingerprint"), ({"reason": ""}, "reason"), ({"reason": "a\nb"}, "reason")],
)
def test_a_broken_rule_of_distrust_names_its_field(changes, field):
    spec.given(*has_a).when(replace(distrust, **changes)).then_breaks(field)


def test_a_broken_rule_of_a_store_names_its_field():
    spec.given().when(replace(create, name="with space")).then_breaks("name")
    many = tuple(replace(A, fingerprint=f"{number:064x}") for number in range(trust_store.MOST_CERTIFICATES + 1))
    spec.given().when(replace(create, anchors=many)).then_breaks("certificates")
    spec.given(*has_a).when(TrustCertificate(many[1:], (), again=False)).then_breaks("certificates")


@pytest.mark.parametrize("command", [TrustCertificate((A,), (), again=False), distrust])
def test_a_store_that_is_not_there_is_said(command):
    spec.given().when(command).then_refused(TrustStoreMissing)
