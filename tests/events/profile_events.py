"""Events of profiles with every field set, as golden files pin them."""

from es_pki.events.profile import ProfileDefined, ProfileRetired
from es_pki.values import (
    AttributeType,
    CriticalExtension,
    ExtendedKeyUsage,
    KeyAlgorithm,
    KeyType,
    KeyUsage,
    NameConstraints,
    NameSpace,
)
from es_pki.values.profile import LintLevel, NameForm, ProfileTerms, SubjectTerms, ValidityRule

NAMES = NameConstraints(
    permitted=NameSpace(dns_names=("example.test",), ip_networks=("2001:db8::/32",)),
    excluded=NameSpace(email_addresses=(".example.org",), uri_hosts=("example.net",)),
)

PROFILE_EVENTS = {
    "profile.defined.v1": ProfileDefined(
        name="branch-web",
        version=2,
        terms=ProfileTerms(
            description="web servers of the branches",
            key_usages=(KeyUsage.DIGITAL_SIGNATURE,),
            further_key_usages={KeyAlgorithm.RSA: (KeyUsage.KEY_ENCIPHERMENT,)},
            extended_key_usages=(ExtendedKeyUsage.SERVER_AUTH, "1.3.6.1.5.5.7.3.17"),
            critical_extensions=(CriticalExtension.KEY_USAGE, CriticalExtension.EXTENDED_KEY_USAGE),
            key_types=(KeyType.EC_P256, KeyType.RSA_3072),
            default_validity_days=30,
            maximum_validity_days=47,
            validity_rule=ValidityRule.CA_BROWSER_FORUM,
            subject=SubjectTerms(
                allowed=(AttributeType.COMMON_NAME, AttributeType.ORGANIZATION),
                required=(AttributeType.COMMON_NAME,),
                fixed={AttributeType.ORGANIZATION: "Zürich & Söhne"},
            ),
            name_forms=(NameForm.DNS_NAMES, NameForm.USER_PRINCIPAL_NAMES, NameForm.SECURITY_IDENTIFIER),
            required_names=(NameForm.DNS_NAMES,),
            names=NAMES,
            wildcards=False,
            path_length=1,
            name_constraints=NAMES,
            policy_identifiers=("1.3.6.1.4.1.99999.1",),
            lint=LintLevel.STRICT,
        ),
    ),
    "profile.retired.v1": ProfileRetired("the branches are closed"),
}
