"""Requests for certificates and authorities to hold no more, or again."""

import asyncio
from datetime import datetime

from es_pki.adapters.acme.problems import DirectoryFailed
from es_pki.adapters.compromise import revoke_uses
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import AUTHORITY, CERTIFICATE, KEY_COMPROMISE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    HoldCertificate,
    PlanSupersession,
    ReleaseCertificate,
    RevocationRequest,
    RevokeAuthority,
    RevokeCertificate,
    WithdrawSupersession,
)
from es_pki.commands import authority_revocation, revocation, supersession
from es_pki.commands.authority import AuthorityCommand, AuthorityMissing
from es_pki.commands.certificate import CertificateCommand, model
from es_pki.commands.key_compromise import ReportKeyCompromise
from es_pki.commands.lineage import State
from es_pki.commands.reasons import COMPROMISES
from es_pki.commands.refusals import Malformed
from es_pki.commands.revocation import Which, chosen
from es_pki.decider import Guard
from es_pki.values import CRLReason, public_key_hash, serial_hex
from es_pki.values.acme import ACMEProblem

PATIENCE_SECONDS = 20.0
"""How long a request waits for a directory to revoke; that goes on without it."""


async def take(office: Office, request: RevocationRequest, asked: Asked) -> Answer:
    """Do what was asked."""
    match request:
        case (
            RevokeCertificate() | HoldCertificate() | ReleaseCertificate() | PlanSupersession() | WithdrawSupersession()
        ):
            return await _certificate(office, request, asked)
        case RevokeAuthority():
            return await _authority(office, request, asked)


OfVersion = RevokeCertificate | HoldCertificate | ReleaseCertificate | PlanSupersession | WithdrawSupersession


async def _certificate(office: Office, request: OfVersion, asked: Asked) -> Answer:
    certificate_id = await office.certificate_id(request.certificate)
    which = Which(request.version, _serial_number(request.serial_number))

    async def command() -> CertificateCommand:
        match request:
            case HoldCertificate():
                return revocation.HoldCertificate(which, asked.now)
            case ReleaseCertificate():
                return revocation.ReleaseCertificate(which, asked.now)
            case PlanSupersession(after_days=days):
                return supersession.PlanSupersession(which, days, asked.now)
            case WithdrawSupersession():
                return supersession.WithdrawSupersession(which)
            case RevokeCertificate(reason=reason, invalidity_date=date, unless_current=spared):
                state = (await office.aggregates.load(CERTIFICATE, certificate_id)).state
                report = await _report(office, _key_of(state, which), reason, f"a certificate of {state.name}")
                return revocation.RevokeCertificate(which, reason, _whole_seconds(date), asked.now, report, spared)

    handled = await office.aggregates.handle(CERTIFICATE, certificate_id, command, actor=asked.caller.name)
    key, reason = _key_of(handled.state, which), getattr(request, "reason", None)
    position = await _revoke_other_uses(office, key, reason, asked) or handled.position
    number, waits_for = chosen(handled.state, which).prepared.version, None
    if chosen(handled.state, which).requested:
        waits_for = await _asked_of_directory(office, certificate_id, number, asked)
    loaded = await office.aggregates.load(CERTIFICATE, certificate_id)
    return Answer(
        position=max(position, loaded.position),
        stream=CERTIFICATE.stream(certificate_id),
        events=answered(handled.events),
        result={"certificate_id": certificate_id, **_result(loaded.state, Which(number), waits_for)},
    )


async def _asked_of_directory(office: Office, certificate_id: str, version: int, asked: Asked) -> ACMEProblem | None:
    """Have the directory revoke what it issued; return what that waits for: the reactions go on with it."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await office.acme.revocations.revoke(certificate_id, version, actor=asked.caller.name)
    except DirectoryFailed as failed:
        return failed.problem
    except TimeoutError:
        pass  # the answer says that it was asked for
    return None


def _result(state: State, which: Which, waits_for: ACMEProblem | None) -> dict[str, object]:
    version = chosen(state, which)
    revoked, held = version.revoked, version.held
    standing = "revoked" if revoked else "held" if held else "requested" if version.requested else "issued"
    return {
        "name": state.name,
        "version": version.prepared.version,
        "serial_number": version.prepared.serial_number,
        "status": standing,
        "problem": version.refusal or waits_for,
        "revoked_at": revoked.revoked_at if revoked else held.held_at if held else None,
        "reason": revoked.reason if revoked else CRLReason.CERTIFICATE_HOLD if held else None,
        "invalidity_date": revoked.invalidity_date if revoked else None,
        "revocation_due_at": version.superseding.due_at if version.superseding else None,
        "held_up_by": version.held_up_by,
    }


async def _authority(office: Office, request: RevokeAuthority, asked: Asked) -> Answer:
    authority_id = await office.authority_id(request.authority, "authority")

    async def command() -> AuthorityCommand:
        prepared = (await office.aggregates.load(AUTHORITY, authority_id)).state.prepared
        if prepared is None:
            raise AuthorityMissing(f"there is no authority {authority_id}")
        key = public_key_hash(prepared.public_key)
        report = await _report(office, key, request.reason, f"the authority {prepared.name}")
        return authority_revocation.RevokeAuthority(
            request.reason, _whole_seconds(request.invalidity_date), asked.now, report
        )

    handled = await office.aggregates.handle(AUTHORITY, authority_id, command, actor=asked.caller.name)
    prepared, revoked = handled.state.prepared, handled.state.revoked
    if prepared is None or revoked is None:
        raise AuthorityMissing(f"there is no authority {authority_id}")
    key = public_key_hash(prepared.public_key)
    return Answer(
        position=await _revoke_other_uses(office, key, request.reason, asked) or handled.position,
        stream=AUTHORITY.stream(authority_id),
        events=answered(handled.events),
        result={
            "authority_id": authority_id,
            "name": prepared.name,
            "serial_number": prepared.serial_number,
            "status": "revoked",
            "revoked_at": revoked.revoked_at,
            "reason": revoked.reason,
            "invalidity_date": revoked.invalidity_date,
        },
    )


def _key_of(state: State, which: Which) -> str:
    """Return what the key of a version is known by, "" where that wasn't noted."""
    model(state)
    return chosen(state, which).prepared.public_key_hash


async def _report(office: Office, key: str, reason: CRLReason, what: str) -> Guard | None:
    """Return what records a compromise of the key with the revocation, None where there is nothing to record."""
    if reason not in COMPROMISES or not key:
        return None
    loaded = await office.aggregates.load(KEY_COMPROMISE, key)
    events = KEY_COMPROMISE.decide(ReportKeyCompromise(key, f"{what} was revoked: {reason}"), loaded.state)
    return Guard(KEY_COMPROMISE.stream(key), loaded.version, events=tuple(events)) if events else None


async def _revoke_other_uses(office: Office, key: str, reason: CRLReason | None, asked: Asked) -> int:
    """Revoke what else uses a key that a revocation reported; return the log position then, 0 if it reported none."""
    if reason not in COMPROMISES or not key:
        return 0
    state = (await office.aggregates.load(KEY_COMPROMISE, key, afresh=True)).state
    if not state.is_reported or state.are_uses_revoked:
        return 0
    return (await revoke_uses(office.aggregates, key, asked.now, actor=asked.caller.name)).position


def _serial_number(text: str | None) -> str | None:
    """Return a serial number as it is stored, from hex with or without colons. Raises `Malformed`."""
    if text is None:
        return None
    digits = text.replace(":", "").lower().removeprefix("0x")
    if not 1 <= len(digits) <= 64 or not set(digits) <= set("0123456789abcdef"):
        raise Malformed.at("serial_number", "RFC 5280 section 4.1.2.2", "a serial number in hex")
    return serial_hex(int(digits, 16))


def _whole_seconds(time: datetime | None) -> datetime | None:
    """Return a time as a CRL can say it (RFC 5280 section 5.3.2)."""
    return time.replace(microsecond=0) if time else None
