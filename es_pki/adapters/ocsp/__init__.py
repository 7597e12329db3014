"""OCSP: whether a certificate still holds, asked by anybody and answered for its authority (RFC 6960, 5019, 9654)."""
