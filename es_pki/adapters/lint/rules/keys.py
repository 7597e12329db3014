"""The subject's public key, and what it may be used for (RFC 5280 sections 4.1.2.7 and 4.2.1.3)."""

from collections.abc import Iterator

from es_pki.adapters.lint import oids
from es_pki.adapters.lint.certificate import Certificate
from es_pki.adapters.lint.elements import INTEGER, NULL, OBJECT_IDENTIFIER, SEQUENCE, NotDER, elements, integer, only

(
    DIGITAL_SIGNATURE,
    CONTENT_COMMITMENT,
    KEY_ENCIPHERMENT,
    DATA_ENCIPHERMENT,
    KEY_AGREEMENT,
    KEY_CERT_SIGN,
    CRL_SIGN,
    ENCIPHER_ONLY,
    DECIPHER_ONLY,
) = range(9)
"""The bits of a key usage, by number."""

_SIGNING = frozenset({DIGITAL_SIGNATURE, CONTENT_COMMITMENT, KEY_CERT_SIGN, CRL_SIGN})
_COORDINATES = {oids.P256: 32, oids.P384: 48, oids.P521: 66}
_RAW_LENGTHS = dict(zip((oids.ED25519, oids.ED448, *oids.ML_DSA), (32, 57, 1312, 1952, 2592), strict=True))

USAGES_OF: dict[bytes, frozenset[int]] = {
    oids.RSA: frozenset(range(9)) - {KEY_AGREEMENT, ENCIPHER_ONLY, DECIPHER_ONLY},
    oids.EC: frozenset(range(9)) - {KEY_ENCIPHERMENT, DATA_ENCIPHERMENT},
    **dict.fromkeys((oids.ED25519, oids.ED448, *oids.ML_DSA), _SIGNING),
}
"""What each kind of key can do: RSA enciphers, EC agrees, the others only sign."""


def key_algorithm_is_known(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.1.2.7: RSA, a NIST curve, an Edwards curve or ML-DSA, which verifiers know."""
    algorithm = certificate.key.algorithm.oid
    if algorithm not in USAGES_OF:
        yield f"{oids.dotted(algorithm)} is no algorithm of keys that verifiers know"


def key_parameters_are_right(certificate: Certificate) -> Iterator[str]:
    """RFC 3279 section 2.3.1, RFC 5480 section 2.1.1, RFC 8410 section 3, RFC 9881 section 4: NULL, a curve, none."""
    algorithm, parameters = certificate.key.algorithm
    if algorithm == oids.RSA and parameters != (NULL, b""):
        yield "the parameters of an RSA key are NULL"
    elif algorithm == oids.EC and (parameters is None or parameters[0] != OBJECT_IDENTIFIER):
        yield "the parameters of an EC key name its curve"
    elif algorithm in _RAW_LENGTHS and parameters is not None:
        yield "keys of Edwards curves and ML-DSA have no parameters"


def curve_is_known(certificate: Certificate) -> Iterator[str]:
    """RFC 5480 section 2.1.1.1: P-256, P-384 or P-521."""
    algorithm, parameters = certificate.key.algorithm
    if algorithm == oids.EC and parameters is not None and parameters[1] not in _COORDINATES:
        yield "the curve is neither P-256 nor P-384 nor P-521"


def rsa_key_is_well_formed(certificate: Certificate) -> Iterator[str]:
    """RFC 3279 section 2.3.1, RFC 8017 section 3.1: an odd modulus and an odd exponent of at least 3."""
    if certificate.key.algorithm.oid != oids.RSA:
        return
    try:
        modulus, exponent = _numbers(certificate.key.octets)
    except NotDER as problem:
        yield f"an RSA key is a modulus and an exponent: {problem}"
        return
    if modulus <= 0 or modulus % 2 == 0 or not 3 <= exponent < modulus or exponent % 2 == 0:
        yield "an RSA key has an odd modulus, and an odd exponent of at least 3"


def rsa_key_is_long_enough(certificate: Certificate) -> Iterator[str]:
    """NIST SP 800-57 part 1 table 2: an RSA modulus has 2048 bits or more."""
    # 2048 bits lie in 257 octets of the INTEGER, inside 4 + 4 of headers and 3 or more of the exponent.
    if certificate.key.algorithm.oid == oids.RSA and len(certificate.key.octets) < 257 + 4 + 4 + 3:
        yield "the RSA key has fewer than 2048 bits"


def _numbers(octets: bytes) -> tuple[int, int]:
    parts = elements(only(octets, SEQUENCE))
    if [tag for tag, _ in parts] != [INTEGER, INTEGER]:
        raise NotDER("there are not two INTEGERs")
    return integer(parts[0][1]), integer(parts[1][1])


def point_is_uncompressed(certificate: Certificate) -> Iterator[str]:
    """RFC 5480 section 2.2: an EC key is an uncompressed point of its curve, which all programs read."""
    (algorithm, parameters), octets = certificate.key
    size = _COORDINATES.get(parameters[1]) if algorithm == oids.EC and parameters is not None else None
    if size is not None and (len(octets) != 1 + 2 * size or octets[0] != 4):
        yield "an EC key is 04 and both coordinates"


def raw_key_has_the_right_length(certificate: Certificate) -> Iterator[str]:
    """RFC 8032 section 5, FIPS 204 table 2: the length of keys of Edwards curves and of ML-DSA."""
    wanted = _RAW_LENGTHS.get(certificate.key.algorithm.oid)
    if wanted is not None and len(certificate.key.octets) != wanted:
        yield f"the key has {wanted} octets"


def key_usages_suit_the_key(certificate: Certificate) -> Iterator[str]:
    """RFC 4055 section 1.2, RFC 8813 section 3, RFC 9295 section 3, RFC 9881 section 5: what a kind of key can do."""
    can = USAGES_OF.get(certificate.key.algorithm.oid)
    if can is not None and certificate.key_usages is not None and not certificate.key_usages <= can:
        yield "RSA keys don't agree on keys, EC keys don't encipher, and others only sign: mend the key usage"


def key_usage_has_a_bit(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.3: a key usage allows something."""
    if certificate.key_usages is not None and not certificate.key_usages:
        yield "the key usage allows nothing: set a bit or leave it away"


def only_bits_need_agreement(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.3: encipherOnly and decipherOnly mean something only with keyAgreement, and not both."""
    usages = certificate.key_usages or frozenset()
    only_bits = usages & {ENCIPHER_ONLY, DECIPHER_ONLY}
    if only_bits and (KEY_AGREEMENT not in usages or len(only_bits) == 2):
        yield "encipherOnly or decipherOnly stands with keyAgreement, and without the other"


def key_usage_is_critical(certificate: Certificate) -> Iterator[str]:
    """RFC 5280 section 4.2.1.3: a key usage is critical."""
    if certificate.criticality.get(oids.KEY_USAGE) is False:
        yield "mark the key usage as critical"


ERRORS = (
    key_algorithm_is_known,
    key_parameters_are_right,
    curve_is_known,
    rsa_key_is_well_formed,
    rsa_key_is_long_enough,
    point_is_uncompressed,
    raw_key_has_the_right_length,
    key_usages_suit_the_key,
    key_usage_has_a_bit,
    only_bits_need_agreement,
)
WARNINGS = (key_usage_is_critical,)
