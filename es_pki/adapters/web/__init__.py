"""The web page: static files and their handlers. It is a client of the API like any other."""
