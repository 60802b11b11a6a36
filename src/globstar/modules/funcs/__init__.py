"""Dialplan functions, one small file per module."""
