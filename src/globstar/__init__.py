"""Globstar: an open telephony server, a drop-in for Asterisk."""

__version__ = "0.1.0"

#: The Asterisk release whose behaviour is matched; reported where clients check a version.
ASTERISK_VERSION = "23.4.1"
