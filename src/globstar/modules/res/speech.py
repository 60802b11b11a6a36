"""Generic Speech Recognition API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.speech import SpeechEngines

if TYPE_CHECKING:
    from globstar.core.system import System

SERVICE = "speech engines"


async def load(system: System) -> None:
    """Be ready for engines."""
    system.services[SERVICE] = SpeechEngines()


async def unload(system: System) -> None:
    """No engine is offered any more."""
    system.services.pop(SERVICE, None)
