"""What one live phone heard of another, judged by the sound itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tests.interop.support.livephone import PACKET, Heard, LivePhone

#: Samples that are looked for at once.
PIECE = 80
#: Ticks in which what the phones were late is heard: before it, as their thread listens, too, and after it, from a mix's store.
NEAR = 15
#: No more may be missing, or be put in, at one place: 40 ms.
MOST = 320


@dataclass(slots=True)
class Verdict:
    """``faults`` name what is wrong; ``pieces`` are the places, in samples of what was said, of what was heard in turn."""

    pieces: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


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
    late thereabouts: a mix goes on at its own pace, and has nothing else then. Where it ``may_pause`` that is not looked at, but
    nothing may come twice, late, or out of order.
    """
    heard = [each for each in tuple(listener.heard) if each.packet.payload_type == 0 and since <= each.tick < until]
    verdict = Verdict()
    data = b"".join(each.packet.payload for each in heard)
    #: by the place in what was heard, how many packets had been sent when it came
    ticks = [each.tick for each in heard for _ in each.packet.payload]
    late = dict(listener.phones.late)

    def allowed(tick: int) -> int:
        return most + round(8000 * max(late.get(near, 0.0) for near in range(tick - NEAR, tick + NEAR)))

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
        elif after - before - PIECE > allowed(ticks[at]) and not may_pause:
            verdict.faults.append(f"{(after - before - PIECE) // 8} ms are missing after {before}")
        if later - at - PIECE > allowed(ticks[at]) and not may_pause:
            verdict.faults.append(f"{(later - at - PIECE) // 8} ms of other sound after {before}")
    verdict.faults += _streams(heard, speaker, allowed)
    verdict.faults += _late(heard, speaker)
    return verdict


def _streams(heard: list[Heard], speaker: LivePhone, allowed: Callable[[int], int]) -> Iterator[str]:
    """Where a stream of the server does not go on as one: a number left out, or a timestamp that is not that of its sound."""
    for before, after in pairwise(heard):
        one, other = before.packet, after.packet
        if one.ssrc != other.ssrc:
            continue
        is_ours = one.ssrc not in speaker.ssrcs  # what comes directly goes elsewhere at times
        if is_ours and not 0 < (other.sequence - one.sequence & 0xFFFF) < 20:  # digits come between
            yield f"number {other.sequence} follows {one.sequence}"
        places = [speaker.said.find(packet.payload[:PIECE]) for packet in (one, other)]
        if min(places) >= 0:
            leap = (other.timestamp - one.timestamp & 0xFFFFFFFF) - (places[1] - places[0])
            # who sends nothing for a while, as it has no processor, makes up for that: then the time has passed indeed
            pause = (other.arrival - one.arrival) * 8000 - (places[1] - places[0])
            if abs(leap - min(max(leap, 0), max(pause, 0))) > allowed(after.tick):
                yield f"the timestamp leaps by {leap} at {places[1]}"


def _late(heard: list[Heard], speaker: LivePhone) -> Iterator[str]:
    """Whether sound is later than 60 ms for half a second, counted in packets that were sent meanwhile: the least counts,
    as a machine that is busy holds single packets up.
    """
    lags = []
    for each in heard:
        place = speaker.said.find(each.packet.payload[:PIECE])
        if place >= 0:
            lags.append(each.tick - speaker.first - place // PACKET)
    for start in range(0, len(lags) - 24, 25):
        least = min(lags[start : start + 25])
        if least > 3:
            yield f"{least} packets late from packet {start} on"
