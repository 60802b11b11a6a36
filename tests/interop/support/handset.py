"""A telephone on the loopback address with a voice of one tone: it calls, is called, presses keys, holds, transfers.

Run by a thread, so that a test reads as a list of what people do; SIP is what such a phone needs and no more.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from itertools import count
from typing import Self

import numpy as np

from tests.interop.support.audio import level, sine
from tests.interop.support.rtp import EVENTS, RtpParty, Samples, encode
from tests.support.loopback import HOST, free_port, wait_until

_PACKET = 160
_numbers = count(1)


class Handset:
    """One line: user ``name`` at the server's ``port``; ``hertz`` is what it says from the answer on (0 for silence)."""

    def __init__(self, name: str, port: int, hertz: float = 0, *, answers: bool = True) -> None:
        self.name = name
        self.hertz = hertz
        self.answers = answers
        self.rtp = RtpParty()
        self.port = free_port()
        #: what the server sent: status of each final response to an INVITE, methods of its requests
        self.statuses: list[int] = []
        self.requests: list[str] = []
        self.is_up = False
        self._is_answered = False  # the call it made last has had its final response; it may be over since
        self._last_final = 0  # the CSeq of the last INVITE that has had one: it comes again where the ACK was late
        self._server = (HOST, port)
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind((HOST, self.port))
        self._sip.settimeout(0.1)
        self._closed = threading.Event()
        self._keys: list[str] = []
        self._own = self._peer = self._call_id = self._target = ""
        self._cseq = 0
        self._version = 1
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._receive, self._speak)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up and be gone."""
        if self.is_up:
            self.hang_up()
        self._closed.set()
        for thread in self._threads:
            thread.join()
        self._sip.close()
        self.rtp.close()

    # -- what its user does -------------------------------------------------------------------------------------------

    def call(self, number: str, *, wait: bool = True) -> Self:
        """Call a number, and wait for the answer."""
        self._call_id = f"{self.name}-{next(_numbers)}-{self.port}"
        self._own = f"<sip:{self.name}@{HOST}>;tag=h{next(_numbers)}"
        self._peer = f"<sip:{number}@{HOST}:{self._server[1]}>"
        self._target = f"sip:{number}@{HOST}:{self._server[1]}"
        self._is_answered = False
        self._request("INVITE", self._sdp("sendrecv"))
        if wait:
            wait_until(lambda: self._is_answered, 20, f"an answer to {self.name}")
        return self

    def wait_up(self) -> Self:
        """Until the phone is in a call."""
        wait_until(lambda: self.is_up, 20, f"{self.name} in a call")
        return self

    def wait_down(self, timeout: float = 20) -> Self:
        """Until its call is over."""
        wait_until(lambda: not self.is_up, timeout, f"the end of the call of {self.name}")
        return self

    def hang_up(self) -> None:
        """End the call."""
        self._request("BYE")
        self.is_up = False

    def press(self, keys: str) -> None:
        """Press keys (RFC 4733), and wait until they are sent."""
        self._keys.extend(keys)
        wait_until(lambda: not self._keys, 10 + len(keys), "keys sent")

    def hold(self) -> None:
        """Put the other on hold."""
        self._request("INVITE", self._sdp("sendonly"))

    def unhold(self) -> None:
        """Take the other back."""
        self._request("INVITE", self._sdp("sendrecv"))

    def refer(self, number: str) -> None:
        """Transfer the other blindly."""
        self._request("REFER", extra=(f"Refer-To: <sip:{number}@{HOST}:{self._server[1]}>", f"Referred-By: {self._own}"))

    def heard(self, seconds: float) -> Samples:
        """The last seconds of what was heard; what is older than that does not count."""
        return self.rtp.audio(since=time.monotonic() - seconds)

    def hears(self, *hertz: float, seconds: float = 0.6) -> dict[float, float]:
        """How loud each tone is in what was heard of late (amplitude)."""
        samples = self.heard(seconds)
        return {one: amplitude(samples, one) for one in hertz}

    def loudness(self, seconds: float = 0.6) -> float:
        """Root mean square of what was heard of late."""
        return level(self.heard(seconds))

    # -- sound --------------------------------------------------------------------------------------------------------

    def _speak(self) -> None:
        began, packets = time.monotonic(), 0
        voices: dict[float, bytes] = {}
        while not self._closed.is_set():
            packets += 1
            time.sleep(max(0.0, began + packets * 0.02 - time.monotonic()))  # the pace of the packets
            if not self.is_up or self.rtp.remote is None:
                continue
            if self._keys:
                self._send_key(self._keys[0])
                self._keys.pop(0)
                began, packets = time.monotonic(), 0
                continue
            hertz = self.hertz
            if hertz not in voices:
                voices[hertz] = encode(sine(hertz, 1) if hertz else np.zeros(8000, np.int16), 0)
            start = packets * _PACKET % 8000
            self.rtp._send(0, False, self.rtp._timestamp, voices[hertz][start : start + _PACKET])
            self.rtp._timestamp += _PACKET

    def _send_key(self, key: str) -> None:
        for step in range(1, 6):
            last = step == 5
            payload = struct.pack("!BBH", EVENTS.index(key), (0x80 if last else 0) | 10, step * _PACKET)
            for _ in range(3 if last else 1):
                self.rtp._send(101, step == 1, self.rtp._timestamp, payload)
            time.sleep(0.02)  # the pace of the packets
        self.rtp._timestamp += 9 * _PACKET
        time.sleep(0.06)  # a pause between two keys

    # -- SIP ----------------------------------------------------------------------------------------------------------

    def _sdp(self, direction: str) -> str:
        self._version += 1
        return (
            f"v=0\r\no=h 1 {self._version} IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {self.rtp.port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
            f"a=fmtp:101 0-16\r\na={direction}\r\n"
        )

    def _request(self, method: str, body: str = "", extra: tuple[str, ...] = (), cseq: int = 0, branch: str = "") -> None:
        if not cseq:
            self._cseq = cseq = self._cseq + 1
        self._send(
            [
                f"{method} {self._target} SIP/2.0",
                f"Via: SIP/2.0/UDP {HOST}:{self.port};rport;branch={branch or f'z9hG4bK{next(_numbers)}h'}",
                "Max-Forwards: 70",
                f"From: {self._own}",
                f"To: {self._peer}",
                f"Call-ID: {self._call_id}",
                f"CSeq: {cseq} {method}",
                *extra,
            ],
            body,
        )

    def _send(self, lines: list[str], body: str) -> None:
        lines = [*lines, f"Contact: <sip:{self.name}@{HOST}:{self.port}>", *(["Content-Type: application/sdp"] if body else [])]
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        self._sip.sendto(text.encode(), self._server)

    def _receive(self) -> None:
        while not self._closed.is_set():
            try:
                text = self._sip.recv(65536).decode()
            except TimeoutError:
                continue
            if text.startswith("SIP/2.0"):
                self._take_response(text)
            else:
                self._take_request(text)

    def _take_response(self, text: str) -> None:
        status, (cseq, method) = int(text[8:11]), _header(text, "CSeq").split()
        if method != "INVITE" or _header(text, "Call-ID") != self._call_id:
            return
        if status < 200:
            self._learn_media(text)
            return
        self._peer = _header(text, "To")
        if int(cseq) > self._last_final:  # else it is repeated, and the call may be over since
            self._last_final = int(cseq)
            if status < 300:
                self._target = _uri(_header(text, "Contact"))
                self._learn_media(text)
                self.is_up = True
            else:
                self.statuses.append(status)
        self._request("ACK", cseq=int(cseq), branch="" if status < 300 else _branch(text))
        self._is_answered = True

    def _take_request(self, text: str) -> None:
        method = text.split(maxsplit=1)[0]
        self.requests.append(method)
        if method == "ACK":
            return
        if method == "INVITE" and not self.is_up and not self.answers:
            self._respond(text, 486, "Busy Here")
        elif method == "INVITE":
            if not self.is_up:
                self._call_id, self._peer = _header(text, "Call-ID"), _header(text, "From")
                self._own = f"{_header(text, 'To')};tag=h{next(_numbers)}"
                self._target = _uri(_header(text, "Contact"))
            self._learn_media(text)
            self._respond(text, 200, "OK", self._sdp("sendrecv"))
            self.is_up = True
        else:
            self._respond(text, 200, "OK")
            if method == "BYE" and _header(text, "Call-ID") == self._call_id:
                self.is_up = False

    def _respond(self, text: str, status: int, reason: str, body: str = "") -> None:
        to = _header(text, "To")
        self._send(
            [
                f"SIP/2.0 {status} {reason}",
                *(f"Via: {via}" for via in re.findall(r"(?mi)^Via: (.*?)\r$", text)),
                f"From: {_header(text, 'From')}",
                f"To: {to if ';tag=' in to else self._own}",
                f"Call-ID: {_header(text, 'Call-ID')}",
                f"CSeq: {_header(text, 'CSeq')}",
            ],
            body,
        )

    def _learn_media(self, text: str) -> None:
        found = re.search(r"m=audio (\d+)", text)
        if found:
            self.rtp.remote = (HOST, int(found[1]))


def amplitude(samples: Samples, hertz: float) -> float:
    """The amplitude of one tone, over whole windows of 100 ms averaged, so that changes of phase do not matter."""
    size = 800
    parts = [samples[start : start + size] for start in range(0, samples.size - size + 1, size)]
    if not parts:
        return 0.0
    wave = np.exp(-2j * np.pi * hertz * np.arange(size) / 8000)
    return float(np.mean([2 * abs(np.dot(part.astype(np.float64), wave)) / size for part in parts]))


def _header(text: str, name: str) -> str:
    found = re.search(rf"(?mi)^{name}: (.*?)\r$", text)
    assert found is not None, f"no {name} in {text}"
    return found[1]


def _branch(text: str) -> str:
    """That of the request that a response answers."""
    found = re.search(r";branch=([^;\s]+)", _header(text, "Via"))
    assert found is not None, text
    return found[1]


def _uri(value: str) -> str:
    found = re.search(r"<([^>]*)>", value)
    return found[1] if found else value.strip()
