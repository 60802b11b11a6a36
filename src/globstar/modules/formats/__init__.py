"""File formats, one small file per module."""
