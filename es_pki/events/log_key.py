"""What happens to the log's own signing key: whose signature checkpoints carry. One stream, `log_key-log`."""

from msgspec import Struct


class LogKeyAdopted(Struct, frozen=True, omit_defaults=True):
    """From its own position on, checkpoints are signed by this key, and by the one before it as well.

    `origin` is the log's name in checkpoints (C2SP tlog-checkpoint) and the key's name; only `LogRestored` changes it.
    `key_id` is its id in the key store. `public_key` is the 32 bytes of an Ed25519 key. `rotation_id` is the id of
    the request that replaced the key before; the first key has none.
    """

    origin: str
    key_id: str
    public_key: bytes
    rotation_id: str = ""


class LogRestored(Struct, frozen=True, omit_defaults=True):
    """The log was restored from a backup that lacks records which a signed checkpoint covers: they are lost.

    It is the first record behind those that were restored: `size` of them, with the tree's `root_hash`. `checkpoint` is
    the signed note over more records than that. Under `origin`, the log's name until then, nothing is ever signed
    again: there would be two roots for one size. The log goes on as `next_origin`, with the next key that is adopted.
    """

    origin: str
    size: int
    root_hash: bytes
    checkpoint: str
    next_origin: str
    reason: str


LogKeyEvent = LogKeyAdopted | LogRestored
