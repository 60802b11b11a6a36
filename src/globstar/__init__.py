"""Globstar: an open telephony server, a drop-in for Asterisk."""

__version__ = "0.1.0"
