"""Another implementation of ML-DSA (FIPS 204), the judge of ours: Debian 12's openssl doesn't know it yet."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import Encoding
from dilithium_py.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87

KEYS = {
    "ml-dsa-44": mldsa.MLDSA44PrivateKey,
    "ml-dsa-65": mldsa.MLDSA65PrivateKey,
    "ml-dsa-87": mldsa.MLDSA87PrivateKey,
}
OIDS = {
    "ml-dsa-44": "2.16.840.1.101.3.4.3.17",
    "ml-dsa-65": "2.16.840.1.101.3.4.3.18",
    "ml-dsa-87": "2.16.840.1.101.3.4.3.19",
}
_JUDGES = {
    mldsa.MLDSA44PublicKey: ML_DSA_44,
    mldsa.MLDSA65PublicKey: ML_DSA_65,
    mldsa.MLDSA87PublicKey: ML_DSA_87,
}


def is_issued_by(certificate, issuer):
    """Tell whether the issuer's ML-DSA key signed the certificate, and both say so."""
    certificate.verify_directly_issued_by(issuer)
    return is_signed_by(issuer.public_key(), certificate.tbs_certificate_bytes, certificate.signature)


def is_signed_by(key, data, signature):
    """Tell whether the signature is the ML-DSA key's over the data."""
    judge = next(judge for kind, judge in _JUDGES.items() if isinstance(key, kind))
    return judge.verify(key.public_bytes_raw(), data, signature)


def new_csr(key_type, name):
    """Return a CSR in PEM for a fresh key."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    builder = x509.CertificateSigningRequestBuilder(subject).add_extension(names, critical=False)
    return builder.sign(KEYS[key_type].generate(), None).public_bytes(Encoding.PEM).decode()
