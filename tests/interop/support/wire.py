"""What a system on networks in memory sends, as a capture file that tshark judges."""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from globstar.media.network import MediaNetwork
from globstar.net.flow import Address
from globstar.proto.pcap import FILE_HEADER, record
from globstar.testing.sip_network import MemorySipNetwork
from tests.interop.support.programs import require
from tests.support.sip_network import MemoryCarrier

#: Ports of the server's media in ``sip_office``.
_MEDIA_PORTS = range(10000, 21000)
#: From "warning" on.
_FILTER = "_ws.malformed or _ws.expert.severity >= 0x600000"
#: What phones in tests put into packets is no picture and no fax.
_NOT_OURS = ("h264", "vp8", "t38")
#: tshark's word for what it cannot know; the packet itself is sound.
_ENCRYPTED = "Encrypted RTCP Payload - not dissected"


@dataclass(slots=True)
class Verdict:
    """``kinds``: how many packets of the server there are of each protocol; ``complaints``: what tshark says against them."""

    kinds: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)


class Wire:
    """All that passes networks in memory from now on, in the order in which it is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.records: list[bytes] = []
        #: of each record, whether the server sent it
        self.is_ours: list[bool] = []
        carry, send, deliver = MediaNetwork.carry, MemoryCarrier.send, MemorySipNetwork.send

        def carried(network: MediaNetwork, source: Address, target: Address, data: bytes) -> None:
            self._note(network.loop.time(), source, target, data, source[1] in _MEDIA_PORTS)
            carry(network, source, target, data)

        def sent(carrier: MemoryCarrier, flow: object, data: bytes, address: Address) -> None:
            self._note(carrier.network.loop.time(), carrier.local_address, address, data, True)
            send(carrier, flow, data, address)  # type: ignore[arg-type]

        def delivered(network: MemorySipNetwork, data: bytes, source: Address, target: Address, protocol: str = "UDP") -> None:
            self._note(network.loop.time(), source, target, data, False)
            deliver(network, data, source, target, protocol)

        monkeypatch.setattr(MediaNetwork, "carry", carried)
        monkeypatch.setattr(MemoryCarrier, "send", sent)
        monkeypatch.setattr(MemorySipNetwork, "send", delivered)

    def _note(self, now: float, source: Address, target: Address, data: bytes, is_ours: bool) -> None:
        self.is_ours.append(is_ours)
        self.records.append(record(bytes(data), source, target, 1_000_000_000 + now))

    def judged(self, path: Path) -> Verdict:
        """Let tshark read it all, kept in ``path``; it knows streams from SDP, others by their looks."""
        path.write_bytes(FILE_HEADER + b"".join(self.records))
        command = [require("tshark"), "-r", str(path), "--enable-heuristic", "rtp_udp", "-T", "fields", "-E", "separator=\t"]
        command += [part for name in _NOT_OURS for part in ("--disable-protocol", name)]
        command += ["-e", "frame.number", "-e", "frame.protocols", "-e", "_ws.expert.message"]
        verdict = Verdict()
        for number, protocols, _ in _rows(command):
            if self.is_ours[int(number) - 1]:
                verdict.kinds[protocols.removeprefix("raw:ip:udp:")] += 1
        for number, protocols, message in _rows([*command, "-Y", _FILTER]):
            if self.is_ours[int(number) - 1] and message != _ENCRYPTED:
                verdict.complaints.append(f"{number} {protocols}: {message}")
        return verdict


def _rows(command: list[str]) -> list[list[str]]:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    return [line.split("\t") for line in done.stdout.splitlines()]
