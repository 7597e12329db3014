"""What others made, as values: kinds of keys and names that nobody here makes."""

from msgspec import Struct

from es_pki.values import Attribute, AttributeType, KeyAlgorithm, KeyType, Subject


class KeyKind(Struct, frozen=True):
    """What kind of key pair, wherever it was made: `name` is a `KeyType`'s value, or alike (`ec-secp256k1`).

    `security_bits` is the strength against classical attacks, as in `KeyType.security_bits`.
    """

    name: str
    algorithm: KeyAlgorithm
    security_bits: int

    @property
    def key_type(self) -> KeyType | None:
        """Return the type of a key such as are made here, None for others."""
        return KeyType(self.name) if self.name in frozenset(KeyType) else None


def kind_of(key_type: KeyType) -> KeyKind:
    """Return a type of ours as those see it who know other keys too."""
    return KeyKind(key_type.value, key_type.algorithm, key_type.security_bits)


class ForeignAttribute(Struct, frozen=True, array_like=True):
    """One attribute of a distinguished name made elsewhere. `type` is an `AttributeType`'s value, or the dotted OID.

    `value` is text; what is no text is `#` and its octets in hex, as in RFC 4514 section 2.4.
    """

    type: str
    value: str


ForeignSubject = tuple[ForeignAttribute, ...]
"""A distinguished name as somebody else made it, attribute by attribute, in the order of the certificate."""


def shown_subject(subject: Subject) -> ForeignSubject:
    """Return a name of ours in the form that takes any name."""
    return tuple(ForeignAttribute(a.type.value, a.value) for a in subject)


def known_subject(subject: ForeignSubject) -> Subject | None:
    """Return a name made elsewhere as one of ours, None if it has attributes that aren't known here."""
    if not {a.type for a in subject} <= set(AttributeType):
        return None
    return tuple(Attribute(AttributeType(a.type), a.value) for a in subject)
