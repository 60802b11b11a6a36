"""Recording what a channel says into sound files, with silence and key detection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.channel import ChannelGone
from globstar.core.format import slin
from globstar.core.frame import Frame, FrameType
from globstar.core.soundfile import SoundFault, SoundWriter
from globstar.dsp.level import SilenceDetector

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("app")


class RecordEnd(Enum):
    """Why a recording ended."""

    DIGIT = "digit"
    SILENCE = "silence"
    TIMEOUT = "timeout"
    HANGUP = "hangup"
    FAILED = "failed"


@dataclass(slots=True)
class RecordResult:
    """What came of a recording: why it ended, which digit ended it, how long it is."""

    end: RecordEnd
    digit: str
    duration_ms: int
    silence_ms: int


async def record(
    channel: Channel,
    writers: Sequence[SoundWriter],
    *,
    maximum_seconds: float = 0,
    silence_seconds: float = 0,
    silence_threshold: int = 256,
    stop_on: str = "#",
    cut_silence: bool = True,
    on_digit: Callable[[str], bool] | None = None,
) -> RecordResult:
    """Write the channel's voice to all ``writers`` until a key, silence, the time limit or the hang-up; closes them.

    A digit in ``stop_on`` ends it; ``on_digit`` may end it by returning True. With ``cut_silence`` the silence that ended
    it is cut off the files again.
    """
    channel.set_read_format(channel.raw_read_format)
    system = channel.system
    paths = [system.translation.build_path(channel.read_format, w.format) for w in writers]
    detector = SilenceDetector(threshold=silence_threshold) if silence_seconds else None
    to_slin = system.translation.build_path(channel.read_format, slin) if detector is not None else None
    duration_ms = 0.0
    silence_ms = 0

    def take(frame: Frame) -> RecordEnd | str | None:
        nonlocal duration_ms, silence_ms
        if frame.type is FrameType.DTMF_END:
            digit = frame.digit
            if digit in stop_on or (on_digit is not None and on_digit(digit)):
                return digit
            return None
        if frame.type is not FrameType.VOICE or frame.format is None:
            return None
        try:
            for writer, path in zip(writers, paths, strict=True):
                translated = frame if frame.format.codec is writer.format.codec else path.translate(frame) if path else None
                if translated is not None:
                    writer.write(translated)
        except SoundFault as fault:
            logger.error(f"recording of {channel.name} failed: {fault}")
            return RecordEnd.FAILED
        duration_ms += frame.samples * 1000 / frame.format.codec.clock_rate
        if detector is not None:
            sound = frame if frame.format.codec is slin.codec else to_slin.translate(frame) if to_slin else None
            if sound is not None:
                detector.receive(sound.data)
                silence_ms = detector.silence_ms
                if silence_ms >= silence_seconds * 1000:
                    return RecordEnd.SILENCE
        return None

    digit = ""
    try:
        outcome = await channel.wait(take, maximum_seconds or None)
        if isinstance(outcome, RecordEnd):
            end = outcome
        elif outcome is None:
            end = RecordEnd.TIMEOUT
        else:
            end, digit = RecordEnd.DIGIT, outcome
    except ChannelGone:
        end = RecordEnd.HANGUP
    finally:
        for writer in writers:
            if detector is not None and cut_silence and silence_ms:
                kept = max(0, writer.tell_ms() - silence_ms)
                writer.truncate(kept * writer.format.sample_rate // 1000)
            try:
                await writer.aclose()
            except SoundFault as fault:
                logger.error(f"recording of {channel.name}: {fault}")
    return RecordResult(end, digit, round(duration_ms), silence_ms)
