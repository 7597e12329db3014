"""The view stores: rows with all their versions, so that every query may ask about the past."""

from es_pki.adapters.views.follower import Follower
from es_pki.adapters.views.store import BadQuery, Query, Rows, ViewStore

__all__ = ["BadQuery", "Follower", "Query", "Rows", "ViewStore"]
