"""The AlgorithmIdentifiers of signatures by `keys.SigningKey` (RFC 4055, 5758, 8410, 9881)."""

from functools import cache

from es_pki.adapters.x509.der import NULL, object_identifier, sequence
from es_pki.values import KeyType

OIDS = {
    KeyType.RSA_2048: "1.2.840.113549.1.1.11",
    KeyType.RSA_3072: "1.2.840.113549.1.1.11",
    KeyType.RSA_4096: "1.2.840.113549.1.1.11",
    KeyType.EC_P256: "1.2.840.10045.4.3.2",
    KeyType.EC_P384: "1.2.840.10045.4.3.3",
    KeyType.EC_P521: "1.2.840.10045.4.3.4",
    KeyType.ED25519: "1.3.101.112",
    KeyType.ML_DSA_44: "2.16.840.1.101.3.4.3.17",
    KeyType.ML_DSA_65: "2.16.840.1.101.3.4.3.18",
    KeyType.ML_DSA_87: "2.16.840.1.101.3.4.3.19",
}


@cache
def signature_algorithm(key_type: KeyType) -> bytes:
    """Return the DER AlgorithmIdentifier of a signature by such a key; only RSA has parameters, NULL."""
    return sequence(object_identifier(OIDS[key_type]), NULL if key_type.is_rsa else b"")
