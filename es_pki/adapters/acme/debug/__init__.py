"""Why an order doesn't come to its end: everything that a validator and a directory look at, looked at from here.

`report.py` what is found, `explanations.py` problems in plain words, `directory.py` whom we talk to, `names.py`,
`caa.py` and `records.py` DNS, `port_80.py` and `port_443.py` who answers, `history.py` the week before,
`debugger.py` all together.
"""
