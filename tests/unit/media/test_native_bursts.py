"""When the native relay pauses to gather packets: between those of one burst never, whatever else is to be read.

Nothing is timed: the thread counts its wake-ups and pauses, and the socket rests while a burst is sent to it, so that all of it
is there when the thread looks.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from globstar.media import native
from tests.conftest import IN_CI
from tests.unit.media.native_rig import HOST, SSRC, WAYS, Way

NATIVE = [way for way in WAYS if way.values[0] is not Way.PYTHON]
COUNT = 20
#: as those of ``native.RelayThread`` that are not asked for
WAIT, FEW = 0.004, 2000.0


class Line:
    """One direction: who sends, who hears, and the sockets between, relayed by ``thread``."""

    def __init__(self, thread: native._native.RelayThread) -> None:
        self.thread = thread
        self.sender, self.hearer, self._in, self._out = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4))
        for one in self.sockets:
            one.bind((HOST, 0))
        for one, other in ((self.sender, self._in), (self._out, self.hearer)):
            one.connect(other.getsockname())
            other.connect(one.getsockname())
        self.hearer.settimeout(20)
        self.path = native._native.NativePath()
        self.number = 0
        self._put()
        thread.add(self.path, self._in.fileno(), self._out.fileno(), bytes(256), bytes(512), False, None, None, None, None)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        return self.sender, self.hearer, self._in, self._out

    def _put(self) -> None:
        self.thread.put(self.path, SSRC, 1, self.number - 1 & 0xFFFF, 0, 0, 0, 0, 0, 0, None, 0.0, 0.0, 0, 0)

    def send(self, count: int = 1) -> None:
        for _ in range(count):
            self.sender.send(
                struct.pack("!BBHII", 0x80, 0, self.number & 0xFFFF, self.number * 160, SSRC) + b"%08d" % self.number
            )
            self.number += 1

    def hear(self, count: int = 1) -> list[int]:
        return [int(self.hearer.recv(2048)[12:]) for _ in range(count)]

    def rest(self) -> None:
        """Have the thread read no more of the socket: something came that it does not know."""
        self.sender.send(b"?")
        assert select.select([self.thread.notify_descriptor], [], [], 20)[0]
        assert [waiting[0] for waiting in self.thread.take()[1]] == [self.path]

    def resume(self) -> None:
        self.thread.resume(self.path)


class Lines:
    """A thread that relays some lines."""

    def __init__(self, way: Way, count: int, wait: float, gathers_from: float) -> None:
        if not native.is_available():
            assert not IN_CI, "the native module was not built"
            pytest.skip("the native module was not built")  # in CI a skip fails the run
        self.thread = native._native.RelayThread(wait, way is Way.RING, gathers_from)
        self.lines = [Line(self.thread) for _ in range(count)]
        self._body = threading.Thread(target=self.thread.run)
        self._body.start()

    def counts(self) -> tuple[int, int]:
        """Wake-ups and pauses until now."""
        wakeups, _, _, pauses = self.thread.counts()
        return wakeups, pauses

    def close(self) -> None:
        self.thread.stop()
        self._body.join()
        for line in self.lines:
            for one in line.sockets:
                one.close()


@pytest.fixture(params=NATIVE)
def always(request: pytest.FixtureRequest) -> Iterator[Lines]:
    """A thread that pauses after every wake-up, however few packets there are, with three lines."""
    lines = Lines(request.param, 3, WAIT, 0)
    yield lines
    lines.close()


def test_a_burst_is_read_in_one_wakeup(always: Lines) -> None:
    busy = always.lines[0]
    busy.rest()
    wakeups, pauses = always.counts()
    busy.send(COUNT)
    busy.resume()
    assert busy.hear(COUNT) == list(range(COUNT))
    after = always.counts()
    assert after[0] - wakeups == 1
    assert after[1] - pauses <= 1, "the pause after the burst may be still to come"


def test_who_is_in_a_hurry_keeps_nobody_from_being_gathered(always: Lines) -> None:
    busy, *others = always.lines
    for _ in range(5):
        busy.rest()
        busy.send(COUNT)
        for other in others:
            other.send()
        busy.resume()
        for line, count in ((busy, COUNT), *((other, 1) for other in others)):
            assert line.hear(count) == list(range(line.number - count, line.number))
        busy.send()  # at once after the burst
        busy.hear()
    busy.rest()
    wakeups, pauses = always.counts()
    assert pauses == wakeups


@pytest.mark.parametrize("way", NATIVE)
def test_a_burst_is_not_the_load_of_many(way: Way) -> None:
    lines = Lines(way, 1, WAIT, FEW)
    busy = lines.lines[0]
    for _ in range(7):  # however fast: not 200 in the tenth of a second that counts
        busy.rest()
        busy.send(COUNT)
        busy.resume()
        assert busy.hear(COUNT) == list(range(busy.number - COUNT, busy.number))
    assert lines.counts()[1] == 0
    lines.close()


@pytest.mark.parametrize("way", NATIVE)
def test_many_packets_are_gathered(way: Way) -> None:
    lines = Lines(way, 3, WAIT, FEW)
    sent = 0
    while lines.counts()[1] == 0:
        for line in lines.lines:
            line.send(COUNT)
            assert line.hear(COUNT) == list(range(line.number - COUNT, line.number))
        sent += 3 * COUNT
        assert sent < 100_000, "it does not pause"
    lines.close()
