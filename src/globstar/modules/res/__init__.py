"""Resources, one small file per module."""
