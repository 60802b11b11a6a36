"""One member of a mixed bridge: its audio in steps of the mix, and whether it talks."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.bridge import BridgeMember
from globstar.core.bridgevideo import TALKER, talking_began
from globstar.core.format import Format, alaw, slin_for_rate, ulaw
from globstar.core.frame import Frame
from globstar.core.mixing import MemberMix
from globstar.core.translate import NoTranslation
from globstar.dsp.mixer import Encoding

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
    two seconds, a step of it goes.
    """

    __slots__ = (
        "_data", "_least", "_quiet_ms", "_size", "_steps", "detects_talking", "dropped", "hears", "is_talking",
        "member", "mix", "rate", "reads", "writes",
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
            self._data.clear()  # what waits is of another kind
        self.rate, self.reads, self.writes, self._size = rate, reads, writes, size
        self.hears = wanted if writes is not Encoding.LINEAR else linear
        self.mix = self.member.mix
        self.detects_talking = self.mix.detects_talking or self.member.bridge.video_mode == TALKER
        if self.mix.is_muted:
            self._data.clear()
            self.member.drop_voice()
        else:
            self.member.forward = self.take
        return True

    def take(self, frame: Frame) -> None:
        """A voice frame from the member."""
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
