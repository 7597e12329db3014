"""The outside world, one thing each: HTTP, keys, X.509 bytes, view stores, the command line, the clock."""
