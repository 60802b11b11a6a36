"""Port pairs out of a range."""

from __future__ import annotations

import random

from globstar.media.ports import REST_SECONDS, PortAllocator


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
