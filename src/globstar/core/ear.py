"""Listening to what a channel says, for detectors: 20 ms on every tick, silence where the endpoint sends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from globstar.core.audiotap import BLOCK_MS, AudioTap
from globstar.core.format import slin_for_rate
from globstar.core.frame import Frame, FrameType
from globstar.core.silence import sending_silence

if TYPE_CHECKING:
    from globstar.core.channel import Channel

#: Ticks without a packet after which the endpoint is taken to be silent; fewer are packets that come late.
_LATE_TICKS = 3


class Ear:
    """Calls ``on_sound`` with blocks of 20 ms of signed linear, 8 kHz unless said otherwise, until stopped.

    An endpoint that suppresses silence sends nothing: its silence is given then, the ticks waited for included.
    """

    def __init__(self, channel: Channel, on_sound: Callable[[bytes], object], *, sample_rate: int = 8000) -> None:
        self._channel = channel
        self._on_sound = on_sound
        self._sample_rate = sample_rate
        #: None while it does not run: it refers to this object, and both shall be gone with the call
        self._tap: AudioTap | None = None
        self._silence = bytes(slin_for_rate(sample_rate).bytes_for(BLOCK_MS))
        self._missing = 0

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._tap is not None

    def start(self) -> None:
        """Begin."""
        if self._tap is None and not self._channel.is_hung_up:
            self._tap = AudioTap(self._channel, self._take, sample_rate=self._sample_rate)
            self._tap.start()

    def stop(self) -> None:
        """End it; a second call does nothing."""
        tap, self._tap = self._tap, None
        if tap is not None:
            tap.stop()

    def _take(self, said: bytes | None, heard: bytes | None) -> None:
        if said is not None:
            self._missing = 0
            self._on_sound(said)
            return
        self._missing += 1
        if self._missing < _LATE_TICKS:
            return
        for _ in range(_LATE_TICKS if self._missing == _LATE_TICKS else 1):
            self._on_sound(self._silence)


async def listen(
    channel: Channel,
    on_sound: Callable[[bytes], Any],
    *,
    seconds: float | None = None,
    ended: asyncio.Future[None] | None = None,
    on_digit: Callable[[str], Any] | None = None,
) -> Any:
    """Give what the channel says to ``on_sound`` until it, or ``on_digit``, returns something other than None, and return that.

    None after ``seconds``, and when ``ended`` is done. Raises ``ChannelGone``. Only the owner's task may call this.
    """
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def settle(result: Any) -> None:
        if not done.done():
            done.set_result(result)

    def hear(data: bytes) -> None:
        if done.done():
            return
        result = on_sound(data)
        if result is not None:
            settle(result)

    def take(frame: Frame) -> Any:
        if on_digit is not None and frame.type is FrameType.DTMF_END:
            return on_digit(frame.digit)
        return None

    def end(_: asyncio.Future[None]) -> None:
        settle(None)

    ear = Ear(channel, hear)
    timer = channel.system.loop.call_later(seconds, settle, None) if seconds else None
    if ended is not None:
        ended.add_done_callback(end)
    ear.start()
    try:
        with sending_silence(channel):
            return await channel.wait_for(done, take)
    finally:
        ear.stop()
        if timer is not None:
            timer.cancel()
        if ended is not None:
            ended.remove_done_callback(end)
