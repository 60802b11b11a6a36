"""Consumers of the core: the command line, and later AMI, AGI, ARI and HTTP."""
