"""Deployments: what a service needs is brought to it, and seen on the wire, or taken back."""

from es_pki.adapters.deployment.allowed import Allowed, NotAllowed
from es_pki.adapters.deployment.deployer import Deployer

__all__ = ["Allowed", "Deployer", "NotAllowed"]
