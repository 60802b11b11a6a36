"""Digits that come as tones in the audio (dtmf_mode=inband, or auto without telephone-event)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.format import slin
from globstar.core.frame import Frame, digit_begin, digit_end
from globstar.core.translate import TranslationPath
from globstar.dsp.dtmf import DEFAULT_SETTINGS, DigitBegan, DtmfDetector, DtmfSettings

if TYPE_CHECKING:
    from globstar.core.channel import Channel


class ToneWatcher:
    """A hook on a channel's incoming audio that finds digits; the audio goes on as it is."""

    __slots__ = ("_channel", "_detector", "_format", "_path")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._detector = DtmfDetector(settings=channel.system.service("dtmf settings", DtmfSettings) or DEFAULT_SETTINGS)
        self._path: TranslationPath | None = None
        self._format = slin

    def __call__(self, frame: Frame) -> Frame:
        """Look at one frame."""
        plain: Frame | None = frame
        if frame.format is not None and frame.format.codec is not slin.codec:
            if self._path is None or frame.format is not self._format:
                self._path = self._channel.system.translation.build_path(frame.format, slin)
                self._format = frame.format
            plain = self._path.translate(frame) if self._path is not None else None
        if plain is not None:
            for event in self._detector.receive(plain.data):
                if isinstance(event, DigitBegan):
                    self._channel.deliver(digit_begin(event.digit))
                else:
                    self._channel.deliver(digit_end(event.digit, event.duration_ms))
        return frame
