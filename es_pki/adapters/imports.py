"""Whether what was imported is what its event says: the part of the examination that knows foreign certificates."""

from collections.abc import Iterator

from cryptography import x509

from es_pki.adapters.x509.keys import spki_of
from es_pki.adapters.x509.reading.facts import UNREADABLE, is_issued_by
from es_pki.events.authority import AuthorityImported
from es_pki.events.certificate import CertificateImported
from es_pki.values import public_key_hash, serial_hex


def problems_of_import(imported: CertificateImported, issuer: x509.Certificate | None) -> Iterator[str]:
    """Yield how an event contradicts its certificate; `issuer` is that of the authority here that it names."""
    yield from _problems(imported, imported.public_key_hash, issuer)


def problems_of_authority(imported: AuthorityImported, issuer: x509.Certificate | None) -> Iterator[str]:
    """Yield how an event contradicts its authority's certificate; `issuer` as above."""
    yield from _problems(imported, public_key_hash(imported.public_key), issuer)


def _problems(
    imported: CertificateImported | AuthorityImported, of_key: str, issuer: x509.Certificate | None
) -> Iterator[str]:
    try:
        certificate = x509.load_der_x509_certificate(imported.certificate)
        said = (
            serial_hex(certificate.serial_number),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            public_key_hash(spki_of(certificate.public_key())),
        )
    except UNREADABLE:
        yield "the imported certificate is no DER certificate"
        return
    if said != (imported.serial_number, imported.not_before, imported.not_after, of_key):
        yield "the imported certificate says something else than its event"
    if imported.issuer_id is not None and (issuer is None or not is_issued_by(certificate, issuer)):
        yield f"the imported certificate was not signed by the authority {imported.issuer_id}"
