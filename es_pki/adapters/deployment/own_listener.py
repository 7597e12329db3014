"""es-pki's own management listener, as a service like others: what it serves is swapped in memory, no file is touched.

Handshakes after the swap get the new certificate; connections that there are go on.
"""

import ssl
from collections.abc import Callable
from typing import NamedTuple

from es_pki.adapters.deployment.step import StepFailed
from es_pki.adapters.x509.formats import pem_chain
from es_pki.events.service import DeploymentStep


class OwnMaterial(NamedTuple):
    """What the listener serves: the chain (DER, the certificate first) and the key (DER PKCS#8)."""

    chain: tuple[bytes, ...]
    key: bytes

    def __repr__(self) -> str:
        """Show no key."""
        return f"OwnMaterial({len(self.chain)} certificates)"


class OwnListener:
    """What this process serves. `use` has its TLS context serve a chain (PEM) with a key (DER PKCS#8)."""

    def __init__(self, use: Callable[[str, bytes], None]) -> None:
        self._use = use
        self.served: OwnMaterial | None = None

    @property
    def leaf(self) -> bytes | None:
        """Return the certificate (DER) that it serves, None before the first."""
        return None if self.served is None else self.served.chain[0]

    def serve(self, material: OwnMaterial) -> None:
        """Serve this from the next handshake on. Raises `StepFailed`, and then serves what it did."""
        try:
            self._use(pem_chain(material.chain), material.key)
        except (ssl.SSLError, ValueError):
            if self.served is not None:
                self._use(pem_chain(self.served.chain), self.served.key)
            raise StepFailed(DeploymentStep.RELOAD, "TLS doesn't take the certificate or its key") from None
        self.served = material
