"""Principals: who is let in, and who no longer."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from es_pki.commands import principal
from es_pki.commands.principal import AdmitClient, CreateToken, PrincipalMissing, RevokeToken
from es_pki.decider import Release, RequestReused
from es_pki.events.principal import ClientAdmitted, TokenCreated, TokenRevoked
from es_pki.values import Role
from tests.builders import NOW
from tests.spec import Spec

spec = Spec(principal.decider)
ID = "018f0000-0000-7000-8000-000000000009"
create = CreateToken(
    principal_id=ID,
    name="backup-job",
    roles=(Role.VIEWER, Role.REQUESTER, Role.VIEWER),
    token_digest=b"d" * 32,
    expires=None,
    now=NOW,
    request_digest=b"digest",
)
created = TokenCreated("backup-job", (Role.REQUESTER, Role.VIEWER), b"d" * 32, None, b"digest")
admit = AdmitClient("probe", (Role.VIEWER, Role.AUDITOR, Role.VIEWER), ID, "", b"digest")
client_admitted = ClientAdmitted("probe", (Role.AUDITOR, Role.VIEWER), b"digest", certificate_id=ID)


def test_a_token_is_created_with_each_role_once():
    spec.given().when(create).then(created)


def test_the_same_request_again_changes_nothing():
    spec.given(created).when(replace(create, token_digest=b"e" * 32)).then_nothing()


def test_another_request_under_the_same_id_is_refused():
    spec.given(created).when(replace(create, request_digest=b"other")).then_refused(RequestReused)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "with space"}, "name"),
        ({"name": ID}, "name"),
        ({"roles": ()}, "roles"),
        ({"expires": NOW}, "expires"),
        ({"expires": NOW - timedelta(days=1)}, "expires"),
    ],
)
def test_a_broken_rule_names_its_field(changes, field):
    spec.given().when(replace(create, **changes)).then_breaks(field)


def test_a_token_is_revoked_once():
    spec.given(created).when(RevokeToken("left the company")).then(TokenRevoked("left the company"))
    spec.given(created, TokenRevoked("left")).when(RevokeToken("again")).then_nothing()


@pytest.mark.parametrize("reason", ["two\nlines", "x" * 201, "\x00"])
def test_a_reason_is_one_line(reason):
    spec.given(created).when(RevokeToken(reason)).then_breaks("reason")


def test_nobody_can_not_be_locked_out():
    spec.given().when(RevokeToken("why")).then_refused(PrincipalMissing)


def test_the_name_is_reserved():
    (reservation,) = principal.decider.reservations(created, ID)
    assert (reservation.stream, reservation.event.owner) == ("principal_name-backup-job", ID)


def test_a_client_is_admitted_with_each_role_once():
    spec.given().when(admit).then(client_admitted)
    spec.given(client_admitted).when(admit).then_nothing()
    spec.given(client_admitted).when(replace(admit, request_digest=b"other")).then_refused(RequestReused)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "with space"}, "name"),
        ({"roles": ()}, "roles"),
        ({"certificate_id": ""}, "certificate"),
        ({"fingerprint": "0" * 64}, "certificate"),
        ({"certificate_id": "", "fingerprint": "F" * 64}, "fingerprint"),
        ({"certificate_id": "", "fingerprint": "ab"}, "fingerprint"),
    ],
)
def test_a_client_is_known_by_one_certificate(changes, field):
    spec.given().when(replace(admit, **changes)).then_breaks(field)


def test_the_certificate_is_reserved_and_is_free_again_when_the_client_is_locked_out():
    _, reservation = principal.decider.reservations(client_admitted, ID)
    assert (reservation.stream, reservation.event.owner) == (f"client_certificate-{ID}", ID)
    revoked = TokenRevoked("left", released=ID)
    spec.given(client_admitted).when(RevokeToken("left")).then(revoked)
    (release,) = principal.decider.reservations(revoked, ID)
    assert isinstance(release, Release)
    assert release.stream == reservation.stream
