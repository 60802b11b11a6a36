"""Recording what a channel says into sound files, with silence and key detection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.channel import ChannelGone, NoTranslation
from globstar.core.format import Format, slin
from globstar.core.frame import Frame, FrameType
from globstar.core.silence import sending_silence
from globstar.core.soundfile import SoundFault, SoundWriter
from globstar.dsp.level import SilenceDetector

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("app")


#: Without a packet for so long an endpoint is taken to be silent, seconds; what is nearer than a tick is now.
_LATE, _TICK = 0.1, 0.001


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


class _Track:
    """One file of a recording, with the translators that lead to its format."""

    __slots__ = ("_translate", "writer")

    def __init__(self, channel: Channel, writer: SoundWriter) -> None:
        self.writer = writer
        self._translate = _translator(channel, writer.format)

    def write(self, frame: Frame) -> None:
        translated = frame if self._translate is None else self._translate(frame)
        if translated is not None:
            self.writer.write(translated)


def _translator(channel: Channel, wanted: Format) -> Callable[[Frame], Frame | None] | None:
    """What makes ``wanted`` of the frames that are read from the channel; None where nothing needs to."""
    if channel.read_format.codec is wanted.codec:
        return None
    path = channel.system.translation.build_path(channel.read_format, wanted)
    if path is None:
        raise NoTranslation(f"{channel.name}: no translators lead from {channel.read_format} to {wanted}")
    return path.translate


async def record(
    channel: Channel,
    writers: Sequence[SoundWriter],
    *,
    maximum_seconds: float = 0,
    silence_seconds: float = 0,
    silence_threshold: int | None = None,
    stop_on: str = "#",
    cut_silence: bool = True,
    on_digit: Callable[[str], bool] | None = None,
) -> RecordResult:
    """Write the channel's voice to all ``writers`` until a key, silence, the time limit or the hang-up; closes them.

    Those to whose format no translators lead are left out, with an error in the log.

    A digit in ``stop_on`` ends it; ``on_digit`` may end it by returning True. With ``cut_silence`` the silence that ended
    it is cut off the files again. An endpoint that sends nothing is silent, which is
    not written. The result's duration counts all that was heard, silence included.
    """
    channel.set_read_format(channel.raw_read_format)
    tracks: list[_Track] = []
    if silence_threshold is None:
        silence_threshold = channel.system.silence_threshold
    detector = SilenceDetector(threshold=silence_threshold) if silence_seconds else None
    samples = 0
    began = last = channel.system.now()
    #: what of the silence so far was no packets at all, so that no file has it
    unsent_ms = 0
    result = RecordResult(RecordEnd.FAILED, "", 0, 0)

    def take(frame: Frame) -> RecordEnd | str | None:
        nonlocal samples, last, unsent_ms
        if frame.type is FrameType.DTMF_END:
            digit = frame.digit
            return digit if digit in stop_on or (on_digit is not None and on_digit(digit)) else None
        if frame.type is not FrameType.VOICE:
            return None
        try:
            for track in tracks:
                track.write(frame)
        except SoundFault as fault:
            logger.error(f"recording of {channel.name} failed: {fault}")
            return RecordEnd.FAILED
        samples += frame.samples
        if detector is not None:
            now = channel.system.now()
            if now - last > _LATE:
                gap = bytes(slin.bytes_for(round((now - last) * 1000)))
                detector.receive(gap)
                unsent_ms += slin.samples_in(gap) // 8
            last = now
            sound = frame if to_slin is None else to_slin(frame)
            if sound is not None:
                detector.receive(sound.data)
                unsent_ms = min(unsent_ms, detector.silence_ms)
                if detector.silence_ms >= silence_seconds * 1000:
                    return RecordEnd.SILENCE
        return None

    async def hear() -> RecordEnd | str:
        """What ends it. An endpoint that sends nothing is silent."""
        while True:
            now = channel.system.now()
            limits = [began + maximum_seconds - now] if maximum_seconds else []
            if detector is not None:
                limits.append(last + max(silence_seconds - detector.silence_ms / 1000, _LATE) - now)
            if limits and min(limits) < _TICK:
                if maximum_seconds and limits[0] < _TICK:
                    return RecordEnd.TIMEOUT
                return RecordEnd.SILENCE
            outcome: RecordEnd | str | None = await channel.wait(take, min(limits, default=None))
            if outcome is not None:
                return outcome

    try:
        to_slin = _translator(channel, slin) if detector is not None else None
        for writer in writers:
            try:
                tracks.append(_Track(channel, writer))
            except NoTranslation as error:
                logger.error(f"{writer.path} cannot be recorded: {error}")
        if writers and not tracks:
            return result
        with sending_silence(channel):
            outcome = await hear()
        if isinstance(outcome, RecordEnd):
            result.end = outcome
        else:
            result.end, result.digit = RecordEnd.DIGIT, outcome
    except NoTranslation as error:
        logger.error(f"cannot record: {error}")
    except ChannelGone:
        result.end = RecordEnd.HANGUP
    finally:
        result.duration_ms = samples * 1000 // channel.read_format.sample_rate
        result.silence_ms = detector.silence_ms if detector is not None else 0
        cut_ms = max(0, result.silence_ms - unsent_ms) if cut_silence and result.end is RecordEnd.SILENCE else 0
        for writer in writers:
            try:
                if cut_ms:
                    await channel.system.run_blocking(_cut_end, writer, cut_ms)
                await writer.aclose()
                if not any(track.writer is writer for track in tracks) and not writer.tell():
                    await channel.system.run_blocking(writer.path.unlink, True)
            except SoundFault as fault:
                logger.error(f"recording of {channel.name}: {fault}")
                result.end = RecordEnd.FAILED
    return result


def _cut_end(writer: SoundWriter, milliseconds: int) -> None:
    """Take ``milliseconds`` off the end of a file; waits for the disk."""
    writer.truncate(max(0, writer.tell_ms() - milliseconds) * writer.format.sample_rate // 1000)
