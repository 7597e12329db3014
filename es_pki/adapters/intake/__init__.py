"""The desk where requests come in: read, completed with time, ids, randomness and keys, and handed on as commands.

HTTP, the command line, the scheduler and the first set-up all come here: one door, one set of rules.
"""
