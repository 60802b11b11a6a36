"""The line of a call as SMS uses it: frames go out as FSK and come in as FSK."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from globstar.core.ear import listen
from globstar.core.format import slin
from globstar.core.playback import FilePlayer
from globstar.core.soundfile import whole_blocks
from globstar.dsp.fsk import FskReceiver, modulate
from globstar.proto.sms import FrameKind, FrameReader, SmsFrame, encode_frame

if TYPE_CHECKING:
    from globstar.core.channel import Channel

#: Blocks of 20 ms without a signal after which what began is not going on.
_SILENT_BLOCKS = 5


class SmsLine:
    """One call. Only its owner's task may use it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._receiver = FskReceiver()
        self._reader = FrameReader()
        self._frames: deque[SmsFrame] = deque()
        self._silent_blocks = 0

    async def send(self, kind: FrameKind, payload: bytes = b"") -> None:
        """Send a frame. What comes meanwhile is not heard. Raises ``ChannelGone``."""
        channel = self.channel
        ended: asyncio.Future[None] = channel.system.loop.create_future()

        def end() -> None:
            if not ended.done():
                ended.set_result(None)

        player = FilePlayer(whole_blocks(slin, modulate(encode_frame(kind, payload))).open(), end)
        channel.start_generator(player)
        try:
            await channel.wait_for(ended)
        finally:
            if channel.generator is player:
                channel.stop_generator()
        self._receiver, self._silent_blocks = FskReceiver(), 0
        self._reader.reset()
        self._frames.clear()

    async def receive(self, seconds: float) -> SmsFrame | None:
        """The next frame, whole or damaged; None if none comes in time. Raises ``ChannelGone``."""
        if self._frames:
            return self._frames.popleft()
        frame: SmsFrame | None = await listen(self.channel, self._hear, seconds=seconds)
        return frame

    def _hear(self, block: bytes) -> SmsFrame | None:
        self._frames.extend(self._reader.receive(self._receiver.receive(block)))
        self._silent_blocks = self._silent_blocks + 1 if self._receiver.is_silent else 0
        if not self._frames and self._silent_blocks == _SILENT_BLOCKS:
            return self._reader.reset()
        return self._frames.popleft() if self._frames else None
