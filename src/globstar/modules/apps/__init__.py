"""Applications, one small file per module."""
