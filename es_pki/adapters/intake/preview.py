"""What a request would make, and everything that speaks against it, without making anything.

No event is appended, no name or serial number reserved, no key made: where the request would make one, a stand-in of
its type stands in the certificate. The certificate carries a signature that nobody can verify.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar, assert_never, get_args

from msgspec import Struct

from es_pki.adapters.intake import authority, certificate, renewal
from es_pki.adapters.intake.answer import Asked
from es_pki.adapters.intake.certificate import Plan
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE, KEY_COMPROMISE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    CreateAuthority,
    IssueCertificate,
    ReissueCertificate,
    RenewCertificate,
    Request,
    SelfSignCertificate,
    SignCSR,
)
from es_pki.adapters.lint import Linter, Severity
from es_pki.adapters.x509.encode import specimen
from es_pki.adapters.x509.formats import pem
from es_pki.commands import authority_creation
from es_pki.commands.authority import claims_of
from es_pki.commands.authority_creation import RULES_OF_AUTHORITIES
from es_pki.commands.certificate import draft_of, new_name
from es_pki.commands.names import is_own_name
from es_pki.commands.preparation import RULES_OF_VERSIONS
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.commands.rules import Draft, Rule
from es_pki.decider import Decider, Guard, Refused
from es_pki.events import codec
from es_pki.values import CriticalExtension, KeyType, KeyUsage, NameConstraints, Subject, SubjectAltNames
from es_pki.values.profile import LintLevel

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E", bound=codec.Event)

Previewable = CreateAuthority | IssueCertificate | SignCSR | SelfSignCertificate | RenewCertificate | ReissueCertificate
PREVIEWABLE: tuple[type[Request], ...] = get_args(Previewable)


class Finding(Struct, frozen=True):
    """One thing that somebody has to say about the certificate.

    `by` is who says it: `rules`, which judge every certificate, or a linter. `rule` is its name, `source` where it
    comes from; `field` is the request's. `blocks`: nothing would be made because of it.
    """

    by: str
    rule: str
    source: str
    field: str
    detail: str
    blocks: bool = True


class Contents(Struct, frozen=True):
    """What the certificate would say. `issuer` is the authority's name, None when it signs for itself."""

    issuer: str | None
    profile: str
    profile_version: int
    subject: Subject
    subject_alt_names: SubjectAltNames
    security_identifier: str
    key_type: KeyType
    signature_key_type: KeyType
    not_before: datetime
    not_after: datetime
    is_authority: bool
    path_length: int | None
    key_usages: tuple[KeyUsage, ...]
    extended_key_usages: tuple[str, ...]
    critical_extensions: tuple[CriticalExtension, ...]
    policy_identifiers: tuple[str, ...]
    name_constraints: NameConstraints


class Previewed(Struct, frozen=True):
    """What a request would make: `would_be_made` says whether it would, `findings` what speaks against it.

    `certificate_pem` is None where the request can't be written as a certificate, `certificate` where it has no dates.
    """

    would_be_made: bool
    certificate: Contents | None
    certificate_pem: str | None
    findings: tuple[Finding, ...]


class Sketch(NamedTuple):
    """A certificate that a request would make, as far as it is known without making it.

    `rules` are those that it must pass. `refused`: what the request would be refused with besides.
    """

    draft: Draft
    rules: Sequence[Rule]
    refused: Sequence[Refused]


Judge = Callable[[Office, Sketch, bytes | None], Awaitable[Sequence[Finding]]]
"""Judges a sketch and the DER certificate that it would become, under a signature that nobody can verify.

There is no certificate where the draft breaks rules so badly that none can be written.
"""


async def by_rules(_office: Office, sketch: Sketch, _certificate: bytes | None) -> Sequence[Finding]:
    """Judge by the rules that every certificate of its kind passes."""
    return [
        Finding("rules", rule.__name__, violation.rule, violation.field, violation.detail)
        for rule in sketch.rules
        for violation in rule(sketch.draft)
    ]


async def by_lint(office: Office, sketch: Sketch, certificate: bytes | None) -> Sequence[Finding]:
    """Judge the bytes by both linters. pkilint blocks where the profile is strict, and authorities."""
    if certificate is None:
        return []
    template = sketch.draft.template
    is_strict = sketch.draft.profile.terms.lint is LintLevel.STRICT or template.is_authority
    return [
        Finding(
            by=found.linter.value,
            rule=found.rule,
            source=found.section,
            field=f"lint.{found.rule}",
            detail=found.detail,
            blocks=found.severity is Severity.ERROR and (found.linter is Linter.OWN or is_strict),
        )
        for found in await office.second_opinion.of(certificate, template.issuer_certificate)
        if found.severity is not Severity.NOTICE
    ]


JUDGES: tuple[Judge, ...] = (by_rules, by_lint)
"""Everybody who has something to say about a sketch."""


async def preview(office: Office, request: Previewable, asked: Asked) -> Previewed:
    """Return what the request would make. Raises what the request would be refused with, but for rules it breaks."""
    try:
        sketch = await _sketched(office, request, asked)
    except RulesBroken as refused:
        return Previewed(False, None, None, tuple(_of_refusal(refused)))
    certificate = _written(sketch)
    findings = [finding for judge in JUDGES for finding in await judge(office, sketch, certificate)]
    known = {(finding.source, finding.field, finding.detail) for finding in findings}
    for refusal in sketch.refused:
        findings += [found for found in _of_refusal(refusal) if (found.source, found.field, found.detail) not in known]
    return Previewed(
        would_be_made=not any(finding.blocks for finding in findings),
        certificate=_contents(sketch.draft),
        certificate_pem=None if certificate is None else pem(certificate),
        findings=tuple(findings),
    )


async def _sketched(office: Office, request: Previewable, asked: Asked) -> Sketch:
    if isinstance(request, CreateAuthority):
        return await _authority(office, await authority.plan_to_create(office, request, asked))
    plan = await _plan(office, request, asked)
    broken = await _broken(office, CERTIFICATE, plan.certificate_id, plan.command)
    command = await plan.command()
    draft = draft_of(command, (await office.aggregates.load(CERTIFICATE, plan.certificate_id)).state)
    name = new_name(command)
    names = {f"certificate_name-{name}": taken("name", name, CERTIFICATE.category)} if is_own_name(name) else {}
    refused = await _refusals(office, names, CERTIFICATE.guards(command))
    return Sketch(draft, RULES_OF_VERSIONS, (*broken, *refused))


async def _authority(office: Office, plan: authority.Plan) -> Sketch:
    broken = await _broken(office, AUTHORITY, plan.authority_id, plan.command)
    command = await plan.command()
    draft = authority_creation.draft_of(command)
    claims = claims_of(plan.authority_id, draft.name, draft.template.subject) if is_own_name(draft.name) else ()
    refused = await _refusals(office, {each.stream: each.taken for each in claims}, AUTHORITY.guards(command))
    return Sketch(draft, RULES_OF_AUTHORITIES, (*broken, *refused))


async def _plan(
    office: Office,
    request: IssueCertificate | SignCSR | SelfSignCertificate | RenewCertificate | ReissueCertificate,
    asked: Asked,
) -> Plan:
    match request:
        case IssueCertificate():
            return await certificate.plan_to_issue(office, request, asked)
        case SelfSignCertificate():
            return certificate.plan_to_self_sign(office, request, asked)
        case SignCSR():
            return await certificate.plan_to_sign(office, request, asked)
        case RenewCertificate() | ReissueCertificate():
            return await renewal.plan_to_go_on(office, request, asked)
        case _:
            assert_never(request)


async def _broken(
    office: Office, decider: Decider[C, S, E], aggregate_id: str, ask: Callable[[], Awaitable[C]]
) -> Sequence[Refused]:
    """Decide, so that what the sketch rests on is read afresh; return the rules broken. Raises other refusals."""
    try:
        await office.aggregates.preview(decider, aggregate_id, ask)
    except RulesBroken as refused:
        return (refused,)
    return ()


def _written(sketch: Sketch) -> bytes | None:
    """Return the DER certificate, None for a draft that breaks rules and can't be written."""
    try:
        return specimen(sketch.draft.template)
    except ValueError:
        if not any(violation for rule in sketch.rules for violation in rule(sketch.draft)):
            raise
        return None


async def _refusals(office: Office, names: Mapping[str, Refused], guards: Sequence[Guard]) -> Sequence[Refused]:
    """Return what the append itself would be refused with: a name that is another's, keys that others have."""
    found = [taken for stream, taken in names.items() if await office.aggregates.owner(stream) is not None]
    for guard in guards:
        if guard.broken is not None:
            _, _, key = guard.stream.partition("-")
            loaded = await office.aggregates.load(KEY_COMPROMISE, key, afresh=True)
            found += [guard.broken] if loaded.version != guard.version else []
    return found


def _of_refusal(refused: Refused) -> Iterator[Finding]:
    """Yield what a refusal names, under its own name."""
    for violation in refused.violations:
        yield Finding("rules", type(refused).__name__, violation.rule, violation.field, violation.detail)


def _contents(draft: Draft) -> Contents:
    template = draft.template
    return Contents(
        issuer=draft.issuer.name if draft.issuer else None,
        profile=draft.profile.name,
        profile_version=draft.profile.version,
        subject=template.subject,
        subject_alt_names=template.subject_alt_names,
        security_identifier=template.security_identifier,
        key_type=template.public_key.key_type,
        signature_key_type=template.signature_key_type,
        not_before=template.not_before,
        not_after=template.not_after,
        is_authority=template.is_authority,
        path_length=template.path_length,
        key_usages=template.key_usages,
        extended_key_usages=template.extended_key_usages,
        critical_extensions=template.critical_extensions,
        policy_identifiers=template.policy_identifiers,
        name_constraints=template.name_constraints,
    )
