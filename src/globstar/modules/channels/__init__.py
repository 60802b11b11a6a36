"""Channel drivers, one small file per module."""
