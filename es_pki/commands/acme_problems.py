"""What a problem of a directory says about who can do something about it, by its type (RFC 8555 section 6.7)."""

from es_pki.values.acme import ACME_REFUSED_HERE, ACMEProblem

_RFC_8555 = "urn:ietf:params:acme:error:"

_ASKED_WRONGLY = frozenset(
    f"{_RFC_8555}{name}"
    for name in (
        "accountDoesNotExist",
        "badCSR",
        "badPublicKey",
        "badSignatureAlgorithm",
        "caa",
        "externalAccountRequired",
        "invalidContact",
        "invalidProfile",
        "malformed",
        "rejectedIdentifier",
        "unsupportedContact",
        "unsupportedIdentifier",
        "userActionRequired",
    )
)
"""The directory will answer so again until somebody changes something: the wish, the account, or what DNS says."""


_OF_DIRECTORY = frozenset(
    {
        *(
            f"{_RFC_8555}{name}"
            for name in (
                "accountDoesNotExist",
                "badNonce",
                "badPublicKey",
                "caa",
                "externalAccountRequired",
                "invalidProfile",
                "rateLimited",
                "rejectedIdentifier",
                "serverInternal",
                "unsupportedIdentifier",
                "userActionRequired",
            )
        ),
        *(
            f"urn:es-pki:acme:{name}"
            for name in ("failing", "malformed-answer", "no-challenge", "slow", "unreachable", "untrusted")
        ),
    }
)
"""Another directory may well answer otherwise: this one is away or busy, or doesn't want this name, key or account."""


def is_of_directory(problem: ACMEProblem) -> bool:
    """Tell whether it is a directory's own affair, rather than the name's, whose proof failed, or the wish's."""
    return problem.type in _OF_DIRECTORY


def is_lasting(problem: ACMEProblem) -> bool:
    """Tell whether nothing changes by itself, so that it is no use to ask again soon."""
    return problem.type == ACME_REFUSED_HERE or problem.type in _ASKED_WRONGLY
