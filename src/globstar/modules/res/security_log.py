"""Security Event Logging."""

from __future__ import annotations

from globstar.core.security import LOG_SERVICE
from globstar.core.system import System


def load(system: System) -> None:
    """Security events are written to the log channels of level ``security``."""
    system.services[LOG_SERVICE] = True


def unload(system: System) -> None:
    """They are told on the bus alone."""
    system.services.pop(LOG_SERVICE, None)
