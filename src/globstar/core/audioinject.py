"""Speaking in the place of a channel: sound that is mixed into what its endpoint says, or is said alone where that is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.audiofeed import AudioFeed

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.format import Format
    from globstar.core.frame import Frame


class AudioInjection(AudioFeed):
    """An :class:`AudioFeed` in the other direction: those hear it who hear ``channel``."""

    _IS_HEARD = False

    def __init__(self, channel: Channel, *, sample_rate: int = 8000, limit_ms: int = 200) -> None:
        super().__init__(channel, sample_rate=sample_rate, limit_ms=limit_ms)
        self._is_own = False

    def _attach(self) -> None:
        self.channel.add_read_hook(self._take, first=True)

    def _take(self, frame: Frame) -> Frame | None:
        return frame if self._is_own else super()._take(frame)

    def _target(self) -> Format:
        return self.channel.raw_read_format

    def _send(self, frame: Frame) -> None:
        self._is_own = True
        try:
            self.channel.deliver(frame)
        finally:
            self._is_own = False
