"""What a bad network and an intruder do to the media of a bridged call, through the real server's sockets.

The parties' packets are numbered in their payloads, so that each one that comes through is known. Losses, copies and swaps
are seeded.
"""

from __future__ import annotations

import random
import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.support.office import Office, Peer
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import HOST, free_port, wait_until

pytestmark = pytest.mark.interop

COUNT = 600


class Party:
    """One end of the media: a bare socket."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.port = free_port(2)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, self.port))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setblocking(False)
        self.server: tuple[str, int] | None = None
        self.heard: list[bytes] = []

    def packet(self, number: int, mark: bytes) -> bytes:
        """Packet ``number`` of the stream: its payload begins with ``mark`` and the number."""
        head = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * 160, self.ssrc)
        return head + (mark + struct.pack("!I", number)).ljust(160, b"\x55")

    def send(self, packet: bytes, to: tuple[str, int] | None = None) -> None:
        """To the server, or elsewhere."""
        address = to or self.server
        assert address is not None
        self.socket.sendto(packet, address)

    def listen(self) -> None:
        """Take what has come; where it came from is the server's address for this party."""
        while True:
            try:
                data, self.server = self.socket.recvfrom(2048)
            except BlockingIOError:
                return
            if len(data) == 172:
                self.heard.append(data[12:])

    def heard_of(self, mark: bytes) -> list[bytes]:
        """What was heard with a mark, in order."""
        return [data for data in self.heard if data[:4] == mark]

    def catches_up(self, mark: bytes, count: int) -> None:
        """Until so many different packets with the mark have been heard: no buffer holds all that waits for a busy machine."""
        wait_until(
            lambda: len(set(self.numbers(mark))) >= count, 20, lambda: f"{count} packets: {len(self.heard_of(mark))}", 0.002
        )

    def numbers(self, mark: bytes) -> list[int]:
        """The numbers of what was heard with a mark, in order."""
        self.listen()
        return [struct.unpack("!I", data[4:8])[0] for data in self.heard_of(mark)]


class BridgedCall:
    """Alice and bob, whose packets the server relays."""

    def __init__(self, directory: Path, native: bool) -> None:
        bob_port = free_port(2)
        office = Office(
            [Peer("alice"), Peer("bob", port=bob_port)], contexts={"phones": "exten => relay,1,Dial(PJSIP/bob)\n"}, rtp_ports=40
        )
        files = office.configuration()
        files["rtp.conf"] += f"native_relay={'yes' if native else 'no'}\nstrictrtp=yes\n"
        office.files = {"rtp.conf": files["rtp.conf"]}
        self.alice, self.bob = Party(0xA11CE), Party(0xB0B)
        self.server = office.start(directory / "server")
        called = Scenario("bob").expect_request("INVITE", routes=True).answer(str(self.bob.port))
        self.callee = Sipp(called.expect_request("BYE").reply(200, "OK"), directory, port=bob_port, calls=1, timeout=90)
        calling = Scenario("alice", user="alice").invite(self.alice.port).answered().pause(60_000).bye()
        self.callee.__enter__()
        self.caller = Sipp(calling, directory, remote=office.port, number="relay", calls=1, timeout=90)
        self.caller.__enter__()
        wait_until(lambda: "2 active channels" in self.server.cli("core show channels"), 20, "the call stands")
        self._find_the_server()

    def _find_the_server(self) -> None:
        """Each party's address of the server is in the first packet that the other's lets through."""
        ports = [int(port) for port in re.findall(r":(\d+)", self.server.cli("rtp show sessions"))] or self._range()
        number = 0

        def both_hear() -> bool:
            nonlocal number
            number += 1
            for party in (self.alice, self.bob):
                packet = party.packet(number, b"warm")
                for port in ports if party.server is None else [party.server[1]]:
                    party.send(packet, (HOST, port))
                party.listen()
            time.sleep(0.02)  # the pace of speech
            return all(party.numbers(b"warm") for party in (self.alice, self.bob))

        wait_until(both_hear, 20, "media goes both ways")
        self.number = number

    def _range(self) -> list[int]:
        text = (self.server.config / "rtp.conf").read_text()
        found = re.search(r"rtpstart=(\d+)\nrtpend=(\d+)", text)
        assert found is not None
        return list(range(int(found[1]), int(found[2]) + 1, 2))

    def close(self) -> None:
        """Hang up and stop."""
        self.caller.__exit__(None, None, None)
        self.callee.__exit__(None, None, None)
        for channel in re.findall(r"PJSIP/\S+", self.server.cli("core show channels concise")):
            self.server.cli(f"channel request hangup {channel.partition('!')[0]}")
        problems = self.server.finish()
        for party in (self.alice, self.bob):
            party.socket.close()
        assert not problems, problems


@pytest.fixture(params=[True, False], ids=["native", "python"])
def call(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BridgedCall]:
    call = BridgedCall(tmp_path, request.param)
    try:
        yield call
    finally:
        call.close()


def impaired(numbers: range, seed: int) -> list[int]:
    """What a bad network makes of a stream: 5 % lost, 3 % twice, 5 % later than the next one."""
    chance = random.Random(seed)
    sent: list[int] = []
    for number in numbers:
        fate = chance.random()
        if fate < 0.05:
            continue
        sent.append(number)
        if fate < 0.08:
            sent.append(number)
        elif fate < 0.13 and len(sent) > 1:
            sent[-1], sent[-2] = sent[-2], sent[-1]
    return sent


def test_exactly_what_comes_in_goes_out(call: BridgedCall) -> None:
    """Every packet that reaches the server reaches the other side once for each time, and none is made up."""
    first = call.number + 1
    sent = impaired(range(first, first + COUNT), 20241129)
    for index, number in enumerate(sent):
        call.alice.send(call.alice.packet(number, b"talk"))
        time.sleep(0.002)  # a pace that no buffer minds; the server sees the same order
        call.bob.catches_up(b"talk", len(set(sent[: index + 1])) - 50)
    wait_until(
        lambda: set(call.bob.numbers(b"talk")) == set(sent) and len(call.bob.heard_of(b"talk")) in (len(sent), len(set(sent))),
        10, lambda: f"the packets come through: {len(call.bob.heard_of(b'talk'))} of {len(sent)}, {len(set(sent))} different",
    )  # fmt: skip


def test_a_spoofed_source_never_takes_over(call: BridgedCall) -> None:
    """Strict RTP: another source at the same port is not passed on, however much it sends, and the stream goes on."""
    intruder = Party(0xBAD)
    number = call.number
    for _ in range(20):  # the sources are learnt
        number += 1
        for party in (call.alice, call.bob):
            party.send(party.packet(number, b"warm"))
        time.sleep(0.02)  # the pace of speech
    begun = number
    for _ in range(300):
        number += 1
        call.alice.send(call.alice.packet(number, b"talk"))
        call.bob.send(call.bob.packet(number, b"talk"))
        for victim in (call.alice, call.bob):
            for copy in (intruder.packet(number, b"evil"), victim.packet(number + 1, b"evil")):
                intruder.send(copy, victim.server)
        time.sleep(0.004)  # a pace of sending, faster than speech: nothing is waited for by it
        for party in (call.alice, call.bob):  # slow enough for every socket's buffer, however long the server has no processor
            party.catches_up(b"talk", number - begun - 20)
    parties = (call.alice, call.bob)
    wait_until(
        lambda: all(len(party.numbers(b"talk")) == 300 for party in parties), 10,
        lambda: f"both hear all 300: {[len(party.numbers(b'talk')) for party in parties]}",
    )  # fmt: skip
    assert call.bob.numbers(b"evil") == call.alice.numbers(b"evil") == []
    intruder.listen()
    assert intruder.heard == []
    intruder.socket.close()
