"""The judge of the live phones, on what it is to find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.interop.support.livephone import PACKET, Heard, LivePhone, Phones
from tests.interop.support.rtp import Packet
from tests.interop.support.spoken import judge
from tests.support.loopback import HOST, free_port

Fault = Callable[[list[Heard]], list[Heard]]


@pytest.fixture
def pair() -> Iterator[tuple[LivePhone, LivePhone]]:
    """A listener and a speaker, whose thread does not run."""
    phones = Phones(0)
    pair = phones.phone("listener", free_port(2)), phones.phone("speaker", free_port(2))
    yield pair
    for phone in pair:
        phone.close()


def packet(said: bytes, number: int, *, at: int = 0, later: int = 0, leap: int = 0, skipped: int = 0) -> Heard:
    """Packet ``number`` of a stream, with the sound of place ``at``, ``later`` ticks late."""
    start = at or number * PACKET
    sound = said[start : start + PACKET]
    return Heard(Packet(0.0, (HOST, 1), 0, False, number + skipped, number * PACKET + leap, 7, sound), number + later)


def without(first: int, last: int) -> Fault:
    return lambda heard: [each for each in heard if not first <= each.packet.sequence < last]


def silent(first: int, last: int) -> Fault:
    def change(heard: list[Heard]) -> list[Heard]:
        quiet = bytes([0xFF]) * PACKET
        return [packet(quiet * 200, n) if first <= n < last else each for n, each in enumerate(heard)]

    return change


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda heard: heard, []),
        (without(50, 52), []),
        (without(50, 53), ["60 ms are missing after 7920"]),
        (silent(50, 52), []),
        (silent(50, 54), ["80 ms are missing after 7920", "80 ms of other sound after 7920"]),
        (lambda heard: heard[:50] + heard[49:], ["heard twice", "number 49 follows 49"]),
        (lambda heard: [*heard[:50], heard[51], heard[50], *heard[52:]], ["heard twice", "number 50 follows 51"]),
        (lambda heard: heard[:4], []),
        (lambda heard: [], ["hears nothing"]),
    ],
)
def test_what_is_missing_or_comes_twice(pair: tuple[LivePhone, LivePhone], fault: Fault, told: list[str]) -> None:
    listener, speaker = pair
    listener.heard = fault([packet(speaker.said, number) for number in range(100)])
    faults = judge(listener, speaker).faults
    for words in told:
        assert any(words in each for each in faults), faults
    assert bool(faults) == bool(told)


def test_what_the_phones_were_late_is_no_fault_of_who_mixes(pair: tuple[LivePhone, LivePhone]) -> None:
    """Where their thread has no processor for 120 ms, a mix sends six packets of silence, which all come at one tick."""
    listener, speaker = pair
    said = [packet(speaker.said, number) for number in range(100)]
    quiet = Heard(Packet(0.0, (HOST, 1), 0, False, 0, 0, 7, bytes([0xFF]) * PACKET), 49)
    heard = [*said[:50], *[quiet] * 6, *said[50:]]
    packets = [replace(each.packet, sequence=number, timestamp=number * PACKET) for number, each in enumerate(heard)]
    listener.heard = [replace(each, packet=one) for each, one in zip(heard, packets, strict=True)]
    assert judge(listener, speaker).faults == ["120 ms of other sound after 7920"]
    listener.phones.late[50] = 0.12
    assert judge(listener, speaker).faults == []
    listener.phones.late = {80: 0.12, 50: 0.01}
    assert judge(listener, speaker).faults == ["120 ms of other sound after 7920"]


def test_what_the_server_had_no_processor_for_is_no_fault_of_its_own(pair: tuple[LivePhone, LivePhone]) -> None:
    """What waits for it meanwhile goes on at once, when it has one again; with two such times in a row both count."""
    listener, speaker = pair
    listener.heard = [packet(speaker.said, number, later=max(90 - number, 0) if number >= 50 else 0) for number in range(100)]
    assert judge(listener, speaker).faults == ["16 packets late from packet 50 on"]
    listener.phones.starved = {72: 0.5, 90: 0.48}
    assert judge(listener, speaker).faults == []
    listener.phones.starved = {72: 0.2}
    assert judge(listener, speaker).faults == ["16 packets late from packet 50 on"]


def test_what_is_late(pair: tuple[LivePhone, LivePhone]) -> None:
    listener, speaker = pair
    listener.heard = [packet(speaker.said, number, later=4 * (number >= 50)) for number in range(100)]
    assert judge(listener, speaker).faults == ["4 packets late from packet 50 on", "4 packets late from packet 75 on"]
    listener.heard = [packet(speaker.said, number, later=9 * (number == 50)) for number in range(100)]
    assert judge(listener, speaker).faults == []


def test_timestamps_and_numbers_that_do_not_go_on(pair: tuple[LivePhone, LivePhone]) -> None:
    listener, speaker = pair
    listener.heard = [packet(speaker.said, number, leap=400 * (number >= 50)) for number in range(100)]
    assert judge(listener, speaker).faults == ["the timestamp leaps by 400 at 8000"]
    # unless nothing was sent for so long
    listener.heard = [
        replace(each, packet=replace(each.packet, arrival=number * 0.02 + 0.05 * (number >= 50)))
        for number, each in enumerate(listener.heard)
    ]
    assert judge(listener, speaker).faults == []
    listener.heard = [packet(speaker.said, number, skipped=30 * (number >= 50)) for number in range(100)]
    assert judge(listener, speaker).faults == ["number 80 follows 49"]


def test_sound_of_somebody_else(pair: tuple[LivePhone, LivePhone]) -> None:
    listener, speaker = pair
    listener.heard = [packet(listener.said, number) for number in range(100)]
    assert judge(listener, speaker).faults == ["listener hears nothing of speaker in 100 packets"]
