"""Sessions whose packets are looked at or lost on purpose."""

from __future__ import annotations

import random

import pytest

from globstar.media.watch import Dropper, Drops, Watch, WatchedSocket
from tests.unit.media.rig import Ear, Rig, numbers

pytestmark = pytest.mark.virtual_time


async def test_every_packet_is_seen_in_both_directions_and_no_longer_afterwards() -> None:
    rig = Rig()
    first, second = rig.pair()
    watch = Watch(rig.engine)
    seen: list[tuple[bool, tuple[str, int], int]] = []
    ear = Ear(second)
    await rig.talk(first, 6)
    assert second.source.source == first.local_address  # settled: sockets are connected now
    watch.set(see=lambda is_sent, peer, data: seen.append((is_sent, peer, len(data))), lose=None)
    await rig.talk(first, 5, 6)
    assert seen.count((True, second.local_address, 172)) == 5
    assert seen.count((False, first.local_address, 172)) == 5
    watch.set(see=None, lose=None)
    count = len(seen)
    await rig.talk(first, 5, 11)
    assert len(seen) == count
    assert numbers(ear) == list(range(16))
    assert not any(isinstance(session._socket, WatchedSocket) for session in rig.engine.sessions)
    rig.engine.close()


async def test_sessions_that_open_later_are_watched_too() -> None:
    rig = Rig()
    watch = Watch(rig.engine)
    seen: list[bool] = []
    watch.set(see=lambda is_sent, peer, data: seen.append(is_sent), lose=None)
    first, second = rig.pair()
    ear = Ear(second)
    await rig.talk(first, 8)
    assert (seen.count(True), seen.count(False)) == (8, 8)
    assert numbers(ear) == list(range(8))
    rig.engine.close()


async def test_packets_are_dropped_and_counted_as_lost() -> None:
    rig = Rig()
    first, second = rig.pair()
    watch = Watch(rig.engine)
    ear = Ear(second)
    await rig.talk(first, 10)
    dropper = Dropper(Drops(3, host=first.local_address[0]), rig.loop.time, random.Random(1))
    watch.set(see=None, lose=dropper)
    await rig.talk(first, 10, 10)
    assert numbers(ear) == [*range(10), *range(13, 20)]
    assert (dropper.dropped, dropper.is_over, second.statistics().lost) == (3, True, 3)
    rig.engine.close()


async def test_packets_are_dropped_again_and_again() -> None:
    rig = Rig()
    first, second = rig.pair()
    dropper = Dropper(Drops(2, interval=0.1), rig.loop.time, random.Random(1))
    Watch(rig.engine).set(see=None, lose=dropper)
    ear = Ear(second)
    await rig.talk(first, 50)
    assert 18 <= dropper.dropped <= 22  # two every 100 ms of a second
    assert len(ear.media) == 50 - dropper.dropped
    rig.engine.close()


def test_only_packets_of_the_named_peer_are_dropped() -> None:
    dropper = Dropper(Drops(5, host="192.0.2.9", port=4000), lambda: 0.0, random.Random(1))
    assert not dropper(("192.0.2.8", 4000))
    assert not dropper(("192.0.2.9", 4002))
    assert dropper(("192.0.2.9", 4000))


def test_a_random_count_is_at_most_the_count() -> None:
    counts = set()
    for seed in range(40):
        dropper = Dropper(Drops(4, is_random_count=True), lambda: 0.0, random.Random(seed))
        counts.add(sum(dropper(("h", 1)) for _ in range(10)))
    assert counts == {1, 2, 3, 4}
