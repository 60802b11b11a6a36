"""Globstar: an open telephony server, a drop-in for Asterisk.

What call flows in Python need is here by name; see ``globstar.flows``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

#: The Asterisk release whose behaviour is matched; reported where clients check a version.
ASTERISK_VERSION = "23.4.1"

__all__ = [
    "ASTERISK_VERSION",
    "CallFailed",
    "Channel",
    "DialResult",
    "HungUp",
    "Options",
    "Recording",
    "SoundMissing",
    "__version__",
    "application",
    "flag",
    "function",
    "value",
]

if TYPE_CHECKING:
    from globstar.flows import (
        CallFailed,
        Channel,
        DialResult,
        HungUp,
        Options,
        Recording,
        SoundMissing,
        application,
        flag,
        function,
        value,
    )
else:

    def __getattr__(name: str) -> object:
        """Load the flows when somebody asks for them, and not before: the server starts without."""
        if name in __all__:
            import globstar.flows

            return getattr(globstar.flows, name)
        raise AttributeError(f"module 'globstar' has no attribute '{name}'")
