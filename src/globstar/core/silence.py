"""Digital silence to who waits, so that the stream to it goes on (``transmit_silence`` of asterisk.conf)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from globstar.core.format import slin
from globstar.core.frame import Frame, voice
from globstar.core.generator import Generator

if TYPE_CHECKING:
    from globstar.core.channel import Channel

_SAMPLES = slin.sample_rate // 50


class Silence(Generator):
    """Silence until it is stopped."""

    __slots__ = ()

    def next_frame(self) -> Frame | None:
        """The next 20 ms."""
        return voice(slin, bytes(2 * _SAMPLES), _SAMPLES)


@contextmanager
def sending_silence(channel: Channel) -> Iterator[None]:
    """Send silence to a channel that is up and hears nothing else; what is played meanwhile takes its place."""
    silence = Silence() if channel.answered_at is not None and channel.generator is None else None
    if silence is not None:
        channel.start_generator(silence)
    try:
        yield
    finally:
        if silence is not None and channel.generator is silence:
            channel.stop_generator()
