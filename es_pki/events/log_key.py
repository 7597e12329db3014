"""What happens to the log's own signing key: whose signature checkpoints carry. One stream, `log_key-log`."""

from msgspec import Struct


class LogKeyAdopted(Struct, frozen=True, omit_defaults=True):
    """From its own position on, checkpoints are signed by this key, and by the one before it as well.

    `origin` is the log's name in checkpoints (C2SP tlog-checkpoint) and the key's name; it never changes. `key_id` is
    the key's id in the key store. `public_key` is the 32 bytes of an Ed25519 key. `rotation_id` is the id of the
    request that replaced the key before; the first key has none.
    """

    origin: str
    key_id: str
    public_key: bytes
    rotation_id: str = ""


LogKeyEvent = LogKeyAdopted
