"""SRTP for the scripted phones: the phone's side on pylibsrtp alone, so that nothing of the server checks itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from pylibsrtp import Error, Policy, Session

from globstar.media.network import MemorySocket
from globstar.media.sockets import Address
from tests.support.sip_phone import PhoneCall, Wire

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}


class SrtpPort:
    """Stands where a call's socket stood: what is sent is encrypted, what cannot be decrypted is counted and dropped."""

    def __init__(self, inner: MemorySocket) -> None:
        self.inner = inner
        self.send_session: Session | None = None
        self.receive_session: Session | None = None
        self.refused = 0
        self.raw: list[bytes] = []

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """As that of the socket."""
        self.inner.set_reader(on_readable)

    def recvfrom(self, size: int) -> tuple[bytes, Address]:
        """The next packet that can be decrypted."""
        while True:
            data, source = self.inner.recvfrom(size)
            self.raw.append(data)
            session = self.receive_session
            try:
                if session is None:
                    raise Error("no key")
                return (session.unprotect_rtcp if 192 <= data[1] <= 223 else session.unprotect)(data), source
            except Error:
                self.refused += 1

    def sendto(self, data: bytes, address: Address) -> int:
        """Encrypt and send."""
        assert self.send_session is not None
        return self.inner.sendto(self.send_session.protect(data), address)

    def close(self) -> None:
        """As that of the socket."""
        self.inner.close()


class SdesCall:
    """Gives a scripted call keys by a=crypto."""

    def __init__(self, call: PhoneCall, suite: str = "AES_CM_128_HMAC_SHA1_80", key: int = 1, *, tail: str = "") -> None:
        self.call = call
        self.suite = suite
        self.tail = tail
        self.port = SrtpPort(call.socket)
        call.socket = self.port  # type: ignore[assignment]
        self.set_key(key)
        self.their_line: list[str] = []

    def set_key(self, key: int) -> None:
        """A key of our own, by a number."""
        profile, length = PROFILES[self.suite]
        self.key = bytes([key]) * length
        self.port.send_session = Session(Policy(key=self.key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))

    def line(self, tag: int = 1) -> str:
        """Our a=crypto."""
        return f"a=crypto:{tag} {self.suite} inline:{base64.b64encode(self.key).decode()}{self.tail}\r\n"

    def sdp(self, *, profile: str = "RTP/SAVP", direction: str = "sendrecv", tag: int = 1, more: str = "") -> str:
        """The call's description with the key."""
        return self.call.sdp(direction=direction).replace("RTP/AVP", profile) + more + self.line(tag)

    def learn(self, message: Wire) -> list[str]:
        """Take the other side's key; gives tag, suite and parameters."""
        lines = [line.split() for line in re.findall(r"a=crypto:(.*)\r\n", message.body)]
        mine = next(line for line in lines if line[1] == self.suite)
        if mine != self.their_line:
            key = base64.b64decode(mine[2].removeprefix("inline:").partition("|")[0])
            profile, length = PROFILES[self.suite]
            assert len(key) == length
            self.port.receive_session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self.their_line = mine
        return mine
