"""What one live phone heard of another, judged by the sound itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tests.interop.support.livephone import PACKET, PTIME, Heard, LivePhone

#: Samples that are looked for at once.
PIECE = 80
#: Ticks in which what the phones were late is heard: before it, as their thread listens, too, and after it, from a mix's store.
NEAR = 15
#: No more may be missing, or be put in, at one place: 40 ms.
MOST = 320


@dataclass(slots=True)
class Verdict:
    """``faults`` name what is wrong; ``pieces`` are the places, in samples of what was said, of what was heard in turn.

    ``excused`` are the packets that could not come as the machine held them up.
    """

    pieces: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    excused: int = 0


def _places(said: bytes, data: bytes, expected: int) -> Iterator[tuple[int, int]]:
    """Where each piece of ``data`` stands in what was said, -1 for nowhere, and where it stands in ``data``."""
    for start in range(0, len(data) - PIECE + 1, PIECE):
        piece = data[start : start + PIECE]
        near = max(expected - 4000, 0)
        place = said.find(piece, near, near + 12000)
        if place < 0:
            place = said.find(piece)
        if place >= 0:
            expected = place
        yield place, start


def judge(
    listener: LivePhone, speaker: LivePhone, since: int = 0, until: int = 1 << 30, *, most: int = MOST, may_pause: bool = False
) -> Verdict:
    """What was heard of the speaker from tick ``since`` on until ``until``.

    No more than ``most`` samples may be missing or be put in at one place, beside those for which the phones themselves were
    late thereabouts, or the server had no processor: a mix goes on at its own pace, and has nothing else then. Where it
    ``may_pause`` that is not looked at, but nothing may come twice, late, or out of order.
    """
    heard = [each for each in tuple(listener.heard) if each.packet.payload_type == 0 and since <= each.tick < until]
    verdict = Verdict()
    data = b"".join(each.packet.payload for each in heard)
    #: by the place in what was heard, how many packets had been sent when it came
    ticks = [each.tick for each in heard for _ in each.packet.payload]
    delays = _Delays(listener)
    verdict.excused = round(delays.in_all(since, until) / PTIME)

    def allowed(first: int, last: int) -> int:
        return most + round(8000 * delays.between(first, last))

    found = [(place, start) for place, start in _places(speaker.said, data, 0) if place >= 0]
    if not found:
        verdict.faults.append(f"{listener.name} hears nothing of {speaker.name} in {len(heard)} packets")
        return verdict
    verdict.pieces = [place for place, _ in found]
    if found[0][1] > most + PIECE or len(data) - found[-1][1] > most + 2 * PIECE:
        verdict.faults.append(f"begins at {found[0][1]} and ends at {found[-1][1]} of {len(data)} samples")
    for (before, at), (after, later) in pairwise(found):
        if after <= before:
            verdict.faults.append(f"{before} to {before + PIECE} is followed by {after}: heard twice")
        elif after - before - PIECE > allowed(ticks[at], ticks[later]) and not may_pause:
            verdict.faults.append(f"{(after - before - PIECE) // 8} ms are missing after {before}")
        if later - at - PIECE > allowed(ticks[at], ticks[later]) and not may_pause:
            verdict.faults.append(f"{(later - at - PIECE) // 8} ms of other sound after {before}")
    verdict.faults += _streams(heard, speaker, most, delays)
    verdict.faults += _late(heard, speaker, delays)
    return verdict


class _Delays:
    """What the machine held up, the phones or the server; see ``Phones``."""

    def __init__(self, listener: LivePhone) -> None:
        self._late, self._starved = dict(listener.phones.late), dict(listener.phones.starved)

    def between(self, first: int, last: int) -> float:
        """Seconds, thereabouts: who is starved again before it has caught up is as late as both times together."""
        near = range(first - NEAR, last + NEAR)
        return max(max(self._late.get(tick, 0.0) for tick in near), sum(self._starved.get(tick, 0.0) for tick in near))

    def in_all(self, since: int, until: int) -> float:
        """Seconds, one after the other."""
        return sum(time for each in (self._late, self._starved) for tick, time in each.items() if since <= tick < until)


def has_heard(listener: LivePhone, speaker: LivePhone, tick: int) -> bool:
    """Whether the listener has heard what the speaker said at that tick, or later."""
    wanted = (tick - speaker.first) * PACKET
    last = [each.packet.payload[:PIECE] for each in tuple(listener.heard[-25:])]
    return any(speaker.said.find(piece, wanted) >= 0 for piece in last if len(piece) == PIECE)


def _streams(heard: list[Heard], speaker: LivePhone, most: int, delays: _Delays) -> Iterator[str]:
    """Where a stream of the server does not go on as one: a number left out, or a timestamp that is not that of its sound."""
    for before, after in pairwise(heard):
        one, other = before.packet, after.packet
        if one.ssrc != other.ssrc:
            continue
        is_ours = one.ssrc not in speaker.ssrcs  # what comes directly goes elsewhere at times
        delay = delays.between(before.tick, after.tick)
        left_out = 20 + delay / PTIME  # digits come between, and what is for nobody until the server has looked who it is from
        if is_ours and not 0 < (other.sequence - one.sequence & 0xFFFF) < left_out:
            yield f"number {other.sequence} follows {one.sequence}"
        places = [_place(speaker, each) for each in (before, after)]
        if min(places) >= 0:
            leap = (other.timestamp - one.timestamp & 0xFFFFFFFF) - (places[1] - places[0])
            # who sends nothing for a while, as it has no processor, makes up for that: then the time has passed indeed
            pause = (other.arrival - one.arrival) * 8000 - (places[1] - places[0])
            if abs(leap - min(max(leap, 0), max(pause, 0))) > most + 8000 * delay:
                yield f"the timestamp leaps by {leap} at {places[1]}"


def _place(speaker: LivePhone, heard: Heard) -> int:
    """Where the speaker said what a packet begins with, -1 for nowhere."""
    piece = heard.packet.payload[:PIECE]
    place = speaker.said.find(piece, max((heard.tick - speaker.first - 50) * PACKET, 0))  # said within the last second
    return place if place >= 0 else speaker.said.find(piece)


def _late(heard: list[Heard], speaker: LivePhone, delays: _Delays) -> Iterator[str]:
    """Whether sound is later than 60 ms for half a second, counted in packets that were sent meanwhile: the least counts,
    as a machine that is busy holds single packets up.
    """
    lags = []
    for each in heard:
        place = _place(speaker, each)
        if place >= 0:
            lags.append((each.tick - speaker.first - place // PACKET, each.tick))
    for start in range(0, len(lags) - 24, 25):
        least, tick = min(lags[start : start + 25])
        if least > 3 + delays.between(tick - least, tick) / PTIME:
            yield f"{least} packets late from packet {start} on"
