"""Keys by which who hears music changes to another class."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.core.frame import Frame, FrameType
from globstar.core.generator import Generator

if TYPE_CHECKING:
    from globstar.core.channel import Channel

#: Told the channel and the key that was pressed while it heard music.
OnKey = Callable[["Channel", str], object]


class MusicListener(Generator):
    """What a channel hears; ``on_key`` is told every key that comes meanwhile, which goes its usual way as well."""

    __slots__ = ("_on_key",)

    def __init__(self, on_key: OnKey | None = None) -> None:
        super().__init__()
        self._on_key = on_key

    def opened(self, channel: Channel) -> None:
        """Watch the keys."""
        if self._on_key is not None:
            channel.add_signal_hook(self._watch)

    def closed(self) -> None:
        """Watch no more."""
        if self._on_key is not None and self.channel is not None:
            self.channel.remove_signal_hook(self._watch)

    def _watch(self, frame: Frame, is_read: bool) -> Frame:
        if is_read and frame.type is FrameType.DTMF_END and self._on_key is not None and self.channel is not None:
            self._on_key(self.channel, frame.digit)
        return frame
