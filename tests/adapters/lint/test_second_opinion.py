"""The second opinion, by the real pkilint in real workers."""

import asyncio
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from es_pki.adapters.lint import LintFailed, SecondOpinion, Severity, oids, second_opinion
from es_pki.adapters.lint.certificate import read_to_be_signed
from es_pki.adapters.lint.pkilint_work import judge
from es_pki.adapters.lint.second_opinion import shape_of
from es_pki.adapters.worker import Workers
from es_pki.commands.built_in import BUILT_IN
from es_pki.events.authority import AuthorityPrepared
from es_pki.events.certificate import CertificatePrepared
from es_pki.values import KeyType, NameConstraints, SubjectAltNames
from es_pki.values.profile import LintLevel
from tests.adapters.lint.making import (
    AUTHORITY_EXTENSIONS,
    ISSUER_NAME,
    LEAF_EXTENSIONS,
    attribute,
    authority,
    name,
    to_be_signed,
)
from tests.adapters.lint.pieces import key, oid
from tests.builders import renew, self_sign, sign_csr

NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)
SERVER = to_be_signed(LEAF_EXTENSIONS)
INTERMEDIATE = to_be_signed(AUTHORITY_EXTENSIONS)
NO_KEY_IDENTIFIER = {oids.AUTHORITY_KEY_IDENTIFIER: None}


def certificate_prepared(tbs, profile="server"):
    return CertificatePrepared(
        version=1,
        name="www",
        issuer_id="issuer",
        profile=profile,
        subject=(),
        subject_alt_names=SubjectAltNames(),
        key_type=KeyType.EC_P256,
        public_key_hash="",
        key_id=None,
        serial_number="01",
        not_before=NOON,
        not_after=NOON,
        to_be_signed=tbs,
        request_digest=b"",
    )


def authority_prepared(tbs):
    return AuthorityPrepared(
        name="intermediate",
        subject=(),
        issuer_id="issuer",
        key_type=KeyType.EC_P256,
        key_id="key",
        public_key=b"",
        serial_number="01",
        not_before=NOON,
        not_after=NOON,
        path_length=None,
        name_constraints=NameConstraints(),
        to_be_signed=tbs,
        request_digest=b"",
    )


@pytest.fixture
async def workers():
    workers = Workers(1)
    yield workers
    await workers.close()


@pytest.fixture
async def opinion(workers):
    opinion = SecondOpinion(workers)
    running = asyncio.ensure_future(opinion.run())
    yield opinion
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def verdict_of(opinion, tbs, profile="server"):
    shape = shape_of(read_to_be_signed(tbs, None), f"{profile} 1")
    while (verdict := opinion.verdict(shape)) is None:
        await asyncio.sleep(0.01)
    return verdict


async def test_an_authority_waits_for_pkilint_and_is_refused_for_its_errors(opinion):
    await opinion.examine(None, [authority_prepared(INTERMEDIATE)])
    broken = to_be_signed({**AUTHORITY_EXTENSIONS, **NO_KEY_IDENTIFIER})
    for prepared in (authority_prepared(broken), certificate_prepared(broken, "intermediate")):
        with pytest.raises(LintFailed) as refused:
            await opinion.examine(None, [prepared])
        fields = [violation.field for violation in refused.value.violations]
        assert fields == ["lint.pkix.authority_key_identifier_extension_absent"]


async def test_nobody_waits_for_pkilint_to_judge_the_first_of_a_shape(opinion):
    broken = to_be_signed({**LEAF_EXTENSIONS, **NO_KEY_IDENTIFIER})
    await opinion.examine(None, [certificate_prepared(SERVER), certificate_prepared(broken)])
    assert {each.severity for each in await verdict_of(opinion, SERVER)} == {Severity.NOTICE}
    assert "pkix.authority_key_identifier_extension_absent" in {each.rule for each in await verdict_of(opinion, broken)}


async def test_the_verdict_on_a_shape_is_kept(opinion):
    await opinion.examine(None, [certificate_prepared(SERVER)])
    verdict = await verdict_of(opinion, SERVER)
    other = to_be_signed(LEAF_EXTENSIONS, subject=name(attribute(oids.COMMON_NAME, b"other.example.test")))
    await opinion.examine(None, [certificate_prepared(other)])
    assert await verdict_of(opinion, other) is verdict


async def test_what_is_strict_waits_for_pkilint(opinion):
    broken, server = to_be_signed({**LEAF_EXTENSIONS, **NO_KEY_IDENTIFIER}), BUILT_IN["server"]
    strict = replace(server, terms=replace(server.terms, lint=LintLevel.STRICT))
    await opinion.examine(sign_csr(profile=server), [certificate_prepared(broken)])
    for command in (sign_csr(profile=strict), self_sign(profile=strict), renew(profile=strict)):
        with pytest.raises(LintFailed):
            await opinion.examine(command, [certificate_prepared(broken)])


async def test_no_verdict_in_time_is_an_error(opinion, monkeypatch):
    monkeypatch.setattr(second_opinion, "PKILINT", replace(second_opinion.PKILINT, seconds=0.001))
    with pytest.raises(LintFailed) as refused:
        await opinion.examine(None, [authority_prepared(INTERMEDIATE)])
    assert [violation.field for violation in refused.value.violations] == ["lint.no_verdict"]


def test_a_check_of_pkilint_that_fails_is_an_error():
    off_the_curve = key(oids.EC, oid(oids.P256), b"\4" + bytes(64))
    found = judge(authority(NO_KEY_IDENTIFIER, subject=ISSUER_NAME, key=off_the_curve))
    assert ("base.unhandled_exception", Severity.ERROR) in {(each.rule, each.severity) for each in found}
