"""Why an order doesn't come to its end: everything that a validator and a directory look at, looked at from here.

`report.py` what is found, `explanations.py` problems in plain words, `names.py` DNS and port 80, `debugger.py` all.
"""
