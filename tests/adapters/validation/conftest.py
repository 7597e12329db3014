"""What the tests of validation share: NIST's certificates and CRLs, read once."""

from pathlib import Path
from typing import NamedTuple

import cryptography_vectors
import pytest

from es_pki.adapters.validation import Certificates, Evidence, Parsed, ParsedCRL, Trust

PKITS = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"


class Directory(NamedTuple):
    """All of PKITS: certificates by name, CRLs by name, and trust in its root with everything else at hand."""

    certificates: dict[str, Parsed]
    crls: dict[str, ParsedCRL]
    trust: Trust


@pytest.fixture(scope="session")
def pkits():
    """The certificates and CRLs of NIST's suite, as one directory."""
    certificates = {path.stem: Parsed(path.read_bytes()) for path in sorted(PKITS.glob("certs/*.crt"))}
    crls = {path.stem: ParsedCRL(path.read_bytes()) for path in sorted(PKITS.glob("crls/*.crl"))}
    anchors = Certificates([certificates["TrustAnchorRootCertificate"]])
    return Directory(certificates, crls, Trust(anchors, Certificates(certificates.values()), Evidence(crls.values())))
