"""Requests for a certificate's next version: where its key comes from, and what it names."""

from collections.abc import Awaitable, Callable
from typing import assert_never

from es_pki.adapters.entropy import serial_number
from es_pki.adapters.intake.answer import Answer, Asked
from es_pki.adapters.intake.certificate import Plan, signed
from es_pki.adapters.intake.deciders import CERTIFICATE
from es_pki.adapters.intake.office import Office
from es_pki.adapters.intake.requests import ReissueCertificate, RenewCertificate
from es_pki.adapters.keyring import MadeKey
from es_pki.adapters.x509 import names
from es_pki.adapters.x509.csr import SigningRequest, read_csr
from es_pki.adapters.x509.keys import public_key_of, stand_in
from es_pki.commands import certificate, renewal
from es_pki.commands.certificate import CertificateCommand, Making
from es_pki.commands.refusals import Malformed, NotSignedYet, SigningGivenUp
from es_pki.commands.renewal import Further, Names
from es_pki.commands.versions import Version
from es_pki.values import KeyType, PublicKey

Next = Callable[[Further], Making]


async def go_on(office: Office, request: RenewCertificate | ReissueCertificate, asked: Asked, digest: bytes) -> Answer:
    """Make the next version, with the same names or with others."""
    command, csr = _read(request)
    lineage = await _Lineage.of(office, request, asked, digest)
    if csr is not None:
        return await lineage.handled(lambda: lineage.with_csr(csr, command))
    if request.reuse_key:
        return await lineage.handled(lambda: lineage.with_same_key(command))
    return await lineage.handled_with_new_key(command)


async def plan_to_go_on(office: Office, request: RenewCertificate | ReissueCertificate, asked: Asked) -> Plan:
    """Return what `go_on` would do."""
    command, csr = _read(request)
    lineage = await _Lineage.of(office, request, asked, b"")
    if csr is not None:
        return Plan(lineage.certificate_id, lambda: lineage.with_csr(csr, command))
    if request.reuse_key:
        return Plan(lineage.certificate_id, lambda: lineage.with_same_key(command))
    key = MadeKey("", stand_in(await lineage.key_type()))
    return Plan(lineage.certificate_id, lambda: lineage.with_key(key, command))


def _read(request: RenewCertificate | ReissueCertificate) -> tuple[Next, SigningRequest | None]:
    """Return the command of a request, and the CSR that brings the key."""
    match request:
        case RenewCertificate():
            csr = None if request.csr is None else read_csr(request.csr)
            if (request.csr is not None) + request.reuse_key + (request.key_type is not None) > 1:
                raise Malformed.at("reuse_key", "a key comes from one place", "give one of reuse_key, key_type and csr")
            named = None if csr is None else Names(csr.subject, csr.subject_alt_names)
            return (lambda further: renewal.RenewCertificate(further, named)), csr
        case ReissueCertificate():
            if request.reuse_key and request.key_type is not None:
                raise Malformed.at("reuse_key", "a key comes from one place", "give one of reuse_key and key_type")
            others = _names(request)
            return (lambda further: renewal.ReissueCertificate(further, others)), None
        case _:
            assert_never(request)


def _names(request: ReissueCertificate) -> Names:
    return Names(
        names.subject(request.subject),
        names.subject_alt_names(
            request.dns_names,
            request.ip_addresses,
            request.email_addresses,
            request.uris,
            user_principal_names=request.user_principal_names,
            kerberos_principal_names=request.kerberos_principal_names,
        ),
        request.security_identifier,
    )


class _Lineage:
    """A lineage that is to go on, with the id and serial number drawn for its next version."""

    def __init__(
        self,
        office: Office,
        request: RenewCertificate | ReissueCertificate,
        asked: Asked,
        *,
        certificate_id: str,
        digest: bytes,
    ) -> None:
        self._office = office
        self._request = request
        self._asked = asked
        self._digest = digest
        self.certificate_id = certificate_id
        self._request_id = asked.new_id()
        self._serial_number = serial_number()

    @classmethod
    async def of(
        cls, office: Office, request: RenewCertificate | ReissueCertificate, asked: Asked, digest: bytes
    ) -> "_Lineage":
        """Return the lineage that a request names. Raises `CertificateMissing`."""
        certificate_id = await office.certificate_id(request.certificate)
        return cls(office, request, asked, certificate_id=certificate_id, digest=digest)

    async def with_csr(self, csr: SigningRequest, command: Next) -> Making:
        """Return the command that certifies the key of a CSR."""
        return command(await self._further(csr.public_key, None))

    async def with_same_key(self, command: Next) -> Making:
        """Return the command that certifies the present key again, wherever it is kept; today's rules judge it too."""
        before = await self._before()
        if before.certificate is None:
            raise SigningGivenUp(before.failure) if before.failure else NotSignedYet("no key is certified yet")
        key = public_key_of(before.certificate, "reuse_key")
        return command(await self._further(key, before.prepared.key_id))

    async def with_key(self, key: MadeKey, command: Next) -> Making:
        """Return the command that certifies a new key."""
        return command(await self._further(key.public_key, key.key_id))

    async def handled_with_new_key(self, command: Next) -> Answer:
        """Make a key and have it certified."""

        async def ask(key: MadeKey) -> CertificateCommand:
            return await self.with_key(key, command)

        events = await self._office.with_new_key(
            CERTIFICATE, self.certificate_id, await self.key_type(), ask, actor=self._asked.caller.name
        )
        state = (await self._office.aggregates.load(CERTIFICATE, self.certificate_id)).state
        number = certificate.number_of(state, self._request_id)
        return await signed(self._office, self.certificate_id, number, self._asked, events)

    async def handled(self, ask: Callable[[], Awaitable[CertificateCommand]]) -> Answer:
        """Handle the command and sign what it prepared."""
        handled = await self._office.aggregates.handle(
            CERTIFICATE, self.certificate_id, ask, actor=self._asked.caller.name
        )
        number = certificate.number_of(handled.state, self._request_id)
        return await signed(self._office, self.certificate_id, number, self._asked, handled.events)

    async def _further(self, public_key: PublicKey, key_id: str | None) -> Further:
        before = (await self._before()).prepared
        issuer_id = before.issuer_id
        return Further(
            certificate_id=self.certificate_id,
            issuer=None if issuer_id is None else await self._office.issuer(issuer_id),
            profile=await self._office.profile(renewal.profile_name_of(before)),
            public_key=public_key,
            key_id=key_id,
            validity_days=self._request.validity_days,
            serial_number=self._serial_number,
            now=self._asked.now,
            request_id=self._request_id,
            request_digest=self._digest,
            revoke_previous_after_days=self._request.revoke_previous_after_days,
        )

    async def key_type(self) -> KeyType:
        """Return the kind of key to make. Raises `Malformed` when it must be named."""
        key_type = self._request.key_type or (await self._before(afresh=True)).key.key_type
        if key_type is None:
            raise Malformed.at(
                "key_type", "key types are known", "keys like the present one aren't made here: name another"
            )
        return key_type

    async def _before(self, *, afresh: bool = False) -> Version:
        loaded = await self._office.aggregates.load(CERTIFICATE, self.certificate_id, afresh=afresh)
        return certificate.model(loaded.state)
