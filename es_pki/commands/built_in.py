"""The profiles that are built in: there without an event, versioned here. A change of terms raises the version."""

from collections.abc import Mapping

from es_pki.values import ExtendedKeyUsage, KeyAlgorithm, KeyUsage
from es_pki.values.profile import ACCOUNT_FORMS, USUAL_FORMS, NameForm, Profile, ProfileTerms

FurtherKeyUsages = Mapping[KeyAlgorithm, tuple[KeyUsage, ...]]

_ENCIPHERING: FurtherKeyUsages = {KeyAlgorithm.RSA: (KeyUsage.KEY_ENCIPHERMENT,)}
_AGREEING: FurtherKeyUsages = {KeyAlgorithm.EC: (KeyUsage.KEY_AGREEMENT,)}

SERVER = Profile(
    "server",
    1,
    ProfileTerms(
        description="TLS servers",
        extended_key_usages=(ExtendedKeyUsage.SERVER_AUTH,),
        further_key_usages=_ENCIPHERING,
    ),
)

CLIENT = Profile(
    "client",
    1,
    ProfileTerms(description="TLS clients", extended_key_usages=(ExtendedKeyUsage.CLIENT_AUTH,)),
)

SERVER_CLIENT = Profile(
    "server-client",
    1,
    ProfileTerms(
        description="TLS servers that are clients of others too",
        extended_key_usages=(ExtendedKeyUsage.SERVER_AUTH, ExtendedKeyUsage.CLIENT_AUTH),
        further_key_usages=_ENCIPHERING,
    ),
)

EMAIL = Profile(
    "email",
    1,
    ProfileTerms(
        description="S/MIME: signing and receiving e-mail",
        extended_key_usages=(ExtendedKeyUsage.EMAIL_PROTECTION,),
        further_key_usages={**_ENCIPHERING, **_AGREEING},
        default_validity_days=365,
    ),
)

CODE_SIGNING = Profile(
    "code-signing",
    1,
    ProfileTerms(
        description="signing software",
        extended_key_usages=(ExtendedKeyUsage.CODE_SIGNING,),
        default_validity_days=365,
    ),
)

INTERMEDIATE = Profile(
    "intermediate",
    1,
    ProfileTerms(
        description="authorities below one of ours",
        is_authority=True,
        key_usages=(KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN),
        default_validity_days=1825,
        path_length=0,
    ),
)

AUTHORITY = Profile(
    "authority",
    1,
    ProfileTerms(
        description="authorities of our own, roots and those below them",
        is_authority=True,
        key_usages=INTERMEDIATE.terms.key_usages,
        default_validity_days=3652,
    ),
)

MACHINE = Profile(
    "machine",
    1,
    ProfileTerms(
        description="computers of an Active Directory, perhaps with their account's UPN and SID (KB5014754)",
        extended_key_usages=(ExtendedKeyUsage.CLIENT_AUTH, ExtendedKeyUsage.SERVER_AUTH),
        further_key_usages=_ENCIPHERING,
        name_forms=(*USUAL_FORMS, *ACCOUNT_FORMS),
        required_names=(NameForm.DNS_NAMES,),
    ),
)

DOMAIN_CONTROLLER = Profile(
    "domain-controller",
    1,
    ProfileTerms(
        description="domain controllers: TLS, smart card log-on and Kerberos; name the host and its domain (RFC 4556)",
        extended_key_usages=(
            ExtendedKeyUsage.CLIENT_AUTH,
            ExtendedKeyUsage.SERVER_AUTH,
            ExtendedKeyUsage.SMART_CARD_LOGON,
            ExtendedKeyUsage.KDC_AUTHENTICATION,
        ),
        further_key_usages=_ENCIPHERING,
        default_validity_days=365,
        name_forms=(*USUAL_FORMS, NameForm.SECURITY_IDENTIFIER, NameForm.KERBEROS_PRINCIPAL_NAMES),
        required_names=(NameForm.DNS_NAMES,),
        wildcards=False,
    ),
)

BUILT_IN: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        SERVER,
        CLIENT,
        SERVER_CLIENT,
        EMAIL,
        CODE_SIGNING,
        INTERMEDIATE,
        AUTHORITY,
        MACHINE,
        DOMAIN_CONTROLLER,
    )
}
"""By name."""
