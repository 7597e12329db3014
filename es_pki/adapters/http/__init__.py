"""HTTP: the management API over HTTPS and the public listener over HTTP. `routes.py` is the table of all of it."""
