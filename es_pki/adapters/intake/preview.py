"""What a request would make, and everything that speaks against it, without making anything.

No event is appended, no name or serial number reserved, no key made: where the request would make one, a stand-in of
its type stands in the certificate. The certificate carries a signature that nobody can verify.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import assert_never, get_args

from msgspec import Struct

from es_pki.adapters.intake import certificate, renewal
from es_pki.adapters.intake.answer import Asked
from es_pki.adapters.intake.certificate import Plan
from es_pki.adapters.intake.deciders import CERTIFICATE, KEY_COMPROMISE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    IssueCertificate,
    ReissueCertificate,
    RenewCertificate,
    Request,
    SelfSignCertificate,
    SignCSR,
)
from es_pki.adapters.lint import Linter, LintFailed, Severity
from es_pki.adapters.x509.encode import specimen
from es_pki.adapters.x509.formats import pem
from es_pki.commands.certificate import Making, draft_of, new_name
from es_pki.commands.names import is_own_name
from es_pki.commands.preparation import RULES_OF_VERSIONS
from es_pki.commands.refusals import RulesBroken, taken
from es_pki.commands.rules import Draft
from es_pki.decider import Refused, Violation
from es_pki.values import CriticalExtension, KeyType, KeyUsage, NameConstraints, Subject, SubjectAltNames
from es_pki.values.profile import LintLevel

Previewable = IssueCertificate | SignCSR | SelfSignCertificate | RenewCertificate | ReissueCertificate
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


Judge = Callable[[Office, Draft, bytes | None], Awaitable[Sequence[Finding]]]
"""Judges a draft and the DER certificate that it would become, under a signature that nobody can verify.

There is no certificate where the draft breaks rules so badly that none can be written.
"""


async def by_rules(_office: Office, draft: Draft, _certificate: bytes | None) -> Sequence[Finding]:
    """Judge by the rules that every certificate passes."""
    return [
        Finding("rules", rule.__name__, violation.rule, violation.field, violation.detail)
        for rule in RULES_OF_VERSIONS
        for violation in rule(draft)
    ]


async def by_lint(office: Office, draft: Draft, certificate: bytes | None) -> Sequence[Finding]:
    """Judge the bytes by both linters. pkilint blocks where the profile is strict, and authorities."""
    if certificate is None:
        return []
    is_strict = draft.profile.terms.lint is LintLevel.STRICT or draft.template.is_authority
    return [
        Finding(
            by=found.linter.value,
            rule=found.rule,
            source=found.section,
            field=f"lint.{found.rule}",
            detail=found.detail,
            blocks=found.severity is Severity.ERROR and (found.linter is Linter.OWN or is_strict),
        )
        for found in await office.second_opinion.of(certificate, draft.template.issuer_certificate)
        if found.severity is not Severity.NOTICE
    ]


JUDGES: tuple[Judge, ...] = (by_rules, by_lint)
"""Everybody who has something to say about a draft."""


async def preview(office: Office, request: Previewable, asked: Asked) -> Previewed:
    """Return what the request would make. Raises what the request would be refused with, but for rules it breaks."""
    broken: list[Violation] = []
    try:
        plan = await _plan(office, request, asked)
        try:
            await office.aggregates.preview(CERTIFICATE, plan.certificate_id, plan.command)
        except RulesBroken as refused:
            broken += refused.violations  # asked again below, rule by rule; what they rest on was read afresh
        except LintFailed:
            pass  # asked again below
        command = await plan.command()
        draft = draft_of(command, (await office.aggregates.load(CERTIFICATE, plan.certificate_id)).state)
    except RulesBroken as refused:
        return Previewed(False, None, None, tuple(_of_refusal(refused)))
    certificate = _written(draft)
    findings = [finding for judge in JUDGES for finding in await judge(office, draft, certificate)]
    known = {(finding.source, finding.field, finding.detail) for finding in findings}
    others = [v for v in broken if (v.rule, v.field, v.detail) not in known]
    for refusal in (RulesBroken("", *others), *await _refusals(office, command)):
        findings += _of_refusal(refusal)
    return Previewed(
        would_be_made=not any(finding.blocks for finding in findings),
        certificate=_contents(draft),
        certificate_pem=None if certificate is None else pem(certificate),
        findings=tuple(findings),
    )


async def _plan(office: Office, request: Previewable, asked: Asked) -> Plan:
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


def _written(draft: Draft) -> bytes | None:
    """Return the DER certificate, None for a draft that breaks rules and can't be written."""
    try:
        return specimen(draft.template)
    except ValueError:
        if not any(violation for rule in RULES_OF_VERSIONS for violation in rule(draft)):
            raise
        return None


async def _refusals(office: Office, command: Making) -> Sequence[Refused]:
    """Return what the append itself would be refused with: a name that is another's, keys that others have."""
    found: list[Refused] = []
    name = new_name(command)
    if is_own_name(name) and await office.aggregates.owner(f"certificate_name-{name}") is not None:
        found.append(taken("name", name, CERTIFICATE.category))
    for guard in CERTIFICATE.guards(command):
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
