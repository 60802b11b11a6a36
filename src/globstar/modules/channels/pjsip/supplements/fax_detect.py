"""fax_detect: a caller that sends the tone of a fax goes to the extension ``fax``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.channelstate import ChannelState
from globstar.core.format import slin
from globstar.core.frame import Frame, FrameType
from globstar.core.pbx import when_known
from globstar.core.translate import TranslationPath
from globstar.dsp.faxtone import FaxToneDetector
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg

logger = Logger("chan_pjsip")

EXTENSION = "fax"
#: where a channel keeps its :class:`FaxListener`
_LISTENER = "fax listener"


def listen(channel: Channel, seconds: int) -> None:
    """Listen for a fax on a channel for so many seconds (0: as long as it lasts), if that is not done yet."""
    if not is_listening(channel):
        channel.data[_LISTENER] = FaxListener(channel, seconds)


def stop_listening(channel: Channel) -> None:
    """Listen no longer; nothing where it is not done."""
    listener: FaxListener | None = channel.data.pop(_LISTENER, None)
    if listener is not None:
        listener.stop()


def is_listening(channel: Channel) -> bool:
    """Whether a fax would be found."""
    listener: FaxListener | None = channel.data.get(_LISTENER)
    return listener is not None and listener.is_on


class FaxDetect(Supplement):
    """Listens to the audio of calls of endpoints with fax_detect, for fax_detect_timeout seconds at the most."""

    module = "chan_pjsip"

    def concerns(self, endpoint: EndpointObject) -> bool:
        """Those that want it."""
        return endpoint.fax_detect

    def channel_created(self, leg: Leg, channel: Channel) -> None:
        """Begin to listen."""
        if leg.endpoint.fax_detect:
            listen(channel, leg.endpoint.fax_detect_timeout)

    def channel_ended(self, leg: Leg, channel: Channel) -> None:
        """Nothing more to hear."""
        stop_listening(channel)

    def describe(self) -> dict[str, object]:
        """How many calls are listened to."""
        return {"listening": sum(leg.channel is not None and is_listening(leg.channel) for leg in self.driver.legs)}


class FaxListener:
    """A hook on a channel's incoming audio; the audio goes on as it is."""

    __slots__ = ("_channel", "_detector", "_path", "_timer", "is_on")

    def __init__(self, channel: Channel, seconds: int) -> None:
        self._channel = channel
        self._detector = FaxToneDetector()
        self._path: TranslationPath | None = None
        self.is_on = True
        channel.add_read_hook(self)
        self._timer: asyncio.TimerHandle | None = None
        if seconds:
            self._timer = channel.system.loop.call_later(seconds, self.stop)

    def stop(self) -> None:
        """Listen no longer; a second call does nothing."""
        if self.is_on:
            self.is_on = False
            self._channel.remove_hook(self)
            if self._timer is not None:
                self._timer.cancel()

    def __call__(self, frame: Frame) -> Frame:
        """Look at one frame."""
        if frame.type is not FrameType.VOICE or not self.is_on:
            return frame
        plain: Frame | None = frame
        if frame.format is not None and frame.format.codec is not slin.codec:
            if self._path is None or self._path.source is not frame.format:
                self._path = self._channel.system.translation.build_path(frame.format, slin)
            plain = self._path.translate(frame) if self._path is not None else None
        if plain is not None and self._detector.receive(plain.data):
            self._found()
        return frame

    def _found(self) -> None:
        channel = self._channel
        if channel.state is not ChannelState.UP:
            return  # early media: the tone comes again
        self.stop()
        if channel.extension != EXTENSION:
            when_known(channel, channel.context, EXTENSION, self._go_on)

    def _go_on(self, is_there: bool) -> None:
        channel = self._channel
        if channel.is_hung_up or channel.extension == EXTENSION:
            return
        if not is_there:
            logger.notice(f"FAX CNG detected on '{channel.name}' but no fax extension in '{channel.context}' context")
            return
        logger.verbose(2, f"Redirecting '{channel.name}' to fax extension due to CNG detection")
        channel.set_variable("FAXEXTEN", channel.extension)
        channel.redirect(channel.context, EXTENSION, 1)
