"""Every rule of validations, for the manual and the tests."""

from es_pki.adapters.validation.crl_rules import AGE, DELTA, ENTRIES, SCOPE
from es_pki.adapters.validation.crl_signer import SIGNER
from es_pki.adapters.validation.link import ADVICE, AUTHORITY, CHEAP, SIGNATURE
from es_pki.adapters.validation.ocsp import ANSWER
from es_pki.adapters.validation.ocsp_check import KNOWS, RESPONDER
from es_pki.adapters.validation.question import RevocationMode
from es_pki.adapters.validation.revocation import REVOCATION
from es_pki.adapters.validation.target import TARGET, TARGET_ADVICE
from es_pki.adapters.validation.validator import ANCHOR_REACHED, BUDGET
from es_pki.adapters.validation.walk import ANCHOR, ISSUING_ANCHOR

OF_CRLS = (*SCOPE, *AGE, *DELTA, ENTRIES, *SIGNER)
OF_RESPONSES = (*ANSWER, *RESPONDER, KNOWS)
OF_PATHS = (*CHEAP, *AUTHORITY, *SIGNATURE, *ADVICE, *TARGET, *TARGET_ADVICE, *ANCHOR, *ISSUING_ANCHOR)
ALL = (*OF_PATHS, BUDGET, ANCHOR_REACHED, *REVOCATION[RevocationMode.HARD], *OF_CRLS, *OF_RESPONSES)
