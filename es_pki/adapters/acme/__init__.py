"""ACME (RFC 8555): an asynchronous client, and what keeps accounts and orders going with it.

`messages.py` what is said, `jws.py` how it is signed, `transport.py` how it is sent (nonces, retries, time limits),
`directory.py` the protocol's operations, `problems.py` everything that can go wrong, `pacing.py` when to ask again.
"""
