"""CDR writers, one small file per module."""
