"""Codecs, one small file per module."""
