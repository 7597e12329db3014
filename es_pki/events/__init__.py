"""Facts, one file per aggregate: data only, past tense, and on disk for ever.

Four rules keep old logs readable: a new field has a default; no field changes its type or meaning; a new meaning is
a new event (or `.v2` with an upcast); a golden file is never edited.

A field that names a key of the key store is called `key_id`; `key_ids` are keys that are to be removed, or were. By
these names a backup is judged to have every key that its log relies on.
"""
