"""What may be asked about authorities."""

from typing import ClassVar

from msgspec import Struct

from es_pki.adapters.intake.requests.fields import ADMINISTRATORS, Secret, SubjectFields
from es_pki.values import IssuancePolicy, KeyType, NameConstraints, Role


class CreateAuthority(Struct, frozen=True, forbid_unknown_fields=True):
    """Make an authority whose key is made and kept here: a root, or an intermediate when `issuer` names an authority.

    `profile` is one of those for authorities: it says key usages, purposes, validity, perhaps name constraints and
    policies. `path_length` is how many authorities may stand below it in a chain (absent: what profile and issuer
    leave).
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    subject: SubjectFields
    issuer: str | None = None
    profile: str = "authority"
    key_type: KeyType = KeyType.EC_P256
    validity_days: int | None = None
    path_length: int | None = None
    name_constraints: NameConstraints = NameConstraints()


class ImportAuthority(Struct, frozen=True, forbid_unknown_fields=True):
    """Make an authority known that was made elsewhere: with its private key it may sign here, without it only verify.

    `certificate`, `private_key` and `passphrase` are as in ImportCertificate. Path length and name constraints are
    those of its certificate. Import an authority before those below it. The same again changes nothing, but that the
    private key of one that is here without it may come later.
    """

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    name: str
    certificate: str
    private_key: Secret | None = None
    passphrase: Secret | None = None

    def __repr__(self) -> str:
        """Show neither key nor passphrase."""
        return f"ImportAuthority({self.name!r})"


class SetIssuancePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """Have an authority issue under another policy from now on. What the policy leaves out gets its default."""

    senders: ClassVar[frozenset[Role]] = ADMINISTRATORS

    authority: str
    policy: IssuancePolicy


AuthorityRequest = CreateAuthority | ImportAuthority | SetIssuancePolicy
