"""Generators: what writes media to a channel by itself on the media tick (tones, files, music, silence)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.core.channelstate import NoTranslation
from globstar.core.frame import Frame, FrameType

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("channel")

_NULL = FrameType.NULL


class Generator:
    """Writes one frame to its channel per tick until :meth:`next_frame` gives None or it is stopped.

    ``on_end`` is called once, when it ran out by itself or failed. A generator that follows another without waiting
    follows without a gap.
    """

    __slots__ = ("_is_running", "channel", "on_end")

    def __init__(self, on_end: Callable[[], None] | None = None) -> None:
        self.channel: Channel | None = None
        self.on_end = on_end
        self._is_running = False

    def start(self, channel: Channel) -> None:
        """Begin to write to ``channel``; called by ``channel.start_generator``."""
        self.channel = channel
        self.opened(channel)
        self._is_running = True
        channel.system.ticker.add(self._tick, joins=True)

    def stop(self) -> None:
        """Stop writing; called by ``channel.stop_generator``."""
        if self._is_running and self.channel is not None:
            self._is_running = False
            self.channel.system.ticker.remove(self._tick)
            self.closed()

    def _tick(self) -> None:
        channel = self.channel
        if channel is None or not self._is_running:
            return
        try:
            frame = self.next_frame()
            if frame is not None:
                if frame.type is not _NULL:
                    channel.write(frame)
                return
        except GlobstarError as error:
            logger.warning(str(error) if isinstance(error, NoTranslation) else f"{channel.name}: {error}")
        except Exception:  # nobody must wait for ever for the end of what cannot go on; the ticker logs it
            self._end(channel)
            raise
        self._end(channel)

    def _end(self, channel: Channel) -> None:
        is_last = channel.generator is self
        if is_last:
            channel.generator = None
        self.stop()
        if is_last:
            channel.finish_writing()
        if is_last and channel.bridge_member is not None:
            channel.bridge_member.generator_changed()
        if self.on_end is not None:
            self.on_end()

    def opened(self, channel: Channel) -> None:
        """Prepare for ``channel``: choose the format, reset the phase."""

    def closed(self) -> None:
        """Free what :meth:`opened` took."""

    def next_frame(self) -> Frame | None:
        """The next 20 ms; an empty frame (NULL) when nothing is to be sent in this tick, None when there is no more."""
        return None
