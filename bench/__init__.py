"""Measures the server against its performance budgets: `make bench`."""
