"""The view stores: rows with all their versions, so that every query may ask about the past."""

from es_pki.adapters.views.follower import Follower
from es_pki.adapters.views.store import ROWS_AT_ONCE, BadQuery, Query, Rows, ViewStore, every_row

__all__ = ["ROWS_AT_ONCE", "BadQuery", "Follower", "Query", "Rows", "ViewStore", "every_row"]
