"""Requests as they are signed: flattened JWS (RFC 7515 section 7.2.2, RFC 8555 section 6.2).

The key ring signs: no private key comes here.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from josepy.jwk import JWK, JWKEC, JWKRSA
from josepy.util import ComparableECKey, ComparableRSAKey

from es_pki.adapters.keyring import KeyRing
from es_pki.commands.acme_account import CATEGORY
from es_pki.values import KeyType, PublicKey

ALGORITHMS = {
    KeyType.EC_P256: "ES256",
    KeyType.EC_P384: "ES384",
    KeyType.EC_P521: "ES512",
    KeyType.RSA_2048: "RS256",
    KeyType.RSA_3072: "RS256",
    KeyType.RSA_4096: "RS256",
}
"""RFC 7518 section 3.1: what the directories take."""

HALF_OCTETS = {KeyType.EC_P256: 32, KeyType.EC_P384: 48, KeyType.EC_P521: 66}
"""Octets of each half of an ECDSA signature (RFC 7518 section 3.4)."""


class AccountKey:
    """An account's key: its public half, and the key ring that signs with the other.

    With the `purpose` of certificates it is a certificate's key, and `account_id` the lineage's id.
    """

    def __init__(
        self, keys: KeyRing, account_id: str, key_id: str, public_key: PublicKey, *, purpose: str = CATEGORY
    ) -> None:
        self._keys = keys
        self._purpose = purpose
        self._account_id = account_id
        self._key_id = key_id
        self._key_type = public_key.key_type
        self._jwk = _jwk(public_key)

    @property
    def jwk(self) -> dict[str, str]:
        """Return the public key as a JWK (RFC 7517)."""
        return dict(self._jwk.to_json())

    @property
    def thumbprint(self) -> str:
        """Return the key's SHA-256 thumbprint (RFC 7638), which goes into every key authorization."""
        return encoded(self._jwk.thumbprint())

    async def signed(self, payload: bytes, **header: object) -> bytes:
        """Return the JWS of a payload (b"" for POST-as-GET). Raises what the key store raises."""
        protected = encoded(msgspec.json.encode({"alg": ALGORITHMS[self._key_type], **header}))
        signature = await self._keys.sign(
            f"{protected}.{encoded(payload)}".encode(), self._key_id, purpose=self._purpose, owner=self._account_id
        )
        return _flattened(protected, payload, self._as_jws(signature))

    def _as_jws(self, signature: bytes) -> bytes:
        octets = HALF_OCTETS.get(self._key_type)
        if octets is None:
            return signature
        r, s = decode_dss_signature(signature)
        return r.to_bytes(octets, "big") + s.to_bytes(octets, "big")


def bound(secret: bytes, jwk: Mapping[str, str], *, kid: str, url: str) -> msgspec.Raw:
    """Return an external account binding (RFC 8555 section 7.3.4): the account's key under a MAC of the CA's key."""
    protected = encoded(msgspec.json.encode({"alg": "HS256", "kid": kid, "url": url}))
    payload = msgspec.json.encode(jwk)
    mac = hmac.digest(secret, f"{protected}.{encoded(payload)}".encode(), "sha256")
    return msgspec.Raw(_flattened(protected, payload, mac))


def encoded(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """Return what base64url, padded or not, stands for. Raises `ValueError`."""
    try:
        data = text.strip().rstrip("=").encode("ascii")
        return urlsafe_b64decode(data + b"=" * (-len(data) % 4))
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("this is no base64url") from None


def _flattened(protected: str, payload: bytes, signature: bytes) -> bytes:
    return msgspec.json.encode({"protected": protected, "payload": encoded(payload), "signature": encoded(signature)})


def _jwk(public_key: PublicKey) -> JWK:
    match load_der_public_key(public_key.spki):
        case ec.EllipticCurvePublicKey() as key:
            return JWKEC(key=ComparableECKey(key))
        case rsa.RSAPublicKey() as key:
            return JWKRSA(key=ComparableRSAKey(key))
        case _:
            raise TypeError("no directory takes account keys of this kind")
