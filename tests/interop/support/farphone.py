"""A phone that stands alone: calls a number, sends numbered packets, tells what it heard.

Run as ``python -m tests.interop.support.farphone HOST SERVER NUMBER COUNT PACE``; prints JSON: ``heard`` are pairs of the
sequence number of a packet and the number in its payload, in the order in which they came.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
import time

#: Packets that are sent beyond the newest one that has come back.
MOST_ON_THE_WAY = 60
PATIENCE = 45.0


class FarPhone:
    """One call; nothing is sent again, as the line spares SIP."""

    def __init__(self, host: str, server: str) -> None:
        self.host, self.server = host, server
        self.sip, self.rtp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.sip.bind((host, 5060))
        self.rtp.bind((host, 21000))
        self.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.rtp.setblocking(False)
        self.sip.settimeout(PATIENCE)
        self.to, self.aim = "", ("", 0)
        self.heard: list[tuple[int, int]] = []
        self._options = 0
        self.newest = -1

    def _send(self, method: str, number: str, cseq: int, body: str = "", *, call: str = "far-call") -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        to = self.to if call == "far-call" and self.to else f"<sip:{number}@{self.server}>"
        text = (
            f"{method} sip:{number}@{self.server}:5060 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.host}:5060;branch=z9hG4bK{method}{cseq}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:far@{self.host}>;tag=far\r\nTo: {to}\r\n"
            f"Call-ID: {call}\r\nCSeq: {cseq} {method}\r\nContact: <sip:far@{self.host}:5060>\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.sip.sendto(text.encode(), (self.server, 5060))

    def _final(self, cseq: str) -> str:
        while True:
            text = self.sip.recv(65536).decode()  # an answer to INVITE comes again while its ACK is on its way
            if f"CSeq: {cseq}\r\n" in text and not text.startswith("SIP/2.0 1"):
                return text

    def call(self, number: str) -> None:
        """Until the call is answered."""
        body = (
            f"v=0\r\no=far 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\nm=audio 21000 RTP/AVP 0\r\n"
            "a=rtpmap:0 PCMU/8000\r\n"
        )
        self._send("INVITE", number, 1, body)
        answer = self._final("1 INVITE")
        found = re.search(r"(?m)^To: (.*?)\r$", answer)
        port = re.search(r"m=audio (\d+)", answer)
        if not answer.startswith("SIP/2.0 200") or found is None or port is None:
            raise SystemExit(answer)
        self.to, self.aim = found[1], (self.server, int(port[1]))
        self._send("ACK", number, 1)

    def talk(self, count: int, pace: float) -> None:
        """Send packets whose payload is their number, and listen until nothing comes any more."""
        begun = time.monotonic()
        for number in range(count):
            self._wait_for(number - MOST_ON_THE_WAY)
            head = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * 160, 0xFA12)
            self.rtp.sendto(head + struct.pack("!I", number) * 40, self.aim)
            while (left := begun + (number + 1) * pace - time.monotonic()) > 0:
                time.sleep(min(left, 0.005))  # the pace of the packets, against absolute times
                self.listen()
        count = -1
        while count < len(self.heard):  # nobody tells when the last one has come; who answers has had time to send it
            count = len(self.heard)
            self._ask_whether_it_is_there()
            quiet = time.monotonic() + 1.0
            while time.monotonic() < quiet:
                time.sleep(0.01)  # late packets: the line holds some back
                self.listen()

    def _wait_for(self, number: int) -> None:
        """Until that packet or a later one has come back: sockets hold no more of who has no processor for a while."""
        given_up = time.monotonic() + PATIENCE
        while number > self.newest and time.monotonic() < given_up:
            time.sleep(0.005)  # between two looks
            self.listen()

    def _ask_whether_it_is_there(self) -> None:
        """OPTIONS outside of the call, and its answer: the server, and the line, have had a processor since."""
        self._options += 1
        self._send("OPTIONS", "600", self._options, call=f"far-options-{self._options}")
        self._final(f"{self._options} OPTIONS")

    def listen(self) -> None:
        """Take what has come."""
        while True:
            try:
                data = self.rtp.recv(2048)
            except BlockingIOError:
                return
            if len(data) >= 16 and not 192 <= data[1] <= 223:
                self.heard.append((int.from_bytes(data[2:4], "big"), int.from_bytes(data[12:16], "big")))
                self.newest = max(self.newest, self.heard[-1][1])

    def hang_up(self, number: str) -> None:
        """BYE and its answer."""
        self._send("BYE", number, 2)
        self._final("2 BYE")


def main() -> None:
    """See the module."""
    host, server, number, count, pace = sys.argv[1:]
    phone = FarPhone(host, server)
    phone.call(number)
    phone.talk(int(count), float(pace))
    phone.hang_up(number)
    print(json.dumps({"heard": phone.heard}))


if __name__ == "__main__":
    main()
