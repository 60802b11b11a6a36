"""A cable between two network namespaces that loses, delays, doubles and exchanges packets by a seed, and counts what it did.

It stands for netem, which not every kernel has: a program in a namespace of its own copies Ethernet frames between the two
ends. What it does to RTP follows the seed and the order of the packets alone, so that the counts are the same each time;
everything else passes as it is. Run it as ``python badline.py DEVICE DEVICE SEED LOSS DOUBLE EXCHANGE DELAY JITTER COUNTS``:
shares from 0 to 1, seconds, and the file for the counts, which is written when it is told to end.
"""

from __future__ import annotations

import heapq
import json
import random
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

from tests.interop.support.programs import require, require_namespaces
from tests.support.loopback import wait_until

SERVER, PHONE = "198.51.100.2", "198.51.100.3"
#: EtherType of IPv4, protocol of UDP, and the first octet of RTP version 2 without extras.
_IP, _UDP, _RTP = b"\x08\x00", 17, 0x80
#: socket(7): as SO_RCVBUF, beyond what the machine allows others than root.
_SO_RCVBUFFORCE = 33


@dataclass(slots=True)
class Counts:
    """What has become of the RTP packets of one direction; numbers are those of their headers."""

    passed: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    exchanged: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """What a line does: shares from 0 to 1, seconds."""

    seed: int = 1
    loss: float = 0.0
    double: float = 0.0
    exchange: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0


def number_of(frame: bytes) -> int | None:
    """The sequence number of a packet of RTP that carries voice, None for everything else."""
    if frame[12:14] != _IP or frame[23] != _UDP:
        return None
    start = 14 + 4 * (frame[14] & 0x0F) + 8
    if len(frame) < start + 12 or frame[start] != _RTP or 192 <= frame[start + 1] <= 223:
        return None
    return int.from_bytes(frame[start + 2 : start + 4], "big")


def unchecked(frame: bytes) -> bytes:
    """UDP without a checksum, which IPv4 allows: the kernel leaves it to the card, which these frames never see."""
    if frame[12:14] != _IP or frame[23] != _UDP:
        return frame
    at = 14 + 4 * (frame[14] & 0x0F) + 6
    return frame[:at] + b"\0\0" + frame[at + 2 :]


class Direction:
    """Frames from one end to the other."""

    def __init__(self, line: Line, seed: int) -> None:
        self.line = line
        self.chance = random.Random(seed)
        self.counts = Counts()
        self._waiting: deque[bytes] = deque()
        self._order = 0

    def take(self, frame: bytes, now: float) -> list[tuple[float, int, bytes]]:
        """When to bring what to the other end, in the order of a heap."""
        number, line = number_of(frame), self.line
        if number is None:
            return [self._at(now, frame)]
        fate, late = self.chance.random(), self.chance.random() * line.jitter
        counts = self.counts
        if fate < line.loss:
            counts.lost.append(number)
            return []
        counts.passed.append(number)
        fate -= line.loss
        if line.double <= fate < line.double + line.exchange and not self._waiting:
            counts.exchanged.append(number)
            self._waiting.append(frame)
            return []
        found = [self._at(now + line.delay + late, frame)]
        if fate < line.double:
            counts.doubled.append(number)
            found.append(self._at(now + line.delay + late, frame))
        if self._waiting:
            found.append(self._at(now + line.delay + late, self._waiting.popleft()))
        return found

    def end(self) -> None:
        """What waits for the one after it is lost, as there is none."""
        while self._waiting:
            number = number_of(self._waiting.popleft())
            assert number is not None
            self.counts.passed.remove(number)
            self.counts.lost.append(number)

    def _at(self, when: float, frame: bytes) -> tuple[float, int, bytes]:
        self._order += 1
        return when, self._order, frame


def serve(devices: tuple[str, str], line: Line, counts: Path) -> None:
    """Copy frames until a signal says that it is enough."""
    ends: list[socket.socket] = []
    for device in devices:
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        end.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 24)  # frames wait here while this program has no processor
        end.bind((device, 0))
        end.setblocking(False)
        ends.append(end)
    ways = [Direction(line, line.seed), Direction(line, line.seed + 1)]
    heaps: tuple[list[tuple[float, int, bytes]], ...] = ([], [])
    running = True

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    counts.with_suffix(".ready").touch()
    while running:
        now = time.monotonic()
        due = min((heap[0][0] for heap in heaps if heap), default=now + 0.1)
        readable, _, _ = select.select(ends, [], [], max(min(due - now, 0.1), 0))
        now = time.monotonic()
        for index, end in enumerate(ends):
            if end not in readable:
                continue
            while True:
                try:
                    frame, address = end.recvfrom(65536)
                except BlockingIOError:
                    break
                if address[2] != socket.PACKET_OUTGOING:
                    for item in ways[index].take(frame, now):
                        heapq.heappush(heaps[index], item)
        for index, heap in enumerate(heaps):
            while heap and heap[0][0] <= now:
                ends[1 - index].send(unchecked(heapq.heappop(heap)[2]))
    for way in ways:
        way.end()
    counts.write_text(json.dumps([asdict(way.counts) for way in ways]))


class BadLine:
    """The namespaces of a server and of a phone, and the line between; made on entry, removed on exit."""

    def __init__(self, folder: Path, line: Line) -> None:
        require_namespaces()
        self.line = line
        self._ip = require("ip")
        mark = secrets.token_hex(4)  # what a run that was killed has left behind has other names
        self.names = {role: f"globstar-{role}-{mark}" for role in ("server", "line", "phone")}
        self.server = (self._ip, "netns", "exec", self.names["server"])
        self.phone = (self._ip, "netns", "exec", self.names["phone"])
        self._counts = folder / "line.json"
        self._process: subprocess.Popen[bytes] | None = None

    def _run(self, *command: str, inside: str = "") -> None:
        prefix = (self._ip, "netns", "exec", self.names[inside]) if inside else ()
        done = subprocess.run([*prefix, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def __enter__(self) -> Self:
        try:
            for role, name in self.names.items():
                self._run(self._ip, "netns", "add", name)
                self._run(self._ip, "link", "set", "lo", "up", inside=role)
            for role, address in (("server", SERVER), ("phone", PHONE)):
                self._run(
                    self._ip, "link", "add", "eth0", "netns", self.names[role], "type", "veth", "peer", "name", f"to-{role}",
                    "netns", self.names["line"],
                )  # fmt: skip
                self._run(self._ip, "address", "add", f"{address}/24", "dev", "eth0", inside=role)
                self._run(self._ip, "link", "set", "eth0", "up", inside=role)
                self._run(self._ip, "link", "set", f"to-{role}", "up", inside="line")
            line = self.line
            shares = [str(value) for value in (line.seed, line.loss, line.double, line.exchange, line.delay, line.jitter)]
            command = [self._ip, "netns", "exec", self.names["line"], sys.executable, "-m", __name__, "to-server", "to-phone"]
            self._process = subprocess.Popen([*command, *shares, str(self._counts)])
            wait_until(self._counts.with_suffix(".ready").exists, 15, "the line is there")
        except BaseException:
            self.__exit__()
            raise
        return self

    def counts(self) -> tuple[Counts, Counts]:
        """End the line: what it did from the server to the phone, and from the phone to the server."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(60)
        self._process = None
        there, back = (Counts(**each) for each in json.loads(self._counts.read_text()))
        return there, back

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
        for name in self.names.values():
            subprocess.run([self._ip, "netns", "delete", name], capture_output=True, check=False)


if __name__ == "__main__":
    one, other, seed, *rest = sys.argv[1:]
    serve((one, other), Line(int(seed), *map(float, rest[:5])), Path(rest[5]))
