"""Rehearsals: whether something would be made is asked before its key is, and nothing is written for that."""

from es_pki.values import Template


def unwritten(_template: Template) -> bytes:
    """Stand for the encoder of to-be-signed certificates."""
    return b""
