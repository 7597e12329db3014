"""Facts, one file per aggregate: data only, past tense, and on disk for ever.

Four rules keep old logs readable: a new field has a default; no field changes its type or meaning; a new meaning is
a new event (or `.v2` with an upcast); a golden file is never edited.
"""
