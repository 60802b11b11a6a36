"""How a conference is mixed, and what each member gives to it and hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.base.errors import LocalFault

if TYPE_CHECKING:
    from globstar.core.bridge import BridgeMember

#: The intervals at which Asterisk's conferences can be mixed, ms.
INTERVALS_MS = (10, 20, 40, 60, 80)


@dataclass(frozen=True, slots=True)
class BridgeMix:
    """How a bridge mixes.

    Everybody is mixed at the rate of its own codec, and rates meet in the sum. ``internal_rate`` (Hz) makes that rate the
    highest one, ``maximum_rate`` does so too; 0 sets no bound.
    """

    interval_ms: int = 20
    internal_rate: int = 0
    maximum_rate: int = 0

    def __post_init__(self) -> None:
        if self.interval_ms not in INTERVALS_MS:
            raise LocalFault(f"{self.interval_ms} ms is no mixing interval: {', '.join(map(str, INTERVALS_MS))}")

    @property
    def highest_rate(self) -> int:
        """The rate above which nobody is mixed; 0: none."""
        bounds = [rate for rate in (self.internal_rate, self.maximum_rate) if rate]
        return min(bounds, default=0)


PLAIN_BRIDGE_MIX = BridgeMix()


@dataclass(frozen=True, slots=True)
class MemberMix:
    """What one member gives to a mix and hears of it.

    ``is_muted``: nobody hears it; ``is_deaf``: it hears silence. ``gain_in`` and ``gain_out`` are factors for what it says and
    hears. ``drops_silence``: it is mixed only while it talks.

    Talking begins with a step whose mean absolute sample is ``talking_threshold`` or more, and ends after ``silence_ms`` below
    it; ``on_talking`` is told of both.
    """

    is_muted: bool = False
    is_deaf: bool = False
    gain_in: float = 1.0
    gain_out: float = 1.0
    drops_silence: bool = False
    talking_threshold: int = 160
    silence_ms: int = 2500
    on_talking: Callable[[BridgeMember, bool], None] | None = None

    @property
    def detects_talking(self) -> bool:
        """Whether somebody must look at its level."""
        return self.drops_silence or self.on_talking is not None

    def special(self) -> str | None:
        """Why its audio cannot simply be passed on; None if it can."""
        if self.is_muted:
            return "is muted"
        if self.is_deaf:
            return "is deaf"
        if self.gain_in != 1.0 or self.gain_out != 1.0:
            return "has a volume of its own"
        if self.detects_talking:
            return "is listened to for talking"
        return None


PLAIN_MIX = MemberMix()
