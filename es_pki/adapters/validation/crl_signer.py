"""Who signed a CRL, and whether that is somebody to believe: RFC 5280 section 6.3.3 (f) and (g)."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from msgspec import Struct

from es_pki.adapters.validation.certificate import Parsed
from es_pki.adapters.validation.crl import ParsedCRL
from es_pki.adapters.validation.evidence import Inquiry
from es_pki.adapters.validation.findings import advice, broken
from es_pki.adapters.validation.known import Reason, Unusable
from es_pki.adapters.validation.link import is_signed
from es_pki.adapters.validation.signatures import cost
from es_pki.adapters.validation.walk import State


class Signer(Struct, frozen=True):
    """Somebody who may have signed a CRL; `is_the_issuer`: of the certificate, whose path was followed already."""

    certificate: Parsed
    key: PublicKeyTypes
    crl: ParsedCRL
    inquiry: Inquiry
    is_the_issuer: bool


def crl_signature_is_the_issuers(signer: Signer) -> str | None:
    """RFC 5280 section 6.3.3 (g): the CRL is signed by a key of its issuer.

    Get the CRL again, or send the certificate of the key that signs the issuer's CRLs.
    """
    is_genuine = cost(signer.key) and is_signed(
        signer.crl.signature, signer.key, signer.certificate, signer.inquiry.budget
    )
    return None if is_genuine else "the CRL is signed by nobody whose certificate is here"


def crl_signer_may_sign_crls(signer: Signer) -> str | None:
    """RFC 5280 section 6.3.3 (f): the key usage of whoever signed the CRL, where there is one, has cRLSign.

    Have the issuer of CRLs certified with the key usage cRLSign.
    """
    usage = signer.certificate.key_usage
    return None if usage is None or usage.crl_sign else "the CRL is signed by a key that may not sign CRLs"


def crl_signer_has_a_valid_path(signer: Signer) -> str | None:
    """RFC 5280 section 6.3.3 (f): a valid path leads from the same trust anchor to whoever signed the CRL.

    Send the certificates between the trust anchor and the issuer of the CRL.
    """
    return None if signer.is_the_issuer else signer.inquiry.distrusts(signer.certificate, signer.crl)


def signer_of(crl: ParsedCRL, state: State, inquiry: Inquiry) -> Signer:
    """Return who signed a CRL and may. Raises `Unusable`, naming what the likeliest one lacks."""
    furthest: tuple[int, Reason | None] = (-1, None)
    for signer in _possible(crl, state, inquiry):
        reason = next(broken(SIGNER, signer), None)
        if reason is None:
            return signer
        furthest = max(furthest, (SIGNER.index(reason[0]), reason), key=lambda each: each[0])
    raise Unusable(furthest[1] or (SIGNER[0], "nobody whose certificate is here has the name of the CRL's issuer"))


def _possible(crl: ParsedCRL, state: State, inquiry: Inquiry) -> Iterator[Signer]:
    """Yield who has the CRL issuer's name: the certificate's issuer, then others, those with a fitting key first."""
    if state.issuer.subject == crl.issuer and state.key is not None:
        yield Signer(state.issuer, state.key, crl, inquiry, is_the_issuer=True)
    others = list(inquiry.pool.of(crl.issuer))
    if inquiry.anchor.subject == crl.issuer and inquiry.anchor not in inquiry.pool:
        others.append(inquiry.anchor)
    others.sort(key=lambda each: each.subject_key_identifier != crl.authority_key_identifier)
    for other in others:
        if other.der != state.issuer.der and other.public_key is not None:
            yield Signer(other, other.public_key, crl, inquiry, is_the_issuer=False)


SIGNER = advice(crl_signature_is_the_issuers, crl_signer_may_sign_crls, crl_signer_has_a_valid_path)
