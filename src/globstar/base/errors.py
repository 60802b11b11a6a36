"""The two kinds of fault: ours to fix, and theirs to be told."""

from __future__ import annotations


class GlobstarError(Exception):
    """Root of all errors that Globstar raises on purpose."""


class LocalFault(GlobstarError):
    """A caller inside this program misused an interface; a bug here."""


class RemoteFault(GlobstarError):
    """Input from outside (network, file, user) cannot be used; the input is at fault."""
