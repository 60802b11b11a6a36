"""Paths that make up for lost packets: by the decoder's own concealment, or by one of signed linear."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from globstar.core.format import Format
from globstar.core.frame import Frame, FrameType
from globstar.core.translate import Step, TranslationPath, TranslationRegistry, TranslatorSpec

#: Packets in a row that are made up for at the most; after a longer loss the sound just begins again.
MAX_CONCEALED = 5
#: A packet that comes so much too late, by number and in seconds, belongs to the stream and is dropped.
_MAX_BEHIND, _MAX_BEHIND_SECONDS = 100, 3
#: Longest packet, seconds (RFC 7587 section 4.2 allows 120 ms).
_MAX_PACKET = 0.12

#: ``conceal(samples, following)``: sound in place of a lost packet of so many samples at the rate of the signed linear that
#: the decoder gives; ``following`` is the packet after it, None when that is lost as well.
Conceal = Callable[[int, "bytes | None"], bytes]


class ConcealingPath(TranslationPath):
    """A path that also tells what to play before a frame that comes after a loss.

    The owner compares ``expects`` with each frame's number and asks :meth:`fill` where they differ. ``concealed`` and
    ``late`` count packets made up for, and packets that came when they had been.
    """

    __slots__ = ("_after", "_conceal", "_last_time", "concealed", "expects", "late")

    _conceal: Conceal

    def __init__(self, source: Format, destination: Format, specs: tuple[TranslatorSpec, ...]) -> None:
        #: number of the packet that should come next; None before the first
        self.expects: int | None = None
        self.concealed = 0
        self.late = 0
        self._last_time = 0
        self._after: Sequence[Step] = ()
        super().__init__(source, destination, specs)

    def reset(self) -> None:
        """See TranslationPath."""
        super().reset()
        steps = self._steps
        conceal: Conceal | None = getattr(steps[0], "conceal", None)
        place = 1
        if conceal is None:
            from globstar.dsp.plc import LossConcealer

            place = 0 if self.source.is_slin else 1
            concealer = LossConcealer(self._linear.sample_rate)
            steps = (*steps[:place], concealer, *steps[place:])
            conceal = concealer.conceal
            place += 1
        self._steps = steps
        self._rest = steps[1:]
        self._conceal = conceal
        self._after = steps[place:]
        self.expects = None
        self.translate = self._translate_and_note

    @property
    def _linear(self) -> Format:
        return self.source if self.source.is_slin else self.specs[0].destination

    def _translate_and_note(self, frame: Frame) -> Frame | None:
        if frame.seq is not None:
            self.expects = frame.seq + 1 & 0xFFFF
            self._last_time = frame.rtp_time or 0
        return self._translate(frame)

    def fill(self, frame: Frame) -> Sequence[Frame] | None:
        """What is to be played before ``frame``, whose number is not the expected one; None if it comes too late.

        Only a gap in the numbers that the timestamps agree with is a loss: silence suppression leaves the numbers in
        order, and another stream has timestamps of its own.
        """
        number, expected, rtp_time = frame.seq, self.expects, frame.rtp_time
        if number is None or expected is None or rtp_time is None:
            return ()
        clock = self.source.codec.clock_rate
        missing = number - expected & 0xFFFF
        if missing >= 0x10000 - _MAX_BEHIND:
            if self._last_time - rtp_time & 0xFFFFFFFF <= _MAX_BEHIND_SECONDS * clock:
                self.late += 1
                return None
            return ()
        if missing > MAX_CONCEALED:
            return ()
        ticks, rest = divmod(rtp_time - self._last_time & 0xFFFFFFFF, missing + 1)
        length = (frame.samples or self.source.samples_in(frame.data)) * clock // self.source.sample_rate
        if rest or not 0 < ticks <= _MAX_PACKET * clock or length not in (0, ticks):
            return ()
        linear = self._linear
        samples = ticks * linear.sample_rate // clock
        filled = []
        for count in range(missing):
            data = self._conceal(samples, frame.data if count == missing - 1 else None)
            for step in self._after:
                if not data:
                    break
                data = step(data)
            if data:
                filled.append(self._filled(data, expected + count & 0xFFFF, ticks, frame.source))
        self.concealed += missing
        self._next_in = rtp_time
        return filled

    def _filled(self, data: bytes, number: int, ticks: int, source: str) -> Frame:
        destination = self.destination
        samples = self._samples_out(data, ticks * self.source.sample_rate // self.source.codec.clock_rate)
        rtp_time = self._next_out % (1 << 32)
        self._next_out = rtp_time + samples * destination.codec.clock_rate // destination.sample_rate
        return Frame(FrameType.VOICE, 0, data, format=destination, samples=samples, rtp_time=rtp_time, seq=number, source=source)


def build_concealing_path(
    translation: TranslationRegistry, source: Format, destination: Format, *, is_reading: bool
) -> TranslationPath | None:
    """The path from ``source`` to ``destination`` that makes up for losses where it can; a plain one where it cannot.

    None when there is no way, or when no translation is needed. What is read may be decoded and coded again for the sake of
    concealment; signed linear that is written comes from this side, where nothing is lost.
    """
    settings = translation.plc
    if source.codec is destination.codec:
        if not (settings.generic and settings.on_equal_codecs and is_reading) or source.is_slin:
            return None
        specs = translation.path_through_linear(source, destination)
    else:
        specs = translation.find_path(source, destination)
        if specs and settings.generic and not source.is_slin and not specs[0].destination.is_slin:
            specs = translation.path_through_linear(source, destination) or specs
    if specs is None:
        return None
    is_possible = is_reading if source.is_slin else specs[0].destination.is_slin
    if specs[0].conceals or (settings.generic and is_possible):
        return ConcealingPath(source, destination, specs)
    return TranslationPath(source, destination, specs)
