"""Deployments: what a service needs is brought to it, and seen on the wire, or taken back."""

from es_pki.adapters.deployment.allowed import Allowed, NotAllowed
from es_pki.adapters.deployment.chap import CHAPRotator
from es_pki.adapters.deployment.deployer import Deployer
from es_pki.adapters.deployment.fallbacks import Fallbacks
from es_pki.adapters.deployment.observer import Observer
from es_pki.adapters.deployment.own_listener import OwnListener
from es_pki.adapters.deployment.rounds import Rounds

__all__ = ["Allowed", "CHAPRotator", "Deployer", "Fallbacks", "NotAllowed", "Observer", "OwnListener", "Rounds"]
