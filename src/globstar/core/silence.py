"""Digital silence to who waits, so that the stream to it goes on (``transmit_silence`` of asterisk.conf)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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


#: nothing is sent
_NOTHING = nullcontext()


def sending_silence(channel: Channel) -> AbstractContextManager[None]:
    """Send silence, if that is wanted at all, to a channel that is up and hears nothing else.

    What is played meanwhile takes its place.
    """
    if not channel.system.options.transmit_silence or channel.answered_at is None or channel.generator is not None:
        return _NOTHING
    return _sending(channel, Silence())


@contextmanager
def _sending(channel: Channel, silence: Silence) -> Iterator[None]:
    channel.start_generator(silence)
    try:
        yield
    finally:
        if channel.generator is silence:
            channel.stop_generator()
