"""Changing one direction of a channel's audio, whatever its codec: a hook that works on signed linear."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.format import Format, slin_for_rate
from globstar.core.frame import Frame, voice

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.translate import TranslationPath

logger = Logger("audiohook")

#: ``process(data, sample_rate)``: samples in, as many samples out.
Process = Callable[[bytes, int], bytes]


class AudioFilter:
    """A frame hook: decodes, calls ``process``, encodes. Translators are made once for each format.

    ``is_heard`` says that it works on what the endpoint hears: then it encodes as the endpoint wants it. Frames pass as they are
    while ``is_idle`` says so, and where no translators lead to signed linear, which is told once.
    """

    __slots__ = ("_format", "_from_linear", "_is_possible", "_to_linear", "channel", "is_heard", "is_idle", "process")

    def __init__(self, channel: Channel, process: Process, *, is_heard: bool = False) -> None:
        self.channel = channel
        self.process = process
        self.is_heard = is_heard
        self.is_idle = False
        self._format: Format | None = None
        self._to_linear: TranslationPath | None = None
        self._from_linear: TranslationPath | None = None
        self._is_possible = True

    def take(self, frame: Frame) -> Frame | None:
        """The hook; None while a codec gathers a whole frame."""
        format_ = frame.format
        if self.is_idle or format_ is None:
            return frame
        if format_ is not self._format:
            self._build(format_)
        if not self._is_possible:
            return frame
        if self._to_linear is None or self._from_linear is None:
            return _with(frame, self.process(frame.data, format_.sample_rate), frame)
        linear = self._to_linear.translate(frame)
        if linear is None:
            return None
        assert linear.format is not None
        changed = self._from_linear.translate(_with(linear, self.process(linear.data, linear.format.sample_rate), linear))
        return _with(changed, changed.data, frame) if changed is not None else None

    def end(self) -> None:
        """Change nothing any more, and let go of what did."""
        self.is_idle, self.process = True, _unchanged

    def _build(self, format_: Format) -> None:
        self._format = format_
        self._to_linear = self._from_linear = None
        self._is_possible = True
        if format_.is_slin:
            return
        linear = slin_for_rate(format_.sample_rate)
        translation = self.channel.system.translation
        self._to_linear = translation.build_path(format_, linear)
        wanted = self.channel.raw_write_format
        self._from_linear = translation.build_path(linear, wanted if self.is_heard and wanted.codec is format_.codec else format_)
        if self._to_linear is None or self._from_linear is None:
            self._is_possible = False
            logger.warning(f"{self.channel.name}: audio of {format_} cannot be changed, since it cannot be translated")


def _unchanged(data: bytes, _sample_rate: int) -> bytes:
    return data


def _with(frame: Frame, data: bytes, origin: Frame) -> Frame:
    """Other samples in the place of ``origin``'s."""
    assert frame.format is not None
    changed = voice(frame.format, data, frame.samples)
    changed.rtp_time, changed.seq, changed.marker = origin.rtp_time, origin.seq, origin.marker
    return changed
