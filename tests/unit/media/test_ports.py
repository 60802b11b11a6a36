"""Port pairs out of a range."""

from __future__ import annotations

import errno
import random

import pytest

from globstar.media.ports import (
    COMPLAINT_SECONDS,
    REST_SECONDS,
    RETRY_SECONDS,
    SURVEY_AFTER,
    TAKEN_SECONDS,
    PortAllocator,
    bind_free,
)


def test_even_ports_each_once_then_none() -> None:
    ports = PortAllocator(10000, 10009, random.Random(1), lambda: 0.0)
    given = [ports.allocate() for _ in range(6)]
    assert sorted(port for port in given if port is not None) == [10000, 10002, 10004, 10006, 10008]
    assert given[5] is None
    assert (ports.free, ports.used) == (0, 5)


def test_odd_bounds() -> None:
    """The pair must fit: an odd start is rounded up, the RTCP port stays within the range."""
    ports = PortAllocator(10001, 10006, random.Random(1), lambda: 0.0)
    assert {ports.allocate(), ports.allocate()} == {10002, 10004}
    assert ports.allocate() is None


def test_freed_port_comes_back_last() -> None:
    ports = PortAllocator(10000, 10009, random.Random(1), lambda: 0.0)
    first = ports.allocate()
    assert first is not None
    ports.release(first)
    assert [ports.allocate() for _ in range(5)][-1] == first


def test_releasing_twice_or_a_stranger_does_no_harm() -> None:
    ports = PortAllocator(10000, 10003, random.Random(1), lambda: 0.0)
    first = ports.allocate()
    assert first is not None
    for port in (first, first, 9000):
        ports.release(port)
    assert (ports.free, ports.used) == (2, 0)


def test_order_is_not_predictable() -> None:
    first = {PortAllocator(10000, 10999, random.Random(seed), lambda: 0.0).allocate() for seed in range(9)}
    assert len(first) > 1


def test_empty_range() -> None:
    assert PortAllocator(10000, 10000, random.Random(1), lambda: 0.0).allocate() is None


def test_a_port_rests_before_it_is_used_again() -> None:
    now = [0.0]
    ports = PortAllocator(10000, 10005, random.Random(1), lambda: now[0])
    first = ports.allocate()
    assert first is not None
    now[0] = 10.0
    ports.release(first)
    assert ports.allocate() != first
    assert ports.allocate() != first
    now[0] += REST_SECONDS
    assert ports.allocate() == first
    assert ports.unrested == 0


def test_rather_a_port_that_has_not_rested_than_none() -> None:
    now = [0.0]
    ports = PortAllocator(10000, 10003, random.Random(1), lambda: now[0])
    first, second = ports.allocate(), ports.allocate()
    assert first is not None
    assert second is not None
    now[0] = 1.0
    ports.release(second)
    now[0] = 1.5
    ports.release(first)
    assert ports.allocate() == second
    assert (ports.unrested, ports.free) == (1, 1)


class World:
    """A host on which other programs have ports."""

    def __init__(self, ports: PortAllocator, taken: set[int]) -> None:
        self.ports = ports
        self.taken = taken
        self.tried: list[int] = []
        self.surveys = 0

    def bind(self, port: int) -> int:
        self.tried.append(port)
        if port in self.taken or port + 1 in self.taken:
            raise OSError(errno.EADDRINUSE, "address already in use")
        return port

    def survey(self) -> set[int]:
        self.surveys += 1
        return self.taken

    def open(self) -> int | None:
        found = bind_free(self.ports, self.bind, self.survey)
        return found[0] if found is not None else None


@pytest.mark.parametrize("offset", [0, 1], ids=["their RTP", "their RTCP"])
def test_the_last_free_port_of_many_is_found_with_few_binds(offset: int) -> None:
    """However many ports other programs have: the system is asked after some, not each tried."""
    now = [0.0]
    ports = PortAllocator(10000, 19999, random.Random(3), lambda: now[0])
    world = World(ports, {port + offset for port in range(10000, 20000, 2)} - {14442 + offset})
    assert world.open() == 14442
    assert len(world.tried) == SURVEY_AFTER + 1
    assert (ports.used, ports.free, ports.taken) == (1, 0, 4999)
    assert world.open() is None, "they were tried a moment ago"
    assert (len(world.tried), world.surveys) == (SURVEY_AFTER + 1, 1)


def test_without_the_systems_help_each_port_is_tried_once() -> None:
    ports = PortAllocator(10000, 10999, random.Random(3), lambda: 0.0)
    world = World(ports, set(range(10000, 11000)) - {10500, 10501})
    assert bind_free(ports, world.bind, set) == (10500, 10500)
    assert len(world.tried) == len(set(world.tried)) <= 500
    assert bind_free(ports, world.bind, set) is None


def test_ports_of_other_programs_are_tried_again_after_a_while() -> None:
    now = [0.0]
    ports = PortAllocator(10000, 10007, random.Random(1), lambda: now[0])
    world = World(ports, {10000, 10002, 10004})
    assert [world.open(), world.open()] == [10006, None]
    world.taken.clear()
    assert world.open() is None, "they were tried a moment ago"
    now[0] = RETRY_SECONDS
    first = world.open()
    assert first in (10000, 10002, 10004), "there are no others, so they are tried soon"
    assert ports.taken == 2
    ports.release(10006)
    now[0] += REST_SECONDS
    assert world.open() == 10006, "one that is known to be free comes first"
    now[0] = TAKEN_SECONDS
    assert {world.open(), world.open()} == {10000, 10002, 10004} - {first}
    assert ports.taken == 0


def test_a_host_that_cannot_be_bound_costs_no_port() -> None:
    ports = PortAllocator(10000, 10007, random.Random(1), lambda: 0.0)

    def bind(port: int) -> int:
        raise OSError(errno.EADDRNOTAVAIL, "not ours")

    with pytest.raises(OSError, match="not ours"):
        bind_free(ports, bind, set)
    assert (ports.used, ports.free, ports.taken) == (0, 4, 0)


def test_a_shortage_is_told_once_a_minute() -> None:
    now = [0.0]
    ports = PortAllocator(10000, 10003, random.Random(1), lambda: now[0])
    ports.allocate()
    ports.set_aside(ports.allocate() or 0)
    assert ports.complaint() == "is free in 10000 to 10003: 1 are in use, 1 have other programs"
    assert [ports.complaint() for _ in range(5)] == [None] * 5
    now[0] = COMPLAINT_SECONDS
    told = ports.complaint()
    assert told is not None
    assert told.endswith("(6 times since this was told last)")


def test_a_port_rests_in_all_ranges_that_have_it() -> None:
    """An endpoint has a range of its own within that of all others, or rtp.conf another one than before."""
    now, resting = [100.0], {}
    own = PortAllocator(10000, 10001, random.Random(1), lambda: now[0], resting)
    common = PortAllocator(10000, 10007, random.Random(2), lambda: now[0], resting)
    for _ in range(20):
        assert own.allocate() == 10000
        own.release(10000)
        given = [common.allocate() for _ in range(3)]
        assert 10000 not in given
        for port in given:
            common.release(port or 0)
        now[0] += REST_SECONDS
    assert common.unrested == 0
    own.allocate()
    own.release(10000)
    assert {common.allocate() for _ in range(4)} == {10000, 10002, 10004, 10006}, "rather that than none"
    assert common.unrested == 1
