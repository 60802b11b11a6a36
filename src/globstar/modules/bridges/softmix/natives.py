"""The members of a room whose voice is read, mixed and sent natively: no frame is made of it.

Who that is is found out anew all the time. A member whose voice somebody else has to see (a hook, a tone that is played, a digit
that is sent, another codec) goes the way of frames from that step on, alone, and comes back when that is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from globstar.base.log import Logger
from globstar.core.rtp_media import RtpVoice
from globstar.dsp.encoding import Sums
from globstar.media import conference
from globstar.media.conference import SeatedStream
from globstar.modules.bridges.softmix.participant import Participant

if TYPE_CHECKING:
    from globstar.media._conference import Table

logger = Logger("bridge_softmix")

#: All who go the way of frames are looked at again within so many steps.
_TURNS = 16


class NativeMembers:
    """Those of one room: a table for each rate. ``on_change`` is called when somebody changed between the two ways."""

    __slots__ = ("_asked", "_interval_ms", "_on_change", "_share", "_tables")

    def __init__(self, interval_ms: int, on_change: Callable[[], None]) -> None:
        self._interval_ms = interval_ms
        self._on_change = on_change
        self._tables: dict[int, Table] = {}
        #: whom to ask next, and how many in a step
        self._asked: list[Participant] = []
        self._share = 0

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables.values())

    @property
    def rates(self) -> Iterable[int]:
        """The rates at which somebody is mixed."""
        return [rate for rate, table in self._tables.items() if len(table)]

    def invite(self, others: tuple[Participant, ...]) -> None:
        """Take those of ``others`` whose voice nobody has to see; each of them is looked at once in a while."""
        if not self._asked:
            self._asked = [*reversed(others)]
            self._share = -(-len(others) // _TURNS)
        for _ in range(min(self._share, len(self._asked))):
            participant = self._asked.pop()
            if participant.stream is not None:
                continue
            try:
                if self._seat(participant):
                    self._on_change()
            except Exception as error:  # a driver's bug must not stop the media of the others
                logger.error(f"{participant.member.channel.name} could not be mixed natively", exception=error)

    def forget(self) -> None:
        """Others take part now."""
        self._asked.clear()

    def _seat(self, participant: Participant) -> bool:
        member = participant.member
        channel = member.channel
        voice = channel.tech.rtp_voice(channel)
        unseen = channel.unseen_voice(member.receive)
        if voice is None or unseen is None or not voice.session.is_seatable or not self._suits(participant, voice):
            return False
        samples = participant.rate * self._interval_ms // 1000
        stream = SeatedStream(voice.session, participant)
        conditions, empties = unseen
        seat = conference.new_seat(
            stream, samples, self._interval_ms, participant.reads, participant.writes,
            (*conditions, (member, "forward", member.forward), (voice.session, "on_media", voice.session.on_media)), empties,
            swaps_in=voice.read_format.is_slin, swaps_out=voice.write_format.is_slin,
        )  # fmt: skip
        table = self._tables.get(participant.rate)
        if table is None:
            table = self._tables[participant.rate] = conference.new_table(samples)
        if not stream.sit(seat, table, voice.receives, voice.sends):
            return False
        participant.sit(stream, self._on_change)
        return True

    def _suits(self, participant: Participant, voice: RtpVoice) -> bool:
        """Whether what is on the wire is what the participant reads and hears."""
        channel = participant.member.channel
        return (
            channel.raw_read_format is voice.read_format
            and participant.hears is voice.write_format
            and channel.write_format is voice.write_format
            and voice.samples in (0, participant.rate * self._interval_ms // 1000)
            and participant.reads is participant.encoding(voice.read_format)
            and participant.writes is participant.encoding(voice.write_format)
        )

    def read(self) -> None:
        """Read what has come; those whose voice somebody has to see now go the way of frames with all of it."""
        tables = [table for table in self._tables.values() if len(table)]
        for table in tables:
            for seat in table.fallen():
                seat.owner.leave()
        conference.read(tables)

    def mix(self) -> tuple[int, dict[int, Sums]]:
        """Take a step: how many spoke, and the sum of each rate at which somebody did."""
        speakers = 0
        sums: dict[int, Sums] = {}
        for rate, table in self._tables.items():
            if len(table):
                total = np.zeros(table.samples, np.int32)
                count, told = table.mix(total)
                for seat, is_talking in told:
                    seat.owner.user.talks(is_talking)
                if count:
                    speakers += count
                    sums[rate] = total
        return speakers, sums

    def send(self, totals: dict[int, Sums], now: float) -> None:
        """Send to each what it hears."""
        for rate, table in self._tables.items():
            if len(table):
                conference.send(table, totals[rate], now)
