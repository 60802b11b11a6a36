"""Garbage for SIP and RTP ports, from a seed: random bytes, mutated messages, broken streams."""

from __future__ import annotations

import random
import socket
import threading
import time
from pathlib import Path
from typing import Self

from tests.support.loopback import HOST

VIA = "Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{n}"
INVITE = (
    "INVITE sip:610@{host} SIP/2.0", VIA, "Max-Forwards: 70", "From: <sip:stranger@{host}>;tag=a{n}", "To: <sip:610@{host}>",
    "Call-ID: flood-{n}", "CSeq: 1 INVITE", "Contact: <sip:stranger@{host}:{port}>", "Content-Type: application/sdp",
    "Content-Length: 129", "", "v=0", "o=- 1 1 IN IP4 {host}", "s=-", "c=IN IP4 {host}", "t=0 0", "m=audio 9 RTP/AVP 0 101",
    "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "",
)  # fmt: skip
REGISTER = (
    "REGISTER sip:{host} SIP/2.0", VIA.replace("Via", "v"), "f: <sip:stranger@{host}>;tag=b{n}", "t: <sip:stranger@{host}>",
    "i: flood-{n}", "CSeq: 2 REGISTER", "m: *", "Expires: 0", "l: 0", "", "",
)  # fmt: skip
BYE = (
    "BYE sip:610@{host} SIP/2.0", VIA + ";received=[::1", 'From: "unclosed <sip:x@{host}>;tag=c{n}',
    "To: <sip:610@{host}>;tag=nobody", "Call-ID: flood-{n}", "CSeq: 99999999999 BYE", "", "",
)  # fmt: skip
RESPONSE = (
    "SIP/2.0 200 OK", VIA, "From: <sip:a@{host}>;tag=d", "To: <sip:b@{host}>;tag=e", "Call-ID: flood-{n}", "CSeq: 1 INVITE",
    "Content-Length: -5", "", "",
)  # fmt: skip
OPTIONS = (
    "OPTIONS sip:{host} SIP/2.0", VIA, "From: <sip:a@{host}>;tag=f{n}", "To: <sip:{host}>", "Call-ID: flood-{n}",
    "CSeq: 1 OPTIONS", "Require: nothing-there", "Content-Length: 0", "", "",
)  # fmt: skip
TEMPLATES = tuple("\r\n".join(lines) for lines in (INVITE, REGISTER, BYE, RESPONSE, OPTIONS))


def mutated(source: random.Random, number: int, port: int) -> bytes:
    """One hostile datagram."""
    kind = source.randrange(10)
    if kind == 0:
        return source.randbytes(source.randrange(1, 1400))
    message = bytearray(source.choice(TEMPLATES).format(host=HOST, port=port, n=f"{number}x{port}").encode())
    if kind == 1:
        return bytes(message[: source.randrange(len(message))])
    if kind == 2:
        return bytes(message)
    if kind == 3:  # a header of many kilobytes
        return bytes(message).replace(b"Call-ID: ", b"Call-ID: " + b"x" * source.randrange(8000, 50000))
    for _ in range(source.randrange(1, 20)):
        position = source.randrange(len(message))
        choice = source.randrange(3)
        if choice == 0:
            message[position] = source.randrange(256)
        elif choice == 1:
            del message[position : position + source.randrange(1, 30)]
        else:
            message[position:position] = source.choice((b"\r\n", b"\0", b"%", b";;", b"\r\n ", b'"', b"<", b"\xff\xfe"))
        if not message:
            return b"\r\n"
    return bytes(message)


#: Bytes in a server's socket that are no more than half of what it holds, with those of twenty more datagrams.
UNREAD = 60_000


def unread(port: int) -> int:
    """Bytes that wait in the UDP socket of a port, as the kernel counts them (proc(5), /proc/net/udp)."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port:
            return int(fields[4].rpartition(":")[2], 16)
    return 0


class Flood:
    """Sends until the context is left: ``rate`` datagrams a second to ``port``, and broken TCP connections.

    With ``is_read`` datagrams wait until the server has read those before them, so that all of them come.
    """

    def __init__(self, port: int, *, seed: int, rate: int = 1000, tcp: bool = True, is_read: bool = False) -> None:
        self.port, self.rate, self.is_read = port, rate, is_read
        self.sent = self.connections = 0
        self._source = random.Random(seed)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send_datagrams, name="flood-udp", daemon=True)]
        if tcp:
            self._threads.append(threading.Thread(target=self._send_streams, name="flood-tcp", daemon=True))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send_datagrams(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind((HOST, 0))
            own = udp.getsockname()[1]
            started = time.monotonic()
            while not self._stop.is_set():
                if self.is_read and self.sent % 20 == 0 and unread(self.port) > UNREAD:
                    self._stop.wait(0.005)
                    continue
                udp.sendto(mutated(self._source, self.sent, own), (HOST, self.port))
                self.sent += 1
                time.sleep(max(0.0, started + self.sent / self.rate - time.monotonic()))

    def _send_streams(self) -> None:
        source = random.Random(self.rate)
        while not self._stop.wait(0.02):
            try:
                with socket.create_connection((HOST, self.port), timeout=2) as tcp:
                    self.connections += 1
                    for _ in range(source.randrange(1, 6)):
                        tcp.sendall(mutated(source, self.connections, 9))
                    if source.random() < 0.3:
                        tcp.sendall(b"INVITE sip:x SIP/2.0\r\nContent-Length: 999999999999\r\n\r\n")
            except OSError:
                continue  # the server may close a connection that sends garbage
