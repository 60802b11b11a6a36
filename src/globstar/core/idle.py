"""What who waits in a holding bridge hears meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Entertainment(Enum):
    """Kinds of waiting; the values are the letters that applications take for them."""

    MUSIC = "m"
    RINGING = "r"
    SILENCE = "s"
    HOLD = "h"
    NONE = "n"


@dataclass(frozen=True, slots=True)
class IdleMode:
    """What a participant of a holding bridge hears while there is no announcer."""

    entertainment: Entertainment
    music_class: str = ""
