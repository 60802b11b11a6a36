"""The configuration that Globstar starts with when there is none."""
