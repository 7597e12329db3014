"""The rules of the PKI. Each aggregate's file reads: commands, refusals, State and evolve, decide, `decider`.

Everything here is pure: time, ids, serial numbers and public keys come with the command.
"""
