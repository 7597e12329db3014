"""openssl as the judge of NIST PKITS and of our CRLs: where it and NIST agree, so do we."""

import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from es_pki.adapters.validation import RevocationMode, validate
from es_pki.adapters.x509.formats import pem
from tests.adapters.validation.chains import asked, authority, crl, scope, server, trust
from tests.adapters.validation.test_pkits import CASES, TIME
from tests.builders import NOW

SECTIONS = {"1", "2", "3", "6", "7", "8", "9", "10", "12", "13"}
UNLIKE_NIST = {"4.12.9"}
"""Where openssl 3.0 answers otherwise than NIST: it finds the authorities' policy and no user's."""

SAMPLE = [case for case in CASES if case.number.split(".")[1] in SECTIONS and case.number not in UNLIKE_NIST][::6]


def verifies(folder, time, target, anchors, untrusted, lists, *options):
    """Tell whether openssl accepts a certificate."""
    for name, content in (("target", target), ("anchors", anchors), ("untrusted", untrusted), ("crls", lists)):
        (folder / name).write_text(content)
    command = [
        "openssl",
        "verify",
        "-attime",
        str(int(time.timestamp())),
        "-crl_check_all",
        "-no-CApath",
        "-no-CAstore",
    ]
    for option, name in (("-CAfile", "anchors"), ("-untrusted", "untrusted"), ("-CRLfile", "crls")):
        command += [option, str(folder / name)] if (folder / name).read_text() else []
    command += [*options, str(folder / "target")]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def options_of(case):
    """What openssl calls the inputs of a case."""
    named = {case.inputs.explicit: "-explicit_policy", case.inputs.mapping_inhibited: "-inhibit_map"}
    options = ["-policy_check", *(option for is_set, option in named.items() if is_set)]
    options += ["-inhibit_any"] if case.inputs.any_inhibited else []
    for policy in sorted(case.inputs.acceptable - {"2.5.29.32.0"}):
        options += ["-policy", policy]
    return options


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: f"{case.number}-{case.name}")
def test_openssl_answers_a_sample_of_the_suite_like_us(pkits, tmp_path, case):
    target = pkits.certificates[f"{case.name}EE"]
    question = asked(time=TIME, revocation=RevocationMode.HARD, policies=case.inputs)
    verdict = validate(target, pkits.trust, question)
    above = "".join(pem(each.der) for each in verdict.path[1:-1])
    names = {each.issuer for each in verdict.path}
    lists = "".join(
        each.crl.public_bytes(Encoding.PEM).decode() for each in pkits.crls.values() if each.issuer in names
    )
    root = pem(pkits.certificates["TrustAnchorRootCertificate"].der)
    options = options_of(case)
    if case.inputs.acceptable != {"2.5.29.32.0"}:
        options.append("-explicit_policy")  # openssl looks at the acceptable policies only then
    assert verifies(tmp_path, TIME, pem(target.der), root, above, lists, *options) == verdict.is_valid


ROOT = authority("root")
INTERMEDIATE = authority("intermediate", ROOT, serial_number=9)
LEAF = server(INTERMEDIATE, serial_number=7)


@pytest.mark.parametrize(
    "lists",
    [
        (crl(ROOT), crl(INTERMEDIATE)),
        (crl(ROOT, 9), crl(INTERMEDIATE)),
        (crl(ROOT), crl(INTERMEDIATE, 7)),
        (crl(ROOT),),
        (crl(ROOT, scope=scope(only_contains_ca_certs=True)), crl(INTERMEDIATE)),
        (crl(ROOT, scope=scope(only_contains_user_certs=True)), crl(INTERMEDIATE)),
    ],
)
def test_openssl_reads_our_crls_like_us(tmp_path, lists):
    verdict = validate(
        LEAF.parsed, trust(ROOT, pool=(INTERMEDIATE,), crls=lists), asked(revocation=RevocationMode.HARD)
    )
    armoured = "".join(
        each.crl.public_bytes(Encoding.PEM).decode()
        for issuer in (ROOT, INTERMEDIATE)
        for each in trust(ROOT, crls=lists).evidence.crls_of(issuer.parsed.subject)
    )
    texts = [pem(each.der) for each in (LEAF, ROOT, INTERMEDIATE)]
    assert verifies(tmp_path, NOW, *texts, armoured) == verdict.is_valid
