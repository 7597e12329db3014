"""Requests about a certificate that is there: its next version, its names, labels and owner, its export and its end."""

from es_pki.adapters.discarding import discard_keys
from es_pki.adapters.intake import export, renewal
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import CERTIFICATE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    DeleteCertificate,
    DescribeCertificate,
    ExportCertificate,
    LineageRequest,
    ReissueCertificate,
    RenameCertificate,
    RenewCertificate,
    RollBackCertificate,
)
from es_pki.commands import description, lineage
from es_pki.commands.certificate import CertificateCommand

AboutTheWhole = RollBackCertificate | RenameCertificate | DescribeCertificate | DeleteCertificate


async def take(
    office: Office,
    request: LineageRequest,
    asked: Asked,
    digest: bytes,
) -> Answer:
    """Do what was asked of a certificate."""
    match request:
        case RenewCertificate() | ReissueCertificate():
            return await renewal.go_on(office, request, asked, digest)
        case ExportCertificate():
            return await export.export(office, request, asked, digest)
        case RollBackCertificate() | RenameCertificate() | DescribeCertificate() | DeleteCertificate():
            return await _decided(office, request, asked)


async def _command(office: Office, request: AboutTheWhole, asked: Asked, certificate_id: str) -> CertificateCommand:
    match request:
        case RollBackCertificate(version=version):
            known = (await office.aggregates.load(CERTIFICATE, certificate_id)).state.versions.get(version)
            return lineage.RollBackCertificate(version, known.prepared.public_key_hash if known else "", asked.now)
        case RenameCertificate(name=name, keep_former_name=keeps):
            return lineage.RenameCertificate(name, keeps, await office.users_of(certificate_id))
        case DescribeCertificate(labels=labels, owner=owner):
            return description.DescribeCertificate(labels, owner)
        case DeleteCertificate(reason=reason):
            return lineage.DeleteCertificate(reason, await office.users_of(certificate_id))


async def _decided(office: Office, request: AboutTheWhole, asked: Asked) -> Answer:
    certificate_id = await office.certificate_id(request.certificate)

    async def command() -> CertificateCommand:
        return await _command(office, request, asked, certificate_id)

    actor = asked.caller.name
    handled = await office.aggregates.handle(CERTIFICATE, certificate_id, command, actor=actor)
    events, state = handled.events, handled.state
    if state.is_deleted and state.has_keys and state.key_ids:
        handled = await discard_keys(office.aggregates, office.keys, certificate_id, state.key_ids, actor=actor)
        events += handled.events
    return Answer(
        position=handled.position,
        stream=CERTIFICATE.stream(certificate_id),
        events=answered(events),
        result={
            "certificate_id": certificate_id,
            "name": state.name,
            "aliases": state.aliases,
            "current_version": state.current or None,
            "labels": state.labels,
            "owner": state.owner,
        },
    )
