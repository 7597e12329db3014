"""Notices: told to channels, each once. The rules of what is due stand in `commands/notices_due.py`."""
