"""The command line: server side, remote and local consoles, and the core's own commands."""
