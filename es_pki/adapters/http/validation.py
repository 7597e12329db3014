"""Whether a certificate holds: anybody's, as it is sent, and our own, by name. What it takes is done by a worker."""

from enum import StrEnum
from typing import TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct, structs
from msgspec.structs import replace

from es_pki.adapters.crls import Made
from es_pki.adapters.gathering import Gathered, gathered
from es_pki.adapters.http.asking import as_of, moment, number_of, time_asked_about
from es_pki.adapters.http.certificates import version_asked_about
from es_pki.adapters.http.commands import decoded, json_body
from es_pki.adapters.http.lists import certificate_row
from es_pki.adapters.http.parts import PARTS
from es_pki.adapters.http.replies import json_reply
from es_pki.adapters.intake.chain import issuers_of
from es_pki.adapters.intake.validation import Known, Validate, case_of
from es_pki.adapters.validation import Finding, Purpose, RevocationMode
from es_pki.adapters.validation.findings import Rule
from es_pki.adapters.validation.work import JUDGE, Anchor, Case, Validation
from es_pki.adapters.views import ROWS_AT_ONCE, Query, every_row
from es_pki.adapters.x509.formats import pem
from es_pki.adapters.x509.keys import spki_of_certificate
from es_pki.commands.refusals import Malformed, NotFound
from es_pki.commands.versions import Version
from es_pki.projections import authorities, trust, trust_stores
from es_pki.projections.authorities import AuthorityStatus
from es_pki.projections.trust import TrustStatus
from es_pki.values import public_key_hash

LARGEST_LISTS = 16 * 1024 * 1024
"""Octets of our own CRLs that a question takes along, the smallest first."""

PURPOSES = {
    "server": Purpose.SERVER,
    "client": Purpose.CLIENT,
    "server-client": Purpose.SERVER,
    "machine": Purpose.SERVER,
    "domain-controller": Purpose.SERVER,
    "email": Purpose.EMAIL,
    "code-signing": Purpose.CODE_SIGNING,
}
"""What a certificate of a built-in profile is asked about unless something else is named; of others anything."""

R = TypeVar("R", bound=Struct)
E = TypeVar("E", bound=StrEnum)

_DECODER = msgspec.json.Decoder(Validate)


async def validate(request: web.Request) -> web.StreamResponse:
    """Answer whether a certificate that is sent holds: valid or not, the path that was chosen, and each finding.

    `fetched` are the addresses that were asked, with `fetch`, and why one didn't answer.
    """
    asked = decoded(_DECODER, await json_body(request))
    known = await _known(request, asked)
    return _reply(await _judged(request, case_of(asked, known, request.app[PARTS].now()), fetch=asked.fetch))


async def certificate_validation(request: web.Request) -> web.StreamResponse:
    """Answer whether the certificate holds, by our own roots or a trust store: key, chain, dates, names, revocation.

    `time`: when it is to hold, the time that `as_of` asks about without it. `fetch=1`: what is lacking is fetched from
    where the certificates point at.
    """
    row = await certificate_row(request)
    version = await version_asked_about(request, row.id)
    if version.certificate is None:
        raise NotFound("this version was not signed")
    is_past, time = await as_of(request) is not None, request.query.get("time")
    asked = Validate(
        certificates=pem(version.certificate),
        purpose=_chosen(request, "purpose", Purpose, PURPOSES.get(version.prepared.profile, Purpose.ANY)),
        trust_store=request.query.get("trust_store"),
        host=request.query.get("host"),
        time=await time_asked_about(request) if time is None else moment("time", time),
        revocation=_chosen(
            request, "revocation", RevocationMode, RevocationMode.NONE if is_past else RevocationMode.SOFT
        ),
    )
    known = await _known(request, asked)
    above = await issuers_of(request.app[PARTS].aggregates, version.prepared)
    case = case_of(asked, replace(known, certificates=tuple(above)), request.app[PARTS].now())
    judged = await _judged(request, case, fetch=number_of(request, "fetch", 0) > 0)
    return _reply(replace(judged, validation=_with_key(judged.validation, version)))


def certified_key_is_the_recorded_one(version: Version) -> str | None:
    """RFC 5280 section 4.1.2.7: the certified key is the one that was recorded before it was certified.

    Renew the certificate, and have the log verified: `es-pki log verify --deep`.
    """
    recorded, certificate = version.prepared.public_key_hash, version.certificate
    if certificate is None or not recorded or public_key_hash(spki_of_certificate(certificate)) == recorded:
        return None
    return "the certified key is another one than the recorded one"


def _with_key(judged: Validation, version: Version) -> Validation:
    rule = Rule(certified_key_is_the_recorded_one)
    message = rule.check(version)
    if message is None:
        return judged
    findings: tuple[Finding, ...] = (rule.finding(message, 0, judged.path[0].subject), *judged.findings)
    return replace(judged, is_valid=False, findings=findings)


async def _judged(request: web.Request, case: Case, *, fetch: bool) -> Gathered:
    parts = request.app[PARTS]
    if fetch:
        return await gathered(case, parts.workers, parts.fetcher)
    return Gathered(await parts.workers.do(JUDGE, case), ())


def _reply(judged: Gathered) -> web.Response:
    return json_reply({**structs.asdict(judged.validation), "fetched": judged.asked})


async def _known(request: web.Request, asked: Validate) -> Known:
    """Return our own authorities, whom is trusted as far as we know, and our own CRLs where they are asked about."""
    if asked.trust_anchors is not None and asked.trust_store is not None:
        raise Malformed.at("trust_store", "whom to trust is clear", "send trust_anchors or name a trust_store")
    views = request.app[PARTS].views
    rows = [row async for row in every_row(views, authorities.view) if row.certificate is not None]
    certificates = tuple(row.certificate for row in rows if row.certificate is not None)
    anchors: tuple[Anchor, ...] = ()
    if asked.trust_store is not None:
        anchors = await _trusted(request, asked.trust_store)
    elif asked.trust_anchors is None:
        anchors = tuple(Anchor(row.certificate) for row in rows if row.certificate is not None and _is_our_root(row))
    lists = [made for row in rows for made in request.app[PARTS].crls.made_by(row.id)]
    return Known(anchors, certificates, _smallest(lists) if asked.revocation is not RevocationMode.NONE else ())


def _is_our_root(row: authorities.Row) -> bool:
    """Tell whether an authority is trusted without being named: one that stands above others here is not for that."""
    return row.issuer_id is None and row.key_is_here and row.status is not AuthorityStatus.REVOKED


def _smallest(lists: list[Made]) -> tuple[bytes, ...]:
    taken, size = [], 0
    for crl in sorted((der for made in lists for der in (made.complete, made.delta) if der is not None), key=len):
        size += len(crl)
        if size > LARGEST_LISTS:
            break
        taken.append(crl)
    return tuple(taken)


async def _trusted(request: web.Request, name: str) -> tuple[Anchor, ...]:
    """Return what a trust store trusts; an authority that is phased out for what it issued until then."""
    views = request.app[PARTS].views
    found = await views.find(trust_stores.view, Query(filters={"name": name}, limit=1))
    if not found.rows:
        raise Malformed.at("trust_store", "trust stores are named", "there is no trust store of this name")
    query = Query(filters={"trust_store_id": found.rows[0].id}, limit=ROWS_AT_ONCE)
    return tuple(
        [
            Anchor(row.certificate, row.issued_after if row.status is TrustStatus.LIMITED else None)
            async for row in every_row(views, trust.view, query)
            if row.status is not TrustStatus.DISTRUSTED
        ]
    )


def _chosen(request: web.Request, field: str, kind: type[E], default: E) -> E:
    text = request.query.get(field)
    if text is None:
        return default
    if text not in set(kind):
        raise Malformed.at(field, "values are known", f"one of {', '.join(kind)}")
    return kind(text)
