"""What somebody could send to keep a validator busy, each as a target with the trust that it is judged by."""

import itertools
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from es_pki.adapters.validation import Certificates, Parsed, Question, RevocationMode, Trust
from es_pki.adapters.x509.der import object_identifier, sequence
from tests.adapters.validation.chains import (
    Made,
    asked,
    authority,
    crl,
    key_of,
    made,
    server,
    trust,
    unknown,
)

Sent = tuple[Parsed, Trust, Question]

ANY = asked()
POLICY = "1.3.6.1.4.1.99999.{}"


def long_chain() -> Sent:
    """A hundred authorities, one below the other."""
    above = [authority("root")]
    for number in range(100):
        above.append(authority(f"authority {number}", above[-1], key=key_of("one")))
    return server(above[-1]).parsed, trust(above[0], pool=tuple(above)), ANY


def cross_signed_mesh() -> Sent:
    """Twelve authorities that certified each other, none of them by the trust anchor."""
    names = [f"mesh {number}" for number in range(12)]
    pool = [
        authority(one, Made(made(other, key=key_of(other)).certificate, key_of(other)), key=key_of(one))
        for one, other in itertools.permutations(names, 2)
    ]
    return server(pool[0]).parsed, trust(authority("root"), pool=tuple(pool)), ANY


def trusted_mesh() -> Sent:
    """The same, certified by the trust anchor, with a target that expired: every path is tried in vain."""
    root = authority("root")
    _, mesh, _ = cross_signed_mesh()
    bottom = authority("mesh 0", root, key=key_of("mesh 0"))
    target = server(bottom, ends=bottom.certificate.not_valid_before_utc)
    tops = [authority(f"mesh {number}", root, key=key_of(f"mesh {number}")) for number in range(12)]
    pool = Certificates([*mesh.pool, *(each.parsed for each in tops)])
    return target.parsed, Trust(Certificates([root.parsed]), pool), ANY


def many_keys_of_one_name() -> Sent:
    """Three hundred authorities of one name with as many keys, none of which signed the target."""
    root = authority("root")
    pool = tuple(authority("same", root, key=ec.generate_private_key(ec.SECP256R1())) for _ in range(300))
    return server(authority("same", root, key=key_of("missing"))).parsed, trust(root, pool=pool), ANY


def names_and_constraints() -> Sent:
    """Nine authorities with two thousand constraints each, above a certificate with ten thousand names."""
    domains = [x509.DNSName(f"d{number}.example.test") for number in range(2000)]
    constraints = x509.NameConstraints([x509.DNSName("example.test")], domains)
    above = [authority("root")]
    for number in range(9):
        above.append(authority(f"constrained {number}", above[-1], (constraints, True), key=key_of("one")))
    labels = ".".join("a" for _ in range(100))
    names = x509.SubjectAlternativeName([x509.DNSName(f"{labels}.{number}.example.test") for number in range(10_000)])
    target = made("names", above[-1], (names, False))
    return target.parsed, trust(above[0], pool=tuple(above[1:])), ANY


def policies_mapped_to_each_other() -> Sent:
    """Nine authorities that map each of sixty policies to all sixty: a tree would have 60^9 leaves."""
    dotted = [POLICY.format(number) for number in range(60)]
    asserted = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(each), None) for each in dotted])
    mapping = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.5.29.33"), mappings(itertools.product(dotted, dotted))
    )
    above = [authority("root")]
    for number in range(9):
        above.append(authority(f"mapper {number}", above[-1], (asserted, False), (mapping, True), key=key_of("one")))
    return server(above[-1], (asserted, False)).parsed, trust(above[0], pool=tuple(above[1:])), ANY


def mappings(pairs: "itertools.product[tuple[str, str]]") -> bytes:
    """Return the DER of policy mappings."""
    return sequence(*(sequence(object_identifier(one), object_identifier(other)) for one, other in pairs))


def entries_to_be_read_singly() -> Sent:
    """A CRL of a hundred thousand entries, the last with a critical extension."""
    root = authority("root")
    listed = crl(root, *range(10, 100_000), (9, (unknown(), True)))
    return server(root).parsed, trust(root, crls=(listed,)), asked(revocation=RevocationMode.HARD)


def slow_curve() -> Sent:
    """Two hundred authorities with keys of a curve that nobody made quick."""
    root = authority("root")
    pool = tuple(authority("slow", root, key=ec.generate_private_key(ec.BrainpoolP512R1())) for _ in range(60))
    return server(authority("slow", root, key=key_of("missing"))).parsed, trust(root, pool=pool), ANY


def layers_of_authorities() -> Sent:
    """Five layers of six authorities, each certified by all above, over a target that expired: 1,296 paths."""
    root = authority("root")
    pool, above = [], [root]
    for layer in range(5):
        names = [f"layer {layer}, number {number}" for number in range(6)]
        pool += (below := [[authority(name, each) for each in above] for name in names])
        above = [certificates[0] for certificates in below]
    target = server(above[0], ends=above[0].certificate.not_valid_before_utc)
    return target.parsed, trust(root, pool=tuple(each for certificates in pool for each in certificates)), ANY


HOSTILE: dict[str, Callable[[], Sent]] = {
    each.__name__: each
    for each in (
        long_chain,
        cross_signed_mesh,
        trusted_mesh,
        many_keys_of_one_name,
        names_and_constraints,
        policies_mapped_to_each_other,
        entries_to_be_read_singly,
        slow_curve,
        layers_of_authorities,
    )
}
