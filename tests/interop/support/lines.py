"""The audio lines of one call over real sockets: each an RTP party of its own with a tone, plain or with SDES keys."""

from __future__ import annotations

import base64
import re
import threading
import time
from contextlib import ExitStack
from typing import Self

from pylibsrtp import Error, Policy, Session

from tests.interop.support.audio import sine, tone_share
from tests.interop.support.rtp import Packet, RtpParty, parse_rtp
from tests.support.loopback import HOST, wait_until

SUITE = "AES_CM_128_HMAC_SHA1_80"


class SecureParty(RtpParty):
    """An RTP party whose packets are encrypted under keys of SDP (RFC 4568); ``refused`` counts what could not be read."""

    def __init__(self, key: int) -> None:
        self.key = bytes([key]) * 30
        self._seal = Session(Policy(key=self.key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
        self._open: Session | None = None
        self.refused = 0
        super().__init__()

    @property
    def crypto(self) -> str:
        """Its line of SDP."""
        return f"a=crypto:1 {SUITE} inline:{base64.b64encode(self.key).decode()}"

    def learn(self, section: str) -> None:
        """The key of the other side."""
        found = re.search(rf"a=crypto:1 {SUITE} inline:(\S+)", section)
        assert found is not None, section
        self._open = Session(Policy(key=base64.b64decode(found[1]), ssrc_type=Policy.SSRC_ANY_INBOUND))

    def parse(self, data: bytes, arrival: float, source: tuple[str, int]) -> Packet | None:
        """See RtpParty."""
        if self._open is None or 192 <= data[1] <= 223:
            return None
        try:
            return parse_rtp(self._open.unprotect(data), arrival, source)
        except Error:
            self.refused += 1
            return None

    def put(self, data: bytes, remote: tuple[str, int]) -> None:
        """See RtpParty."""
        super().put(self._seal.protect(data), remote)


class Lines:
    """The audio lines of a party: what stands in its descriptions, and who is heard where."""

    def __init__(self, *hertz: float, secure: bool = False) -> None:
        self.hertz = hertz
        self.parties = [SecureParty(number + 1) if secure else RtpParty() for number in range(len(hertz))]
        self._silence = threading.Event()
        self._threads: list[threading.Thread] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for party in self.parties:
            self._stack.enter_context(party)
        return self

    def __exit__(self, *_: object) -> None:
        self._silence.set()
        for thread in self._threads:
            thread.join()
        self._stack.close()

    def sdp(self, *lines: str, version: int = 1) -> str:
        """A description; each of ``lines`` is a direction, or ``off`` for one that is declined."""
        text = [
            "v=0", f"o=sipp [pid] {version} IN IP[local_ip_type] [local_ip]", "s=-", "c=IN IP[local_ip_type] [local_ip]", "t=0 0",
        ]  # fmt: skip
        for party, direction in zip(self.parties, lines, strict=False):
            profile = "RTP/SAVP" if isinstance(party, SecureParty) else "RTP/AVP"
            if direction == "off":
                text.append(f"m=audio 0 {profile} 0")
                continue
            text += [f"m=audio {party.port} {profile} 0", "a=rtpmap:0 PCMU/8000", f"a={direction}"]
            text += [party.crypto] if isinstance(party, SecureParty) else []
        return "\n".join(text)

    def learn(self, body: str) -> None:
        """Each line sends to where the server's description wants it."""
        for party, section in zip(self.parties, re.split(r"(?=^m=)", body, flags=re.MULTILINE)[1:], strict=False):
            port = int(section.split()[1])
            party.remote = (HOST, port) if port else None
            if isinstance(party, SecureParty) and port:
                party.learn(section)

    def speak(self, seconds: float = 30) -> None:
        """Lines that know where to and do not speak yet begin to, each in its tone, until the end."""
        for party, hertz in list(zip(self.parties, self.hertz, strict=True))[len(self._threads) :]:
            if party.remote is not None:
                thread = threading.Thread(target=party.play, args=(sine(hertz, seconds), self._silence))
                thread.start()
                self._threads.append(thread)

    def heard(self, since: float, *hertz: float) -> bool:
        """Whether from ``since`` on every line hears its tone, half a second of it; 0 is for one that hears nothing."""
        for party, wanted in zip(self.parties, hertz, strict=False):
            audio = party.audio(since)
            if bool(audio.size) != bool(wanted) or (wanted and (audio.size < 4000 or tone_share(audio[-4000:], wanted) < 0.9)):
                return False
        return True

    def hears(self, since: float, *hertz: float, seconds: float = 10) -> None:
        """Wait until that is so, in the last second: what was on its way at ``since`` may come after it."""
        wait_until(
            lambda: self.heard(max(since, time.monotonic() - 1), *hertz), seconds,
            f"{hertz} at ports {[party.port for party in self.parties]}",
        )  # fmt: skip
