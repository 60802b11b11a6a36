"""States of media for test systems (``testevents = yes`` of asterisk.conf)."""

from __future__ import annotations

from globstar.core.system import System
from globstar.core.testevents import tell_state
from globstar.media.engine import RtpEngine


def follow(system: System, engine: RtpEngine) -> None:
    """Tell of ports, of the learning of sources and of check lists from now on."""

    def tell_of_media(state: str, **fields: object) -> None:
        tell_state(system, state, None, **fields)

    engine.tell = tell_of_media
