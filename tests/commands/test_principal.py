"""Principals: who is let in, and who no longer."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from es_pki.commands import principal
from es_pki.commands.principal import CreateToken, PrincipalMissing, RevokeToken
from es_pki.decider import RequestReused
from es_pki.events.principal import TokenCreated, TokenRevoked
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
