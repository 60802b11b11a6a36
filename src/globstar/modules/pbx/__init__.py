"""Dialplan sources, one small file per module."""
