"""The reports of the PKI. Each file is one view: Row, key, evolve, `view`; pure, rebuilt at any time from the log.

A view shows and decides nothing. Rows may be queried as of any position: the store keeps every version of a row.
"""
