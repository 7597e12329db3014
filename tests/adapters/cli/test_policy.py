"""Changing a policy changes what was named, and nothing else."""

import msgspec

from es_pki.adapters.cli.parser import parse
from es_pki.adapters.cli.verbs.authority import changed, defaults, name_constraints
from es_pki.values import IssuancePolicy, KeyType, NameConstraints, NameSpace

STRICT = IssuancePolicy(
    names=NameConstraints(permitted=NameSpace(dns_names=("a.test",), ip_networks=("10.0.0.0/8",))),
    wildcards=False,
    maximum_validity_days=30,
    key_types=(KeyType.ED25519,),
)


def after(before, *options):
    body = changed(msgspec.to_builtins(before), parse(["authority", "policy", "ca", *options]))
    return msgspec.convert(body, IssuancePolicy)


def test_what_is_not_named_stays_as_it_was():
    assert after(STRICT, "--maximum-days", "90") == msgspec.structs.replace(STRICT, maximum_validity_days=90)


def test_a_refusal_of_wildcards_can_be_taken_back():
    assert after(STRICT, "--wildcards").wildcards
    assert not after(IssuancePolicy(), "--no-wildcards").wildcards


def test_name_spaces_are_replaced_form_by_form():
    names = after(STRICT, "--permit-dns", "b.test", "--exclude-email", ".c.test").names
    assert names.permitted == NameSpace(dns_names=("b.test",), ip_networks=("10.0.0.0/8",))
    assert names.excluded == NameSpace(email_addresses=(".c.test",))


def test_kinds_of_keys_are_replaced_as_a_whole():
    assert after(STRICT, "--key-type", "ec-p256", "--key-type", "ec-p384").key_types == ("ec-p256", "ec-p384")


def test_the_defaults_are_those_of_the_api():
    assert msgspec.convert(defaults(), IssuancePolicy) == IssuancePolicy()


def test_an_authority_is_constrained_by_the_same_options():
    constraints = name_constraints(
        parse(["authority", "create", "ca", "--permit-ip", "10.0.0.0/8", "--exclude-uri", ".d.test"]), {}
    )
    assert msgspec.convert(constraints, NameConstraints) == NameConstraints(
        permitted=NameSpace(ip_networks=("10.0.0.0/8",)), excluded=NameSpace(uri_hosts=(".d.test",))
    )
