"""Many sockets at once, natively and in Python: the same datagrams in the same order, and nothing for a socket that is gone."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from globstar.net import batch
from tests.conftest import IN_CI
from tests.unit.net.test_udp import bare


@pytest.fixture(params=["native", "python"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test runs with both."""
    way: str = request.param
    if way == "python":
        monkeypatch.setattr(batch, "_batch", None)
    elif not batch.is_native():
        assert not IN_CI, "the native module was not built"
        pytest.skip("the native module was not built")  # in CI a skip fails the run
    return way


class Ends:
    """Connected pairs of sockets on an inbox, and what came in."""

    def __init__(self, count: int) -> None:
        self.failures: list[tuple[int, Exception]] = []
        self.inbox = batch.new_inbox(lambda descriptor, error: self.failures.append((descriptor, error)))
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.heard: list[tuple[int, bytes, float]] = []
        for number in range(count):
            here, there = bare(), bare()
            here.connect(there.getsockname())
            there.connect(here.getsockname())
            self.pairs.append((here, there))
            self.inbox.add_receiver(here.fileno(), self.listener(number))

    def listener(self, number: int):
        def on_datagram(data: bytes, now: float) -> None:
            self.heard.append((number, data, now))

        return on_datagram

    def serve_all(self, now: float = 1.0) -> int:
        done = 0
        while found := self.inbox.serve(now):
            done += found
        return done

    def close(self) -> None:
        self.inbox.close()
        for pair in self.pairs:
            for one in pair:
                one.close()


@pytest.fixture
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    ends = Ends(3)
    yield ends
    ends.close()


def test_each_look_reads_one_datagram_of_each_socket(ends: Ends) -> None:
    for number, (_, there) in enumerate(ends.pairs):
        for turn in range(3):
            there.send(b"%d-%d" % (number, turn))
    assert ends.inbox.serve(7.0) == 3
    assert sorted(ends.heard) == [(number, b"%d-0" % number, 7.0) for number in range(3)]
    assert ends.serve_all() == 6
    assert [data for number, data, _ in ends.heard if number == 1] == [b"1-0", b"1-1", b"1-2"]
    assert ends.inbox.serve(8.0) == 0


def test_empty_and_longest_datagrams(ends: Ends) -> None:
    there = ends.pairs[0][1]
    for data in (b"", bytes(range(256)) * 8, bytes(9000)):
        there.send(data)
    ends.serve_all()
    assert [data for _, data, _ in ends.heard] == [b"", bytes(range(256)) * 8, bytes(batch.MAX_DATAGRAM)]


def test_more_than_one_look_has_room_for() -> None:
    ends = Ends(100)
    for _, there in ends.pairs:
        there.send(bytes(2000))
    ends.serve_all()
    assert sorted(number for number, data, _ in ends.heard if len(data) == 2000) == list(range(100))
    ends.close()


def test_a_refused_port_is_nothing_to_read(ends: Ends) -> None:
    here, there = ends.pairs[0]
    there.close()
    here.send(b"to nobody")  # an ICMP error comes back
    ends.pairs[1][1].send(b"x")
    ends.serve_all()
    assert ends.heard == [(1, b"x", 1.0)]
    assert not ends.failures


def test_readers_beside_receivers_and_one_for_the_other(ends: Ends) -> None:
    here, there = ends.pairs[0]
    read: list[bytes] = []
    ends.inbox.add(here.fileno(), lambda now: read.append(here.recv(100)))
    assert len(ends.inbox) == 3
    for _, other in ends.pairs:
        other.send(b"x")
    ends.serve_all()
    assert (read, len(ends.heard)) == ([b"x"], 2)
    ends.inbox.add_receiver(here.fileno(), ends.listener(9))
    there.send(b"y")
    ends.serve_all()
    assert ends.heard[-1] == (9, b"y", 1.0)


def test_who_is_taken_away_or_exchanged_in_a_batch_gets_nothing_of_it(ends: Ends) -> None:
    def first_comes(data: bytes, now: float) -> None:
        for number, (here, _) in enumerate(ends.pairs):
            if number == 1:
                ends.inbox.remove(here.fileno())
            elif number == 2:
                ends.inbox.add(here.fileno(), lambda now: None)

    ends.inbox.add_receiver(ends.pairs[0][0].fileno(), first_comes)
    for _, there in ends.pairs:
        there.send(b"x")
    ends.inbox.serve(1.0)
    late = [number for number, *_ in ends.heard]
    assert late in ([], [1], [2], [1, 2], [2, 1])  # those that came before the first
    assert len(ends.inbox) == 2
    assert not ends.inbox.remove(ends.pairs[1][0].fileno())
    ends.pairs[1][1].send(b"y")
    ends.heard.clear()
    assert ends.inbox.serve(1.0) <= 1
    assert not ends.heard


def test_a_callback_that_fails_is_told_and_does_not_stop_the_others(ends: Ends) -> None:
    def fails(*_: object) -> None:
        raise ValueError("a bug")

    bad = ends.pairs[0][0].fileno()
    ends.inbox.add_receiver(bad, fails)
    for _, there in ends.pairs:
        there.send(b"x")
    ends.serve_all()
    assert len(ends.heard) == 2
    assert [(descriptor, str(error)) for descriptor, error in ends.failures] == [(bad, "a bug")]


def test_closing_in_a_callback(ends: Ends) -> None:
    ends.inbox.add_receiver(ends.pairs[0][0].fileno(), lambda data, now: ends.inbox.close())
    for _, there in ends.pairs:
        there.send(b"x")
    ends.inbox.serve(1.0)
    assert ends.inbox.serve(1.0) == 0
    assert len(ends.inbox) == 0


def test_a_descriptor_that_cannot_be_watched(ends: Ends, tmp_path) -> None:
    file = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    with pytest.raises(PermissionError):
        ends.inbox.add(file, lambda now: None)
    os.close(file)


def test_what_a_tick_sends_goes_in_its_order_at_the_end(ends: Ends, way: str) -> None:
    outbox = batch.new_outbox()
    senders = [outbox.sender(there) for _, there in ends.pairs]
    assert senders[0].send(b"before") == 6
    outbox.begin()
    for turn in range(1000):
        for sender in senders:
            assert sender.send(b"%d" % turn) == len(b"%d" % turn)
        if turn % 100 == 99:
            outbox.flush()
            ends.serve_all()
    if way == "native":
        senders[0].send(b"waits")
        assert ends.serve_all() == 0
        outbox.end()
        assert ends.serve_all() == 1
        assert ends.heard.pop()[1] == b"waits"
    else:
        outbox.end()
    senders[0].send(b"after")
    ends.serve_all()
    wanted = [b"%d" % turn for turn in range(1000)]
    assert [data for number, data, _ in ends.heard if number == 0] == [b"before", *wanted, b"after"]
    assert [data for number, data, _ in ends.heard if number == 2] == wanted
    assert [sender.lost for sender in senders] == [0, 0, 0]


def test_a_refused_packet_is_counted_or_raised() -> None:
    outbox = batch.new_outbox()
    with bare() as here, bare() as there:
        here.connect(there.getsockname())
        sender = outbox.sender(here)
        there.close()
        sender.send(b"x")
        with pytest.raises(ConnectionRefusedError):
            sender.send(b"y")
        sender.send(b"x")
        outbox.begin()
        refused = 0
        for _ in range(2):
            try:
                sender.send(b"z")
            except ConnectionRefusedError:
                refused += 1
            outbox.flush()
        outbox.end()
        assert refused + sender.lost == 1


def test_only_bytes_are_sent() -> None:
    outbox = batch.new_outbox()
    with bare() as here, bare() as there:
        here.connect(there.getsockname())
        with pytest.raises(TypeError):
            outbox.sender(here).send("text")  # type: ignore[arg-type]
