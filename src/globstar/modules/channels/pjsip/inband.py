"""Digits that come as tones in the audio (dtmf_mode=inband, or auto without telephone-event).

As in Asterisk nobody else hears the tone once it has been found: the digit goes on in the way of whom it is for, and would be
there twice otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.format import Format, slin
from globstar.core.frame import Frame, FrameType, digit_begin, digit_end
from globstar.core.translate import TranslationPath
from globstar.dsp.dtmf import DEFAULT_SETTINGS, DigitBegan, DtmfDetector, DtmfSettings

if TYPE_CHECKING:
    from globstar.core.channel import Channel


class ToneWatcher:
    """A hook on a channel's incoming audio that finds digits; the audio goes on as it is, but for their tones."""

    __slots__ = ("_channel", "_detector", "_format", "_is_tone", "_path", "_silence", "is_relaxed")

    def __init__(self, channel: Channel, *, is_relaxed: bool = False) -> None:
        self._channel = channel
        #: the ``relax_dtmf_...`` of dsp.conf count
        self.is_relaxed = is_relaxed
        settings = channel.system.service("dtmf settings", DtmfSettings) or DEFAULT_SETTINGS
        self._detector = DtmfDetector(settings=settings, relax=is_relaxed)
        self._path: TranslationPath | None = None
        self._format = slin
        self._is_tone = False
        #: silence of a format, and how many samples it lasts
        self._silence: tuple[Format, int, bytes] | None = None

    def __call__(self, frame: Frame) -> Frame:
        """Look at one frame."""
        plain: Frame | None = frame
        if frame.format is not None and frame.format.codec is not slin.codec:
            if self._path is None or frame.format is not self._format:
                self._path = self._channel.system.translation.build_path(frame.format, slin)
                self._format = frame.format
            plain = self._path.translate(frame) if self._path is not None else None
        has_tone = self._is_tone
        if plain is not None:
            for event in self._detector.receive(plain.data):
                self._is_tone = isinstance(event, DigitBegan)
                if isinstance(event, DigitBegan):
                    has_tone = True
                    self._channel.deliver(digit_begin(event.digit))
                else:
                    self._channel.deliver(digit_end(event.digit, event.duration_ms))
        return self._silenced(frame) if has_tone else frame

    def _silenced(self, frame: Frame) -> Frame:
        """Silence in place of a frame."""
        format, samples = frame.format or slin, frame.samples
        if self._silence is None or self._silence[:2] != (format, samples):
            self._silence = (format, samples, self._make_silence(format, samples))
        data = self._silence[2]
        if not data:  # nothing leads to this format
            return frame
        return Frame(
            FrameType.VOICE, 0, data, format=format, samples=samples, rtp_time=frame.rtp_time, seq=frame.seq, marker=frame.marker,
            source=frame.source,
        )  # fmt: skip

    def _make_silence(self, format: Format, samples: int) -> bytes:
        """A packet of silence; b"" if it cannot be made."""
        zeros = bytes(2 * (samples * slin.sample_rate // format.sample_rate))
        if format.codec is slin.codec:
            return zeros
        path = self._channel.system.translation.build_path(slin, format)
        packets = [path.translate_bytes(zeros) for _ in range(4)] if path is not None else []
        return packets[-1] if packets else b""
