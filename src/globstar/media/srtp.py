"""SRTP (RFC 3711): sockets that encrypt what is sent and take only what is authentic."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pylibsrtp
from pylibsrtp import Error, Policy
from pylibsrtp import Session as LibSession

from globstar.media.sockets import MAX_DATAGRAM, Address, MediaSocket
from globstar.proto.sdp.crypto import AES_32, AES_80, GCM_128, GCM_256, CryptoKey, Suite

_PROFILES = {
    AES_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    AES_32: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    GCM_128: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    GCM_256: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
#: Packets that may come late and still be told from replayed ones (RFC 3711 section 3.3.2 asks for 64 at least).
_WINDOW = 1024
#: Bytes that encryption may add, as the library reckons.
_TRAILER = 4 + 16 + 128
#: Second header byte of RTCP under RTP's port (RFC 5761 section 4).
_RTCP = range(192, 224)

Transform = Callable[[bytes], bytes]


class Refused(OSError):
    """A packet that cannot be protected, or that is not authentic: for the reader there was nothing to read."""


def _session(suite: Suite, key: bytes, kind: int) -> LibSession:
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=_PROFILES[suite])
    policy.window_size = _WINDOW
    session = LibSession(policy)
    # Its own buffer holds packets of 1,356 bytes, which pictures exceed.
    session._cdata = pylibsrtp.ffi.new("char[]", MAX_DATAGRAM + _TRAILER)  # type: ignore[attr-defined]
    session._buffer = pylibsrtp.ffi.buffer(session._cdata)  # type: ignore[attr-defined]
    return session


class SrtpContext:
    """The keys of one stream in both directions, for RTP and RTCP; each direction is there once its key is.

    Roll-over counters and replay windows are kept by SSRC, and live as long as the key does.
    """

    __slots__ = (
        "_received", "_sent", "mki", "not_authentic", "protect", "protect_rtcp", "replayed", "tags", "unkeyed", "unprotect",
        "unprotect_rtcp",
    )  # fmt: skip

    def __init__(self) -> None:
        self._sent: tuple[Suite, bytes] | None = None
        self._received: tuple[Suite, bytes, int] | None = None
        self.protect: Transform = self._without_key
        self.protect_rtcp: Transform = self._without_key
        self.unprotect: Transform = self._without_key
        self.unprotect_rtcp: Transform = self._without_key
        self.mki = 0
        self.tags = (0, 0)
        #: Packets that failed authentication, that came twice, and that came or were to go before there was a key.
        self.not_authentic = 0
        self.replayed = 0
        self.unkeyed = 0

    @property
    def is_ready(self) -> bool:
        """Whether both directions have keys."""
        return self._sent is not None and self._received is not None

    @property
    def suite(self) -> str:
        """The suite of what we receive; "" while there is no key."""
        return self._received[0].name if self._received is not None else ""

    def set_send_key(self, suite: Suite, key: bytes) -> None:
        """Encrypt with this master key and salt; the same key again changes nothing."""
        if self._sent != (suite, key):
            self._sent = (suite, key)
            session = _session(suite, key, Policy.SSRC_ANY_OUTBOUND)
            self.protect, self.protect_rtcp = session.protect, session.protect_rtcp

    def set_receive_key(self, key: CryptoKey) -> None:
        """Decrypt with the peer's key; the same key again keeps counters and replay windows."""
        new = (key.suite, key.key, key.mki)
        if self._received != new:
            self._received = new
            session = _session(key.suite, key.key, Policy.SSRC_ANY_INBOUND)
            self.mki, self.tags = key.mki, (key.suite.tag, key.suite.rtcp_tag)
            self.unprotect, self.unprotect_rtcp = session.unprotect, session.unprotect_rtcp

    def encrypt(self, data: bytes) -> bytes:
        """The packet, RTP or RTCP, as it is sent. Raises Refused."""
        try:
            return (self.protect_rtcp if data[1] in _RTCP else self.protect)(data)
        except (Error, ValueError) as error:  # the index is used up, or the packet is too long
            raise Refused(errno.EMSGSIZE, str(error)) from None

    def decrypt(self, data: bytes) -> bytes:
        """The packet, RTP or RTCP, as it was before encryption. Raises Refused."""
        if len(data) < 2:
            raise Refused(errno.EBADMSG, "no packet")
        is_rtcp = data[1] in _RTCP
        if self.mki:  # its place is before the tag, which does not cover it (RFC 3711 section 3.1)
            data = self._without_mki(data, self.tags[is_rtcp])
        try:
            return (self.unprotect_rtcp if is_rtcp else self.unprotect)(data)
        except Error as error:
            if "replay" in str(error):
                self.replayed += 1
            else:
                self.not_authentic += 1
        except ValueError:
            self.not_authentic += 1
        raise Refused(errno.EBADMSG, "the packet is not authentic")

    def _without_mki(self, data: bytes, tag: int) -> bytes:
        if self._received is not None and self._received[0] in (GCM_128, GCM_256):
            return data[: -self.mki]  # the tag belongs to the cipher text, which comes first (RFC 7714 section 8.2)
        return data[: -self.mki - tag] + data[-tag:]

    def _without_key(self, _data: bytes) -> bytes:
        self.unkeyed += 1
        raise Refused(errno.ENOKEY, "there is no key yet")


class SecureSocket(MediaSocket):
    """A socket whose user sees plain packets while the network sees SRTP; the native relay does not take it."""

    def __init__(self, inner: MediaSocket, context: SrtpContext) -> None:
        self.inner = inner
        self._context = context
        self._receive = inner.recv
        self._transmit = inner.send

    @property
    def address(self) -> Address:
        """See MediaSocket."""
        return self.inner.address

    @property
    def descriptor(self) -> int | None:
        """See MediaSocket: nobody may pass by the keys."""
        return None

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """See MediaSocket."""
        self.inner.set_reader(on_readable)

    def pause_reader(self) -> None:
        """See MediaSocket."""
        self.inner.pause_reader()

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        """See MediaSocket; Refused stands for a packet that is dropped."""
        data, source = self.inner.recvfrom(size)
        return self._context.decrypt(data), source

    def recv(self, size: int, /) -> bytes:
        """See MediaSocket; Refused stands for a packet that is dropped."""
        return self._context.decrypt(self._receive(size))

    def sendto(self, data: bytes, address: Address, /) -> int:
        """See MediaSocket."""
        return self.inner.sendto(self._context.encrypt(data), address)

    def send(self, data: bytes, /) -> int:
        """See MediaSocket."""
        return self._transmit(self._context.encrypt(data))

    def connect(self, address: Address) -> None:
        """See MediaSocket."""
        self.inner.connect(address)

    def disconnect(self) -> None:
        """See MediaSocket."""
        self.inner.disconnect()

    def close(self) -> None:
        """See MediaSocket."""
        self.inner.close()
