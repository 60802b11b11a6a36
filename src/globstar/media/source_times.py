"""Numbers and times of what is sent on, after those of where it came from.

Frames that pass from one RTP stream to another one carry the times of the first. Its losses stay losses and its pauses stay
pauses in the second, late packets take the places that were left for them, and packets that the network held back and lets
go at once are no pause: by the time of their sending alone nobody could tell. So neither losses nor jitter let the stream get
ahead of time or fall behind, and who hears it can make up for what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.proto.rtp.sender import RESYNC_AFTER

if TYPE_CHECKING:
    from globstar.media.session import RtpSession

#: Packets lost in a row for which numbers are left out; a longer gap is a pause.
_MOST_LOST = 100
#: Places that wait for late packets at the most.
_MOST_PLACES = 100
#: Packets before the first one that came, which may come late.
_BEFORE_FIRST = 5
#: A pause where what is made here takes turns with what has times, seconds; less is the pace of the packets.
_TURN = 0.01
#: A source's time and ours may differ by so much, seconds; more is another source, or a clock that stood still.
_DIFFERENCE = 1.0

_HALF, _WRAP = 0x80000000, 0xFFFFFFFF


class SourceTimes:
    """What should come next of the source that a session sends on: its time in ticks of the clock, and the number before.

    ``due`` is None while what is sent has no times: it was made here. Who sends compares ``due`` with the time of each frame,
    asks ``meet`` where they differ, and sets ``due`` and ``number`` for the next one.
    """

    __slots__ = ("_places", "_resumes", "due", "number")

    def __init__(self) -> None:
        self.due: int | None = None
        self.number: int | None = None
        #: by the source's numbers our number and time of what has not come yet
        self._places: dict[int, tuple[int, int]] = {}
        #: how often packets had been sent past the session's sender, of which nothing is known here
        self._resumes = 0

    def forget(self) -> None:
        """What comes next is of another source."""
        self.due = self.number = None
        self._places.clear()

    def meet(self, session: RtpSession, rtp_time: int | None, number: int | None, ticks: int) -> bool:
        """A frame, ``ticks`` long, has another time than expected: make room for what is missing. False if it is late.

        Only where as many packets are missing as fit into the time have they been lost: digits and comfort noise have numbers,
        too.
        """
        due, resumes = self.due, session.sender.resumes
        if rtp_time is None or due is None or resumes != self._resumes:
            self._resumes = resumes
            self._begin(session, is_timed=rtp_time is not None)
            pause = session.pause()
            if pause >= _TURN:
                session.leave_out(0, int(pause * session.sender.clock_rate))
            if number is not None and rtp_time is not None and not session.sender.packets:
                self._leave_places_before(session, number, ticks)
            return True
        clock_rate = session.sender.clock_rate
        ahead = (rtp_time - due + _HALF & _WRAP) - _HALF
        missing = (number - self.number - 1 + 0x8000 & 0xFFFF) - 0x8000 if number is not None and self.number is not None else 0
        if ahead < 0:
            if -_MOST_LOST <= missing < 0 and -ahead <= _DIFFERENCE * 3 * clock_rate:
                return False
            self._begin(session, is_timed=True)
        elif abs(ahead / clock_rate - session.pause()) > _DIFFERENCE:
            self._begin(session, is_timed=True)
        elif 0 < missing <= _MOST_LOST and ahead == missing * ticks:
            self._leave_places(session, missing, ahead)
            session.leave_out(missing, ahead)
        else:
            session.leave_out(0, ahead)
        return True

    def place_of(self, number: int | None) -> tuple[int, int] | None:
        """Our number and time of a late packet; None if no place was left for it, or it is taken."""
        return self._places.pop(number, None) if number is not None else None

    def _begin(self, session: RtpSession, *, is_timed: bool) -> None:
        self._places.clear()
        if not is_timed:
            self.due = None
        else:
            pause = session.pause()
            if pause > RESYNC_AFTER:  # its times do not tell of it
                session.leave_out(0, int(pause * session.sender.clock_rate + 0.5))
        session.follow_source(is_timed)

    def _leave_places(self, session: RtpSession, missing: int, ticks: int) -> None:
        if self.number is None:
            return
        each = ticks // missing
        sequence, rtp_time = session.sender.sequence, session.sender.rtp_time
        places = self._places
        for count in range(missing):
            places[self.number + 1 + count & 0xFFFF] = (sequence + count & 0xFFFF, rtp_time + count * each & _WRAP)
        while len(places) > _MOST_PLACES:
            del places[next(iter(places))]

    def _leave_places_before(self, session: RtpSession, number: int, ticks: int) -> None:
        """The first packet that is sent may have overtaken others: none has been sent under the numbers before."""
        sequence, rtp_time = session.sender.sequence, session.sender.rtp_time
        for count in range(1, min(_BEFORE_FIRST, sequence) + 1):  # SRTP could not count back beyond 0
            self._places[number - count & 0xFFFF] = (sequence - count, rtp_time - count * ticks & _WRAP)
