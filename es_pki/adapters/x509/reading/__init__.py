"""What was made elsewhere, read to the last field: certificates, chains and private keys in any usual form.

All of it comes from outside and may be anything, so it runs in a worker (`adapters/worker`). What is no well-formed,
sound certificate or key is refused with its field; no answer repeats what was sent.
"""
