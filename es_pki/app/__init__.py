"""The write side, and which backend each store has: everything comes together here."""

from es_pki.app.aggregates import ATTEMPTS, REMEMBERED_STATES, Aggregates
from es_pki.app.stores import (
    Stores,
    check_is_set_up,
    master_key_at_hand,
    open_checkpoints,
    open_log,
    open_sealed_keys,
    open_stores,
    restore_target,
    set_up_lease,
)

__all__ = [
    "ATTEMPTS",
    "REMEMBERED_STATES",
    "Aggregates",
    "Stores",
    "check_is_set_up",
    "master_key_at_hand",
    "open_checkpoints",
    "open_log",
    "open_sealed_keys",
    "open_stores",
    "restore_target",
    "set_up_lease",
]
