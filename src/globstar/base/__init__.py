"""Foundations without dependencies: errors, logging, task ownership, ids."""
