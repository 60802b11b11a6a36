"""Bridge technologies, one small file per module."""
