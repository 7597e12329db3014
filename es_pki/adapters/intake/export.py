"""Requests for a certificate with its private key: the one place where a key leaves, and only under a passphrase."""

import asyncio
import base64

from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.chain import issuers_of, without_root
from es_pki.adapters.intake.deciders import CERTIFICATE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import ExportCertificate
from es_pki.adapters.x509 import pkcs8, pkcs12
from es_pki.adapters.x509.formats import PEM_FILE, PKCS12_FILE, check_fits_pkcs12, pem_chain
from es_pki.commands.certificate import CertificateCommand
from es_pki.commands.export import ExportPrivateKey, exportable, passphrase_violations
from es_pki.commands.lineage import State
from es_pki.commands.refusals import RulesBroken
from es_pki.values import ExportFormat

FILES = {ExportFormat.PEM: ("pem", PEM_FILE), ExportFormat.PKCS12: ("p12", PKCS12_FILE)}
"""The ending of a file's name and its media type."""


async def export(office: Office, request: ExportCertificate, asked: Asked, digest: bytes) -> Answer:
    """Record that the key leaves; once that is durable, hand it out."""
    RulesBroken.if_any(passphrase_violations(request.passphrase))
    certificate_id = await office.certificate_id(request.certificate)
    export_id = asked.new_id()

    async def command() -> CertificateCommand:
        await _check_fits(office, request, certificate_id)
        return ExportPrivateKey(
            export_id=export_id,
            version=request.version,
            format=request.format,
            legacy=request.legacy,
            reason=request.reason,
            request_digest=digest,
        )

    handled = await office.aggregates.handle(CERTIFICATE, certificate_id, command, actor=asked.caller.name)
    exported = handled.state.exports[export_id]
    content = await _file(office, request, certificate_id, state=handled.state, number=exported.version)
    ending, media_type = FILES[request.format]
    return Answer(
        position=handled.position,
        stream=CERTIFICATE.stream(certificate_id),
        events=answered(handled.events),
        result={
            "certificate_id": certificate_id,
            "name": handled.state.name,
            "version": exported.version,
            "public_key_hash": exported.public_key_hash,
            "filename": f"{handled.state.name}.{ending}",
            "media_type": media_type,
            "content": base64.b64encode(content).decode("ascii"),
        },
    )


async def _check_fits(office: Office, request: ExportCertificate, certificate_id: str) -> None:
    """Raise `RulesBroken` for a key that no file of the format holds; whether there is one is decided later."""
    state = (await office.aggregates.load(CERTIFICATE, certificate_id)).state
    version = state.model if request.version is None else state.versions.get(request.version)
    if version is not None and request.format is ExportFormat.PKCS12:
        check_fits_pkcs12(version.key, "format")


async def _file(office: Office, request: ExportCertificate, certificate_id: str, *, state: State, number: int) -> bytes:
    """Return the file. Deriving its keys takes a while, so a thread makes it."""
    version = exportable(state, number)
    prepared, leaf = version.prepared, version.certificate
    if leaf is None or prepared.key_id is None:
        raise LookupError("what is exportable is signed, and its key is here")
    certificates = [leaf, *without_root(await issuers_of(office.aggregates, prepared))]
    secret = await office.keys.secret(prepared.key_id, purpose=CERTIFICATE.category, owner=certificate_id)
    match request.format:
        case ExportFormat.PEM:
            key = await asyncio.to_thread(pkcs8.encrypted_pem, secret, request.passphrase)
            return (key + pem_chain(certificates)).encode()
        case ExportFormat.PKCS12:
            return await asyncio.to_thread(
                pkcs12.key_and_chain, state.name, secret, certificates, request.passphrase, legacy=request.legacy
            )
