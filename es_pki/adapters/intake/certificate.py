"""Requests for certificates."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from es_pki.adapters.entropy import serial_number
from es_pki.adapters.intake import importing, importing_many
from es_pki.adapters.intake.answer import Answer, Asked, answered
from es_pki.adapters.intake.deciders import CERTIFICATE
from es_pki.adapters.intake.importing import PREVIEWED, with_kept_key
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import (
    CertificateRequest,
    ImportCertificate,
    ImportCertificates,
    IssueCertificate,
    SelfSignCertificate,
    SignCSR,
)
from es_pki.adapters.intake.signing_request import approval, kept_csr, kept_secret
from es_pki.adapters.keyring import MadeKey
from es_pki.adapters.x509 import names
from es_pki.adapters.x509.csr import SigningRequest, read_csr
from es_pki.adapters.x509.keys import stand_in
from es_pki.commands import certificate
from es_pki.commands.certificate import CertificateMissing, Making
from es_pki.commands.preparation import Wanted
from es_pki.commands.refusals import Malformed
from es_pki.events.certificate import CertificateEvent
from es_pki.values import PublicKey, Subject, SubjectAltNames
from es_pki.values.profile import Profile

WithKey = Callable[[MadeKey], Awaitable[Making]]
"""The command for a key."""


class Plan(NamedTuple):
    """What a request would do: the command that it becomes, with a stand-in where a key would be made."""

    certificate_id: str
    command: Callable[[], Awaitable[Making]]


async def take(office: Office, request: CertificateRequest, asked: Asked, digest: bytes) -> Answer:
    """Do what was asked."""
    match request:
        case IssueCertificate():
            return await issue(office, request, asked, digest)
        case SignCSR():
            return await sign_csr(office, request, asked, digest)
        case SelfSignCertificate():
            return await self_sign(office, request, asked, digest)
        case ImportCertificate():
            return await importing.bring_in(office, request, asked)
        case ImportCertificates():
            return await importing_many.bring_all_in(office, request, asked)


async def issue(office: Office, request: IssueCertificate, asked: Asked, digest: bytes) -> Answer:
    """Make a key and have an authority certify it."""
    wish = _Wish(request, asked, digest, *_names(request))
    command = await _issuing(office, request, wish)
    events = await office.with_new_key(
        CERTIFICATE, wish.certificate_id, request.key_type, command, actor=asked.caller.name
    )
    return await signed(office, wish.certificate_id, 1, asked, events)


async def plan_to_issue(office: Office, request: IssueCertificate, asked: Asked) -> Plan:
    """Return what `issue` would do."""
    wish = _Wish(request, asked, b"", *_names(request))
    command = await _issuing(office, request, wish)
    return Plan(wish.certificate_id, lambda: command(MadeKey("", stand_in(request.key_type))))


async def _issuing(office: Office, request: IssueCertificate, wish: "_Wish") -> WithKey:
    issuer_id = await office.authority_id(request.authority, "authority")

    async def command(key: MadeKey) -> Making:
        wanted = wish.of(key.public_key, await office.profile(request.profile))
        return certificate.IssueCertificate(wanted, await office.issuer(issuer_id), key.key_id)

    return command


async def self_sign(office: Office, request: SelfSignCertificate, asked: Asked, digest: bytes) -> Answer:
    """Make a key and have it certify itself."""
    wish = _Wish(request, asked, digest, *_names(request))
    events = await office.with_new_key(
        CERTIFICATE,
        wish.certificate_id,
        request.key_type,
        _self_signing(office, request, wish),
        actor=asked.caller.name,
    )
    return await signed(office, wish.certificate_id, 1, asked, events)


def plan_to_self_sign(office: Office, request: SelfSignCertificate, asked: Asked) -> Plan:
    """Return what `self_sign` would do."""
    wish = _Wish(request, asked, b"", *_names(request))
    command = _self_signing(office, request, wish)
    return Plan(wish.certificate_id, lambda: command(MadeKey("", stand_in(request.key_type))))


def _self_signing(office: Office, request: SelfSignCertificate, wish: "_Wish") -> WithKey:
    async def command(key: MadeKey) -> Making:
        wanted = wish.of(key.public_key, await office.profile(request.profile))
        return certificate.SelfSignCertificate(wanted, key.key_id)

    return command


async def sign_csr(office: Office, request: SignCSR, asked: Asked, digest: bytes) -> Answer:
    """Have an authority certify the key of a CSR."""
    certificate_id, command, private_key = await _signing(office, request, asked, digest)
    prepared = await with_kept_key(
        office,
        CERTIFICATE,
        certificate_id,
        command,
        private_key=private_key,
        actor=asked.caller.name,
        is_new=not asked.idempotency_key,
    )
    return await signed(office, certificate_id, 1, asked, prepared.events)


async def plan_to_sign(office: Office, request: SignCSR, asked: Asked) -> Plan:
    """Return what `sign_csr` would do."""
    certificate_id, command, private_key = await _signing(office, request, asked, b"")
    return Plan(certificate_id, lambda: command(None if private_key is None else PREVIEWED))


class _Signing(NamedTuple):
    """What `sign_csr` does, given the id of the CSR's private key: with that, if it is kept (DER PKCS#8)."""

    certificate_id: str
    command: Callable[[str | None], Awaitable[Making]]
    private_key: bytes | None


async def _signing(office: Office, request: SignCSR, asked: Asked, digest: bytes) -> _Signing:
    csr, signing_request_id = await _csr(office, request)
    private_key = None if signing_request_id is None else await kept_secret(office, signing_request_id)
    issuer_id = await office.authority_id(request.authority, "authority")
    wish = _Wish(request, asked, digest, csr.subject, csr.subject_alt_names)

    async def command(key_id: str | None) -> Making:
        answer = None
        if signing_request_id is not None:
            answer = await approval(office, signing_request_id, wish.certificate_id)
        wanted = wish.of(csr.public_key, await office.profile(request.profile))
        return certificate.SignCSR(wanted, await office.issuer(issuer_id), answer, key_id)

    return _Signing(wish.certificate_id, command, private_key)


async def _csr(office: Office, request: SignCSR) -> tuple[SigningRequest, str | None]:
    """Return the CSR of a request, and the id under which it is kept, if it is."""
    match (request.csr, request.signing_request):
        case (str(text), None):
            return read_csr(text), None
        case (None, str(name_or_id)):
            kept = await kept_csr(office, name_or_id)
            return kept.csr, kept.signing_request_id
        case _:
            raise Malformed.at("csr", "a CSR comes from one place", "give one of csr and signing_request")


class _Wish:
    """A request with the id and serial number drawn for it; the public key and the profile come last."""

    def __init__(
        self,
        request: IssueCertificate | SelfSignCertificate | SignCSR,
        asked: Asked,
        digest: bytes,
        subject: Subject,
        subject_alt_names: SubjectAltNames,
    ) -> None:
        self.certificate_id = asked.new_id()
        self._request = request
        self._asked = asked
        self._digest = digest
        self._subject = subject
        self._subject_alt_names = subject_alt_names
        self._serial_number = serial_number()

    def of(self, public_key: PublicKey, profile: Profile) -> Wanted:
        return Wanted(
            certificate_id=self.certificate_id,
            name=self._request.name,
            profile=profile,
            subject=self._subject,
            subject_alt_names=self._subject_alt_names,
            public_key=public_key,
            validity_days=self._request.validity_days,
            serial_number=self._serial_number,
            now=self._asked.now,
            request_digest=self._digest,
            security_identifier=self._request.security_identifier,
        )


def _names(request: IssueCertificate | SelfSignCertificate) -> tuple[Subject, SubjectAltNames]:
    return names.subject(request.subject), names.subject_alt_names(
        request.dns_names,
        request.ip_addresses,
        request.email_addresses,
        request.uris,
        user_principal_names=request.user_principal_names,
        kerberos_principal_names=request.kerberos_principal_names,
    )


async def signed(
    office: Office, certificate_id: str, number: int, asked: Asked, events: tuple[CertificateEvent, ...]
) -> Answer:
    """Sign a version that `events` prepared, or an earlier request; answer with the certificate."""
    handled = await office.signer.sign_certificate(certificate_id, number, actor=asked.caller.name)
    version = handled.state.versions.get(number)
    if version is None or version.certificate is None:
        raise CertificateMissing(f"there is no certificate {certificate_id}")
    return Answer(
        position=handled.position,
        stream=CERTIFICATE.stream(certificate_id),
        events=answered((*events, *handled.events)),
        result={
            "certificate_id": certificate_id,
            "name": version.prepared.name,
            "version": number,
            "serial_number": version.prepared.serial_number,
            "not_after": version.prepared.not_after,
            "certificate_pem": await office.certificate_pem(version.certificate, version.prepared.issuer_id),
        },
    )
