"""Revocation lists: what they list, how they are made, and the newest ones ready to be served."""

from es_pki.adapters.crls.maker import CRLPlan, Made, Maker
from es_pki.adapters.crls.publisher import Publisher

__all__ = ["CRLPlan", "Made", "Maker", "Publisher"]
