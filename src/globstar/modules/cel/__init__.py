"""CEL writers, one small file per module."""
