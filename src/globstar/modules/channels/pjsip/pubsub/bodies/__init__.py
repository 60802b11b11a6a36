"""Bodies of notifications, one content type each."""
