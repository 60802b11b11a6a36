"""One member of a mixed bridge: its audio in steps of the mix, and whether it talks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.bridge import BridgeMember
from globstar.core.bridgevideo import TALKER, talking_began
from globstar.core.cause import Cause
from globstar.core.channelstate import SoftHangup
from globstar.core.format import Format, alaw, slin_for_rate, ulaw
from globstar.core.frame import Frame, voice
from globstar.core.mixing import MemberMix
from globstar.core.translate import NoTranslation
from globstar.dsp.mixer import Encoding

if TYPE_CHECKING:
    from globstar.media._conference import Seat
    from globstar.media.conference import SeatedStream

logger = Logger("bridge_softmix")

#: Steps that a member may be ahead of the mix; older audio goes.
_MOST_AHEAD = 10
#: A member that was a step or more ahead for so many steps is brought nearer.
_PATIENCE = 100

_ENCODINGS = {ulaw.codec: Encoding.ULAW, alaw.codec: Encoding.ALAW}


class Participant:
    """A member's place in the mix.

    ``take`` is the member's ``forward``. What is said waits until a whole step of it is there. A packet that comes too late
    leaves one step without that member, and from then on there is that much more in store; when the store was not needed for
    two seconds, a step of it goes. While its voice is mixed natively (``stream``), the store is there.
    """

    __slots__ = (
        "_data", "_least", "_on_change", "_quiet_ms", "_size", "_steps", "detects_talking", "dropped", "hears", "is_talking",
        "member", "mix", "rate", "reads", "stream", "writes",
    )  # fmt: skip

    def __init__(self, member: BridgeMember) -> None:
        self.member = member
        self.mix: MemberMix = member.mix
        self.rate = 0
        self.reads = self.writes = Encoding.LINEAR
        self.hears: Format | None = None
        self.is_talking = False
        #: its level is looked at: somebody wants to know, or the bridge shows who talks
        self.detects_talking = False
        #: bytes that were thrown away because more came than time went by
        self.dropped = 0
        #: while it is mixed natively
        self.stream: SeatedStream | None = None
        self._on_change: Callable[[], None] | None = None
        self._data = bytearray()
        self._size = 0
        self._least = _MOST_AHEAD
        self._steps = 0
        self._quiet_ms = 0

    def bind(self, highest_rate: int, interval_ms: int) -> bool:
        """Agree with the channel on formats; False, which is told, if its codecs cannot be translated."""
        channel = self.member.channel
        wanted = channel.raw_write_format
        rate = min(wanted.sample_rate, highest_rate) if highest_rate else wanted.sample_rate
        linear = slin_for_rate(rate)
        rate = linear.sample_rate
        writes = _ENCODINGS.get(wanted.codec, Encoding.LINEAR)
        reads = _ENCODINGS.get(channel.raw_read_format.codec, Encoding.LINEAR) if rate == ulaw.sample_rate else Encoding.LINEAR
        read_format = linear if reads is Encoding.LINEAR else channel.raw_read_format
        if writes is Encoding.LINEAR and linear.codec is not wanted.codec:
            if not channel.system.translation.is_possible(linear, wanted):
                logger.warning(f"{channel.name} is not mixed: no translators lead from {linear} to {wanted}")
                return False
        try:
            if channel.read_format is not read_format:  # a new path would begin anew in the middle of a stream
                channel.set_read_format(read_format)
        except NoTranslation as error:
            logger.warning(f"{channel.name} is not mixed: {error}")
            return False
        size = rate * interval_ms // 1000 * reads.sample_bytes
        if (rate, reads, size) != (self.rate, self.reads, self._size):
            self.leave()
            self._data.clear()  # what waits is of another kind
        self.rate, self.reads, self.writes, self._size = rate, reads, writes, size
        self.hears = wanted if writes is not Encoding.LINEAR else linear
        self.mix = self.member.mix
        self.detects_talking = self.mix.detects_talking or self.member.bridge.video_mode == TALKER
        if self.mix.is_muted:
            self._data.clear()
            self.member.drop_voice()
        elif self.member.forward != self.take:
            self.member.forward = self.take
        if self.stream is not None:
            self._set_mix(self.stream.seat)
        return True

    @staticmethod
    def encoding(format: Format) -> Encoding:
        """As what the mixer reads or writes it."""
        return _ENCODINGS.get(format.codec, Encoding.LINEAR)

    def take(self, frame: Frame) -> None:
        """A voice frame from the member."""
        if self.stream is not None:
            self.stream.seat.store(frame.data)
            return
        data = self._data
        data += frame.data
        surplus = len(data) - _MOST_AHEAD * self._size
        if surplus > 0:
            surplus += -surplus % self._size
            self.dropped += surplus
            del data[:surplus]

    @property
    def has_block(self) -> bool:
        """Whether a whole step waits."""
        return len(self._data) >= self._size

    def block(self) -> bytes | None:
        """The next step of what the member says, None while there is no whole one."""
        data, size = self._data, self._size
        ahead = len(data) // size - 1
        if ahead < 0:
            self._least = 0
            return None
        if ahead < self._least:
            self._least = ahead
        self._steps += 1
        if self._steps >= _PATIENCE:
            if self._least >= 1:
                self.dropped += size
                del data[:size]
            self._steps, self._least = 0, _MOST_AHEAD
        block = bytes(data[:size])
        del data[:size]
        return block

    def frame(self, data: bytes, samples: int) -> Frame:
        """What it hears, as a frame."""
        assert self.hears is not None
        return voice(self.hears, data, samples)

    def write(self, frame: Frame) -> None:
        """Give it a frame, unless it hears something else: music, a tone."""
        channel = self.member.channel
        if channel.generator is not None or channel.is_hung_up:
            return
        try:
            channel.write(frame)
        except Exception as error:  # one call's bug ends that call, the others go on
            logger.error(f"{channel.name} could not be written to and ends", exception=error)
            channel.request_hangup(SoftHangup.EXPLICIT, Cause.FAILURE)

    # -- mixed natively --------------------------------------------------------------------------------------------------

    def sit(self, stream: SeatedStream, on_change: Callable[[], None]) -> None:
        """The voice is mixed natively from now on; ``on_change`` is called when that ends."""
        seat = stream.seat
        seat.fill(bytes(self._data), self._least, self._steps, self.dropped, self.is_talking, self._quiet_ms)
        self._data.clear()
        self._set_mix(seat)
        self.stream, self._on_change = stream, on_change

    def _set_mix(self, seat: Seat) -> None:
        mix = self.mix
        seat.set_mix(
            mix.is_muted, mix.is_deaf, mix.gain_in, mix.gain_out, self.detects_talking, mix.drops_silence,
            mix.talking_threshold, mix.silence_ms,
        )  # fmt: skip

    def leave(self) -> None:
        """Be mixed natively no longer."""
        if self.stream is not None:
            self.stream.leave()

    def risen(self, seat: Seat) -> None:
        """The voice comes as frames again; what was said waits here from now on."""
        data, self._least, self._steps, self.dropped, self.is_talking, self._quiet_ms = seat.content()
        self._data[:] = data
        self.stream = None
        on_change, self._on_change = self._on_change, None
        if on_change is not None:
            on_change()

    def hear(self, payload: bytes) -> None:
        """What the native mix leaves to be sent as a frame."""
        self.write(self.frame(payload, len(payload) // self.writes.sample_bytes))

    def talks(self, is_talking: bool) -> None:
        """Talking began or ended, as the native mix has found."""
        self._tell(is_talking)

    def judge(self, level: int, interval_ms: int) -> None:
        """Take in the level of a step (0 where nothing came), and tell whether talking began or ended."""
        mix = self.mix
        if level >= mix.talking_threshold:
            self._quiet_ms = 0
            if not self.is_talking:
                self._tell(True)
        elif self.is_talking:
            self._quiet_ms += interval_ms
            if self._quiet_ms >= mix.silence_ms:
                self._tell(False)

    def _tell(self, is_talking: bool) -> None:
        self.is_talking = is_talking
        member = self.member
        soon = member.channel.system.loop.call_soon  # after the step: who is told may take members out, and faults are its own
        if self.mix.on_talking is not None:
            soon(self.mix.on_talking, member, is_talking)
        if is_talking:
            soon(talking_began, member.bridge, member)
