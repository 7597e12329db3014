"""The reactions: effects that events make due, done at least once by a durable runner."""

from es_pki.adapters.reactions.performer import Performer
from es_pki.adapters.reactions.runner import Runner
from es_pki.adapters.reactions.store import EffectStore, Outstanding

__all__ = ["EffectStore", "Outstanding", "Performer", "Runner"]
