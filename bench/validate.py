"""Our validator beside those of others, in one run: `cryptography`'s on a chain, pyHanko's on NIST PKITS.

`python -m bench.validate [--rounds N]`: everything begins with DER and ends with an answer, nothing is fetched. Rounds
alternate between the rivals; medians and ratios are printed. Then what hostile input costs, the slowest of each.
"""

import argparse
import asyncio
import logging
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.policy_decl import PKIXValidationParams

from es_pki.adapters.validation import (
    LEGACY,
    Certificates,
    Evidence,
    Parsed,
    ParsedCRL,
    Purpose,
    Question,
    RevocationMode,
    Trust,
    validate,
)
from es_pki.adapters.validation.crl_rules import points_of
from es_pki.adapters.validation.question import ANY_POLICY
from tests.adapters.validation.chains import authority, server
from tests.adapters.validation.conftest import PKITS
from tests.adapters.validation.hostile import HOSTILE
from tests.adapters.validation.test_pkits import CASES, TIME, Case
from tests.builders import NOW

CHAIN_TIMES = 500
"""How often a chain is validated in a round."""


class Given(NamedTuple):
    """A test of PKITS with the DER that belongs to it: the target, certificates above it, and CRLs."""

    case: Case
    target: bytes
    certificates: list[bytes]
    crls: list[bytes]


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def compare(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the medians of ours and theirs, in turns."""
    taken = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    return statistics.median(one for one, _ in taken), statistics.median(other for _, other in taken)


def on_chains(rounds: int) -> None:
    """Compare on a server's certificate below a root, and below an intermediate."""
    root = authority("root")
    intermediate = authority("intermediate", root)
    for name, leaf, pool in (
        ("two certificates", server(root), ()),
        ("three certificates", server(intermediate), (intermediate,)),
    ):
        store, ders = Store([root.certificate]), [each.der for each in pool]
        anchors = Certificates([root.parsed])
        question = Question(time=NOW, purpose=Purpose.SERVER, host="www.example.test")
        verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName("www.example.test"))

        def ours(der: bytes = leaf.der, sent: list[bytes] = ders, trusted: Certificates = anchors) -> None:
            for _ in range(CHAIN_TIMES):
                assert validate(Parsed(der), Trust(trusted, Certificates(map(Parsed, sent))), question).is_valid  # noqa: B023, S101 - used at once; both must say the same

        def theirs(der: bytes = leaf.der, sent: list[bytes] = ders) -> None:
            for _ in range(CHAIN_TIMES):
                above = [x509.load_der_x509_certificate(each) for each in sent]
                verifier.verify(x509.load_der_x509_certificate(der), above)  # noqa: B023 - used at once

        one, other = compare(ours, theirs, rounds)
        microseconds = [each / CHAIN_TIMES * 1e6 for each in (one, other)]
        print(f"{name}: {microseconds[0]:.0f} µs, cryptography {microseconds[1]:.0f} µs: {one / other:.2f} times")


def given() -> list[Given]:
    """Return the tests of PKITS, each with the certificates and CRLs that its names lead to."""
    certificates = [Parsed(path.read_bytes()) for path in PKITS.glob("certs/*.crt") if not path.stem.endswith("EE")]
    crls = [ParsedCRL(path.read_bytes()) for path in PKITS.glob("crls/*.crl")]
    return [_given(case, certificates, crls) for case in CASES]


def _given(case: Case, certificates: list[Parsed], crls: list[ParsedCRL]) -> Given:
    target = Parsed((PKITS / "certs" / f"{case.name}EE.crt").read_bytes())
    wanted, names = [target], set()
    while wanted:
        each = wanted.pop()
        issuers = {name for point in points_of(each) for form, name in point.issuers or () if form == "DirectoryName"}
        for name in {each.issuer, *issuers} - names:
            names.add(name)
            wanted += [above for above in certificates if above.subject == name]
    return Given(
        case,
        target.der,
        [each.der for each in certificates if each.subject in names],
        [each.der for each in crls if each.issuer in names],
    )


def judge_ours(root: Certificates, one: Given) -> bool:
    """Validate a test of PKITS."""
    trust = Trust(root, Certificates(map(Parsed, one.certificates)), Evidence(map(ParsedCRL, one.crls)))
    question = Question(time=TIME, revocation=RevocationMode.HARD, policies=one.case.inputs, algorithms=LEGACY)
    return validate(Parsed(one.target), trust, question).is_valid


async def judge_theirs(root: bytes, one: Given) -> bool:
    """Have pyHanko validate a test of PKITS."""
    inputs = one.case.inputs
    acceptable = {"any_policy"} if inputs.acceptable == {ANY_POLICY} else set(inputs.acceptable)
    others = [asn1.Certificate.load(der) for der in one.certificates]
    context = ValidationContext(
        trust_roots=[asn1.Certificate.load(root)],
        other_certs=others,
        crls=one.crls,
        moment=TIME,
        revocation_mode="require",
        weak_hash_algos={"md2", "md5"},
        time_tolerance=timedelta(0),
    )
    params = PKIXValidationParams(
        user_initial_policy_set=frozenset(acceptable),
        initial_policy_mapping_inhibit=inputs.mapping_inhibited,
        initial_explicit_policy=inputs.explicit,
        initial_any_policy_inhibit=inputs.any_inhibited,
    )
    validator = CertificateValidator(asn1.Certificate.load(one.target), others, context, params)
    try:
        await validator.async_validate_path()
    except (PathError, ValidationError, ValueError, TypeError):
        return False
    return True


def on_pkits(rounds: int) -> None:
    """Compare on all of PKITS."""
    logging.disable(logging.CRITICAL)  # pyHanko tells of each certificate that it refuses
    root = (PKITS / "certs" / "TrustAnchorRootCertificate.crt").read_bytes()
    cases, anchors = given(), Certificates([Parsed(root)])
    ours: list[bool] = []
    theirs: list[bool] = []

    def judge_all() -> None:
        ours[:] = [judge_ours(anchors, one) for one in cases]

    async def have_all_judged() -> None:
        theirs[:] = [await judge_theirs(root, one) for one in cases]

    one, other = compare(judge_all, lambda: asyncio.run(have_all_judged()), rounds)
    right = [
        sum(said == each.case.is_valid for said, each in zip(all_said, cases, strict=True))
        for all_said in (ours, theirs)
    ]
    print(f"PKITS: {one / len(cases) * 1e6:.0f} µs a test, {right[0]} of {len(cases)} as NIST says")
    print(f"       pyHanko {other / len(cases) * 1e6:.0f} µs a test, {right[1]} of {len(cases)} as NIST says")
    print(f"       {one / other:.2f} of its time")


def on_hostile_input(rounds: int) -> None:
    """Show what was made to keep a validator busy costs at most."""
    for name, make in HOSTILE.items():
        target, trust, question = make()
        slowest = max(seconds(lambda: validate(target, trust, question)) for _ in range(rounds))  # noqa: B023 - used at once
        print(f"{name.replace('_', ' ')}: {slowest * 1000:.0f} ms")


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    on_chains(rounds)
    on_pkits(rounds)
    on_hostile_input(rounds)


if __name__ == "__main__":
    main()
