"""An RTP party of the tests' own: records what arrives, plays samples in real time, sends RFC 4733 digits.

Written apart from the server's code on purpose: an error in one would otherwise hide in the other.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from tests.support.loopback import HOST, free_port, wait_until

Samples = npt.NDArray[np.int16]
EVENTS = "0123456789*#ABCD"


def _ulaw_table() -> Samples:
    """ITU-T G.711 table 2a: the value of each code word at 16 bits."""
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    return np.where(code & 0x80, 0x84 - magnitude, magnitude - 0x84).astype(np.int16)


def _alaw_table() -> Samples:
    """ITU-T G.711 table 1a: the value of each code word at 16 bits."""
    code = np.arange(256) ^ 0x55
    exponent = (code & 0x70) >> 4
    magnitude = ((code & 0x0F) << 4) + 8
    magnitude = np.where(exponent > 0, (magnitude + 0x100) << np.maximum(exponent - 1, 0), magnitude)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


DECODE = {0: _ulaw_table(), 8: _alaw_table()}
"""Code word to sample, by static payload type (RFC 3551: 0 is PCMU, 8 is PCMA)."""


def encode(samples: Samples, payload_type: int) -> bytes:
    """G.711 by the nearest code word."""
    table = DECODE[payload_type].astype(np.int32)
    order = np.argsort(table, kind="stable")
    ordered = table[order]
    right = np.clip(np.searchsorted(ordered, samples), 1, 255)
    left = right - 1
    nearer = np.where(samples - ordered[left] <= ordered[right] - samples, left, right)
    return order[nearer].astype(np.uint8).tobytes()


@dataclass(frozen=True, slots=True)
class Packet:
    """One received RTP packet."""

    arrival: float
    source: tuple[str, int]
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse_rtp(data: bytes, arrival: float, source: tuple[str, int]) -> Packet | None:
    """RFC 3550 section 5.1; None for what is not RTP version 2."""
    if len(data) < 12 or data[0] >> 6 != 2 or 192 <= data[1] <= 223:
        return None
    start = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    sequence, timestamp, ssrc = struct.unpack_from("!HII", data, 2)
    return Packet(arrival, source, data[1] & 0x7F, bool(data[1] & 0x80), sequence, timestamp, ssrc, data[start:end])


def decode_stream(packets: list[Packet]) -> Samples:
    """The G.711 audio of ``packets`` laid out by RTP time, gaps as silence; a new SSRC follows the old one's end."""
    pieces: list[Samples] = []
    streams: dict[int, list[Packet]] = {}
    for packet in packets:
        if packet.payload_type in DECODE:
            streams.setdefault(packet.ssrc, []).append(packet)
    for stream in streams.values():
        first = stream[0].timestamp
        offsets = [(packet.timestamp - first + 0x80000000) % 0x100000000 - 0x80000000 for packet in stream]
        base = min(offsets)
        length = max(offset - base + len(packet.payload) for offset, packet in zip(offsets, stream, strict=True))
        audio = np.zeros(length, np.int16)
        for offset, packet in zip(offsets, stream, strict=True):
            start = offset - base
            audio[start : start + len(packet.payload)] = DECODE[packet.payload_type][np.frombuffer(packet.payload, np.uint8)]
        pieces.append(audio)
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def decode_in_order(packets: list[Packet]) -> Samples:
    """The G.711 audio of one stream in the order of its numbers, without its pauses: who sends it may have no processor for
    a while, and goes on where it was.
    """
    sound = [packet for packet in packets if packet.payload_type in DECODE]
    if not sound:
        return np.zeros(0, np.int16)
    first = sound[0].sequence
    sound.sort(key=lambda packet: (packet.sequence - first + 0x8000) % 0x10000)
    return np.concatenate([DECODE[packet.payload_type][np.frombuffer(packet.payload, np.uint8)] for packet in sound])


def decode_digits(packets: list[Packet], event_payload_type: int = 101) -> str:
    """The RFC 4733 digits of ``packets``: one for each distinct event time that has ended."""
    digits: dict[tuple[int, int], str] = {}
    for packet in packets:
        if packet.payload_type == event_payload_type and len(packet.payload) >= 4 and packet.payload[1] & 0x80:
            digits[(packet.ssrc, packet.timestamp)] = EVENTS[packet.payload[0]]
    return "".join(digits.values())


class RtpParty:
    """A UDP socket with a thread that records; ``remote`` is latched from the first packet unless set."""

    def __init__(self, payload_type: int = 0, event_payload_type: int = 101) -> None:
        self.payload_type = payload_type
        self.event_payload_type = event_payload_type
        self.port = free_port(2)
        self.remote: tuple[str, int] | None = None
        self.packets: list[Packet] = []
        self._random = random.Random(self.port)
        self._sequence = self._random.randrange(0x8000)
        self._timestamp = self._random.randrange(0x10000000)
        self._ssrc = self._random.randrange(0x100000000)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((HOST, self.port))
        self._socket.settimeout(0.2)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._receive, name=f"rtp-{self.port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop recording; what was recorded stays."""
        self._closed.set()
        self._thread.join()
        self._socket.close()

    def _receive(self) -> None:
        while not self._closed.is_set():
            try:
                data, source = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            packet = self.parse(data, time.monotonic(), source)
            if packet is not None:
                if self.remote is None:
                    self.remote = source
                self.packets.append(packet)

    def parse(self, data: bytes, arrival: float, source: tuple[str, int]) -> Packet | None:
        """A datagram as a packet; None for what is none."""
        return parse_rtp(data, arrival, source)

    def put(self, data: bytes, remote: tuple[str, int]) -> None:
        """Send a packet."""
        self._socket.sendto(data, remote)

    def audio(self, since: float = 0.0) -> Samples:
        """What was heard, at 8,000 Hz; ``since`` leaves out packets that arrived before (time.monotonic())."""
        return decode_stream([packet for packet in tuple(self.packets) if packet.arrival >= since])

    def said(self) -> Samples:
        """What was said to it, without the pauses of who was late with it."""
        return decode_in_order(list(self.packets))

    def digits(self) -> str:
        """The RFC 4733 digits received."""
        return decode_digits(list(self.packets), self.event_payload_type)

    def wait_audio(self, seconds: float, timeout: float = 10) -> None:
        """Until that much audio has arrived."""
        wait_until(lambda: self.audio().size >= 8000 * seconds, timeout, f"{seconds} s of audio at port {self.port}")

    def _send(self, payload_type: int, marker: bool, timestamp: int, payload: bytes) -> None:
        assert self.remote is not None, "nobody has been heard yet; set remote"
        header = struct.pack(
            "!BBHII",
            0x80,
            payload_type | (0x80 if marker else 0),
            self._sequence,
            timestamp & 0xFFFFFFFF,
            self._ssrc,
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.put(header + payload, self.remote)

    def play(self, samples: Samples, stop: threading.Event | None = None) -> None:
        """Send ``samples`` as G.711, 20 ms a packet, against absolute deadlines; returns when all are sent."""
        encoded = encode(samples, self.payload_type)
        started = time.monotonic()
        for index in range(0, len(encoded), 160):
            if stop is not None and stop.is_set():
                return
            time.sleep(max(0.0, started + index / 8000 - time.monotonic()))
            self._send(self.payload_type, index == 0, self._timestamp, encoded[index : index + 160])
            self._timestamp += 160

    def send_digits(self, digits: str, duration_ms: int = 100, gap_ms: int = 80) -> None:
        """Press keys: RFC 4733 section 2.5.1, packets every 20 ms, the end packet three times."""
        for digit in digits:
            code = EVENTS.index(digit)
            steps = duration_ms // 20
            started = time.monotonic()
            for step in range(1, steps + 1):
                time.sleep(max(0.0, started + step * 0.02 - time.monotonic()))
                last = step == steps
                payload = struct.pack("!BBH", code, (0x80 if last else 0) | 10, step * 160)
                for _ in range(3 if last else 1):
                    self._send(self.event_payload_type, step == 1, self._timestamp, payload)
            self._timestamp += 8 * (duration_ms + gap_ms)
            time.sleep(gap_ms / 1000)
