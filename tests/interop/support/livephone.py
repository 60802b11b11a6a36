"""Phones over real UDP that talk all the time: one thread speaks, listens and answers SIP for all of them.

What a phone says is noise that no other part of it repeats, so that what another one hears tells by itself which sound is
missing, comes twice, or is of nobody; see ``spoken``. Time is counted in the packets that all phones send at once, of 20 ms
each, and not by a clock: a busy machine delays both ends alike.
"""

from __future__ import annotations

import re
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from tests.interop.support.processor import Waits
from tests.interop.support.rtp import EVENTS, Packet, decode_digits, parse_rtp
from tests.support.loopback import HOST, free_port, wait_until

#: Seconds of noise that a phone has; it is not repeated. A call may last through all tests of a file, on a busy machine.
SECONDS = 400
PACKET = 160
PTIME = 0.02
#: Seconds for an answer; with other tests beside it a server may be without a processor for several.
PATIENCE = 20.0


def noise(seed: int) -> bytes:
    """mu-law by chance, from -5,000 to 5,000, and never zero, which has two codes."""
    source = np.random.default_rng(seed)
    size = 8000 * SECONDS
    return (source.integers(0x20, 0x70, size) | source.integers(0, 2, size) << 7).astype(np.uint8).tobytes()


@dataclass(frozen=True, slots=True)
class Heard:
    """A packet that came, and how many packets each phone had sent by then."""

    packet: Packet
    tick: int


class Phones:
    """The thread; phones are made by :meth:`phone`, and all of them end with it."""

    def __init__(self, server_port: int, server_pid: int = 0) -> None:
        self.server = (HOST, server_port)
        self.phones: dict[str, LivePhone] = {}
        #: packets that a phone which talks since the start has sent
        self.tick = 0
        #: by tick, how many seconds after its time it was: the thread had no processor, and nobody could be heard meanwhile
        self.late: dict[int, float] = {}
        #: by tick, for how many seconds the server had no processor before it; where its process is given
        self.starved: dict[int, float] = {}
        self._waits = Waits(server_pid) if server_pid else None
        #: what broke the thread
        self.fault: BaseException | None = None
        self.lock = threading.RLock()
        self._selector = selectors.DefaultSelector()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live phones", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()
        self._selector.close()
        for phone in self.phones.values():
            phone.close()
        if self.fault is not None:
            raise AssertionError("the phones' thread broke") from self.fault

    def phone(self, name: str, port: int, **options: object) -> LivePhone:
        """Plug a phone in."""
        with self.lock:
            phone = self.phones[name] = LivePhone(self, name, port, seed=len(self.phones) + 1, **options)  # type: ignore[arg-type]
        return phone

    def watch(self, made: socket.socket, reader: Callable[[bytes, tuple[str, int]], None]) -> None:
        """Have ``reader`` called with each datagram of a socket."""
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._selector.register(made, selectors.EVENT_READ, reader)

    def forget(self, made: socket.socket) -> None:
        """Listen to a socket no more."""
        self._selector.unregister(made)
        made.close()

    def after(self, ticks: int) -> None:
        """Let phones talk for so many packets."""
        end = self.tick + ticks
        wait_until(lambda: self.tick >= end or self.fault, 60, f"{ticks} packets of 20 ms")

    def _run(self) -> None:
        begun = time.monotonic()
        try:
            while not self._closed.is_set():
                wait = begun + (self.tick + 1) * PTIME - time.monotonic()
                ready = self._selector.select(max(wait, 0))
                with self.lock:
                    for key, _ in ready:
                        self._drain(key)
                    if (late := time.monotonic() - begun - (self.tick + 1) * PTIME) >= 0:
                        self.tick += 1
                        if late > PTIME / 4:
                            self.late[self.tick] = late
                        if self._waits is not None and (starved := self._waits.since_last_look()) > PTIME / 4:
                            self.starved[self.tick] = starved
                        for phone in self.phones.values():
                            phone.speak()
        except BaseException as error:  # told when the test ends
            self.fault = error
            raise

    def _drain(self, key: selectors.SelectorKey) -> None:
        made = key.fileobj
        assert isinstance(made, socket.socket)
        while made.fileno() >= 0:
            try:
                data, source = made.recvfrom(65536)
            except (BlockingIOError, ConnectionRefusedError):
                return
            key.data(data, source)


class LivePhone:
    """One phone; has one call at a time, answers calls that come, and takes every re-INVITE."""

    def __init__(
        self, phones: Phones, name: str, port: int, *, seed: int, codec: int = 0, is_silent: bool = False, said: bytes = b""
    ) -> None:
        self.phones = phones
        self.name, self.port, self.codec = name, port, codec
        #: what it says from the first packet of a call on, in its codec
        self.said = said or noise(seed)
        self.is_silent = is_silent
        self.heard: list[Heard] = []
        #: of RTCP, and how many packets had been heard by then
        self.reports: list[tuple[bytes, int]] = []
        #: re-INVITEs and UPDATEs that came
        self.moves = 0
        #: where it sends
        self.aim: tuple[str, int] | None = None
        self.is_up = False
        #: the tick before the first packet of this call
        self.first = 0
        self.sent = 0
        self.ssrc = 0x1000 * seed
        #: all that it has had
        self.ssrcs = {self.ssrc}
        self._sequence = 100 * seed
        self._events: list[bytes] = []
        self._event_time = 0
        self._call = self._to = self._target = self._from = ""
        self._cseq = self._version = 0
        self._direction = "sendrecv"
        self._replies: dict[str, str] = {}
        self._finals: dict[str, str] = {}
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind((HOST, port))
        phones.watch(self._sip, self._receive_sip)
        self._open()

    # -- media -------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self.rtp_port = free_port(2)
        self._rtp, self._rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self._rtp.bind((HOST, self.rtp_port))
        self._rtcp.bind((HOST, self.rtp_port + 1))
        self.phones.watch(self._rtp, self._receive_rtp)
        self.phones.watch(self._rtcp, lambda data, source: self.reports.append((data, len(self.heard))))

    def _receive_rtp(self, data: bytes, source: tuple[str, int]) -> None:
        packet = parse_rtp(data, time.monotonic(), source)
        if packet is not None:
            self.heard.append(Heard(packet, self.phones.tick))

    def speak(self) -> None:
        """One packet; called by the thread."""
        if not self.is_up or self.aim is None or self.is_silent or self._direction in ("recvonly", "inactive"):
            return
        if not self.sent:
            self.first = self.phones.tick
        start = (self.phones.tick - self.first) * PACKET
        payload = self.said[start : start + PACKET]
        self.sent += 1
        if len(payload) == PACKET:
            self._send(self.codec, start, payload)
        if self._events:
            event = self._events.pop(0)
            is_first = event[1:] == b"\x0a\0\xa0"
            self._event_time = start if is_first else self._event_time
            self._send(101 | is_first << 7, self._event_time, event)

    def _send(self, kind: int, stamp: int, payload: bytes) -> None:
        assert self.aim is not None
        head = struct.pack("!BBHII", 0x80, kind, self._sequence & 0xFFFF, stamp, self.ssrc)
        self._sequence += 1
        self._rtp.sendto(head + payload, self.aim)

    def press(self, digits: str) -> None:
        """Digits of 100 ms (RFC 4733) beside what it says, their end three times."""
        with self.phones.lock:
            for digit in digits:
                code = EVENTS.index(digit)
                self._events += [struct.pack("!BBH", code, 10, step * 160) for step in range(1, 6)]
                self._events += [struct.pack("!BBH", code, 0x8A, 800)] * 3

    def digits(self) -> str:
        """What came."""
        return decode_digits([heard.packet for heard in self.heard])

    def change_source(self) -> None:
        """Go on under another SSRC, as after a change of what it plays."""
        with self.phones.lock:
            self.ssrc += 1
            self.ssrcs.add(self.ssrc)
            self._sequence += 7777

    def change_port(self) -> None:
        """Send from another port from now on, as after a change of the address translation before it; tell nobody."""
        with self.phones.lock:
            old = (self._rtp, self._rtcp)
            self._open()
            for made in old:
                self.phones.forget(made)

    # -- SIP ---------------------------------------------------------------------------------------------------------

    def sdp(self) -> str:
        """The phone's session description, a new version each time."""
        self._version += 1
        name = {0: "PCMU", 8: "PCMA"}[self.codec]
        return (
            f"v=0\r\no={self.name} 7 {self._version} IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {self.rtp_port} RTP/AVP {self.codec} 101\r\na=rtpmap:{self.codec} {name}/8000\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na={self._direction}\r\n"
        )

    def _request(self, method: str, body: str = "", *, cseq: int = 0, extra: str = "") -> int:
        if not cseq:
            self._cseq += 1
        number = cseq or self._cseq
        kind = "Content-Type: application/sdp\r\n" if body else ""
        here = f"{HOST}:{self.port}"
        self._sip.sendto(
            (
                f"{method} {self._target} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{method}{number}{self._call}\r\n"
                f"Max-Forwards: 70\r\nFrom: {self._from}\r\nTo: {self._to}\r\nCall-ID: {self._call}\r\n"
                f"CSeq: {number} {method}\r\nContact: <sip:{self.name}@{here}>\r\n{extra}{kind}"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode(),
            self.phones.server,
        )
        return number

    def _begin(self) -> None:
        self.is_up = False
        self.sent = self.moves = 0
        self._direction = "sendrecv"
        self.heard.clear()
        self.reports.clear()
        self._finals.clear()

    def call(self, number: str) -> None:
        """Dial; returns when the call is answered."""
        with self.phones.lock:
            self._begin()
            self._call = f"{self.name}-{time.monotonic_ns()}"
            self._target = f"sip:{number}@{HOST}:{self.phones.server[1]}"
            self._from, self._to = f"<sip:{self.name}@{HOST}>;tag={self.name}", f"<{self._target}>"
            call = f"{self._request('INVITE', self.sdp())} INVITE"
        # not until it is up: a short call may be over before anyone looks
        wait_until(lambda: self._finals.get(call, "").startswith("200"), 10, lambda: f"{self.name} is answered: {self._finals}")

    def reinvite(self, direction: str = "sendrecv", *, moves: bool = False) -> None:
        """Change the session: its direction, and with ``moves`` the port at which it listens and from which it sends."""
        if moves:
            self.change_port()
        with self.phones.lock:
            self._direction = direction
            number = self._request("INVITE", self.sdp())
        wait_until(lambda: f"{number} INVITE" in self._finals, PATIENCE, f"the answer to {self.name}'s re-INVITE")
        assert self._finals[f"{number} INVITE"].startswith("200"), self._finals

    def inform(self, line: str) -> None:
        """INFO with a header line, which must be accepted."""
        with self.phones.lock:
            number = self._request("INFO", extra=f"{line}\r\n")
        wait_until(lambda: f"{number} INFO" in self._finals, PATIENCE, f"the answer to {self.name}'s INFO")
        assert self._finals[f"{number} INFO"].startswith("200"), self._finals

    def hang_up(self) -> None:
        """End the call."""
        with self.phones.lock:
            number = self._request("BYE")
            self.is_up = False
        wait_until(lambda: f"{number} BYE" in self._finals, PATIENCE, f"the answer to {self.name}'s BYE")

    def _receive_sip(self, data: bytes, source: tuple[str, int]) -> None:
        text = data.decode()
        head, _, body = text.partition("\r\n\r\n")

        def header(name: str) -> str:
            found = re.search(rf"(?mi)^{name}:\s*(.*?)\r?$", head)
            return found[1] if found is not None else ""

        if text.startswith("SIP/2.0 "):
            status, cseq = text[8:11], header("CSeq")
            if status[0] == "1" or header("Call-ID") != self._call:
                return
            self._finals.setdefault(cseq, text[8:60].partition("\r")[0])
            if cseq.endswith(" INVITE"):
                if status == "200":
                    self._to = header("To")
                    self._target = header("Contact").strip("<>")
                    self._learn(body)
                self._request("ACK", cseq=int(cseq.split()[0]))
            return
        method = text.split(" ", 1)[0]
        if method == "ACK":
            return
        key = f"{header('Call-ID')} {header('CSeq')}"
        if key not in self._replies:  # else it is a retransmission
            self._replies[key] = self._answer(method, header, body, head)
        self._sip.sendto(self._replies[key].encode(), source)

    def _answer(self, method: str, header: Callable[[str], str], body: str, head: str) -> str:
        to, answer = header("To"), ""
        if method == "INVITE" and ";tag=" not in to:
            self._begin()
            to += f";tag={self.name}"
            self._call, self._from, self._to = header("Call-ID"), to, header("From")
            self._target = header("Contact").strip("<>")
        elif header("Call-ID") == self._call:
            self.moves += method in ("INVITE", "UPDATE") and bool(body)
            self.is_up = self.is_up and method != "BYE"
        if method in ("INVITE", "UPDATE"):
            answer = self.sdp()
            self._learn(body)
        vias = "".join(f"{line}\r\n" for line in head.split("\r\n") if line.lower().startswith(("via:", "record-route:")))
        kind = "Content-Type: application/sdp\r\n" if answer else ""
        return (
            f"SIP/2.0 200 OK\r\n{vias}From: {header('From')}\r\nTo: {to}\r\nCall-ID: {header('Call-ID')}\r\n"
            f"CSeq: {header('CSeq')}\r\nContact: <sip:{self.name}@{HOST}:{self.port}>\r\n{kind}"
            f"Content-Length: {len(answer)}\r\n\r\n{answer}"
        )

    def _learn(self, body: str) -> None:
        """Media go where the other side's description says."""
        host, port = re.search(r"c=IN IP4 (\S+)", body), re.search(r"m=audio (\d+)", body)
        if host is not None and port is not None:
            self.aim = (host[1], int(port[1]))
            self.is_up = True

    def close(self) -> None:
        """Unplug; the thread has ended."""
        for made in (self._sip, self._rtp, self._rtcp):
            made.close()
