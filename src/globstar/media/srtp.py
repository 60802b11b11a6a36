"""SRTP (RFC 3711): sockets that encrypt what is sent and take only what is authentic."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from globstar.media.sockets import Address, MediaSocket, Receiver, admitted
from globstar.proto.sdp.crypto import GCM_128, GCM_256, CryptoKey, Suite

if TYPE_CHECKING:
    from globstar.media._native import Cipher

#: Second header byte of RTCP under RTP's port (RFC 5761 section 4).
_RTCP = range(192, 224)

#: Packets under a peer's former key that may still arrive after a new one was agreed on.
OVERLAP = 100

Transform = Callable[[bytes], bytes]


class _Former(NamedTuple):
    """The key that a peer has had before."""

    unprotect: Transform
    unprotect_rtcp: Transform
    suite: Suite
    mki: int
    #: the new key for native code, which knows one key at a time
    opens: Cipher | None


class Refused(OSError):
    """A packet that cannot be protected, or that is not authentic: for the reader there was nothing to read."""


class SrtpContext:
    """The keys of one stream in both directions, for RTP and RTCP; each direction is there once its key is.

    Roll-over counters and replay windows are kept by SSRC, and live as long as the key does. Once the peer has another key,
    packets under the former one are taken until the first under the new one comes: those are still on their way.
    """

    __slots__ = (
        "_faults", "_former", "_overlap", "_received", "_sent", "before_change", "mki", "not_authentic", "opens", "protect",
        "protect_rtcp", "replayed", "seals", "unkeyed", "unprotect", "unprotect_rtcp",
    )  # fmt: skip

    def __init__(self) -> None:
        self._faults: tuple[type[Exception], ...] = ()
        self._sent: tuple[Suite, bytes] | None = None
        self._received: tuple[Suite, bytes, int] | None = None
        self._former: _Former | None = None
        #: packets under the former key that are still taken
        self._overlap = 0
        self.protect: Transform = self._without_key
        self.protect_rtcp: Transform = self._without_key
        self.unprotect: Transform = self._without_key
        self.unprotect_rtcp: Transform = self._without_key
        #: the same for the native relay; None without native code, and as long as there is no key
        self.seals: Cipher | None = None
        self.opens: Cipher | None = None
        #: called before a key is replaced
        self.before_change: Callable[[], None] | None = None
        self.mki = 0
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
            self._change()
            self._sent = (suite, key)
            from globstar.media.libsrtp import FAULTS, sealing

            self._faults = FAULTS
            self.protect, self.protect_rtcp, self.seals = sealing(suite, key)

    def set_receive_key(self, key: CryptoKey) -> None:
        """Decrypt with the peer's key; the same key again keeps counters and replay windows."""
        new = (key.suite, key.key, key.mki)
        if self._received != new:
            self._change()
            former, self._received = self._received, new
            was = self.unprotect, self.unprotect_rtcp
            from globstar.media.libsrtp import FAULTS, opening

            self._faults = FAULTS
            self.mki = key.mki
            self.unprotect, self.unprotect_rtcp, self.opens = opening(key.suite, key.key, key.mki)
            if former is not None:
                self._former, self._overlap = _Former(*was, former[0], former[2], self.opens), OVERLAP
                self.opens = None

    def _change(self) -> None:
        if self.before_change is not None:
            self.before_change()

    def encrypt(self, data: bytes) -> bytes:
        """The packet, RTP or RTCP, as it is sent. Raises Refused."""
        try:
            return (self.protect_rtcp if data[1] in _RTCP else self.protect)(data)
        except self._faults as error:  # the index is used up, or the packet is too long
            raise Refused(errno.EMSGSIZE, str(error)) from None

    def decrypt(self, data: bytes) -> bytes:
        """The packet, RTP or RTCP, as it was before encryption. Raises Refused."""
        if len(data) < 2:
            raise Refused(errno.EBADMSG, "no packet")
        is_rtcp = data[1] in _RTCP
        received = data
        if self.mki and self._received is not None:
            received = _without_mki(data, self._received[0], self.mki, is_rtcp)
        try:
            plain = (self.unprotect_rtcp if is_rtcp else self.unprotect)(received)
        except self._faults as error:
            if self._former is not None:
                return self._decrypt_former(self._former, data, is_rtcp)
            if "replay" in str(error):
                self.replayed += 1
            else:
                self.not_authentic += 1
        else:
            if self._former is not None:
                self._settle(self._former)
            return plain
        raise Refused(errno.EBADMSG, "the packet is not authentic")

    def _decrypt_former(self, former: _Former, data: bytes, is_rtcp: bool) -> bytes:
        """A packet that does not fit the new key, and may still be under the former one. Raises Refused."""
        if former.mki:
            data = _without_mki(data, former.suite, former.mki, is_rtcp)
        try:
            plain = (former.unprotect_rtcp if is_rtcp else former.unprotect)(data)
        except self._faults:
            self.not_authentic += 1
            raise Refused(errno.EBADMSG, "the packet is not authentic") from None
        self._overlap -= 1
        if not self._overlap:
            self._settle(former)
        return plain

    def _settle(self, former: _Former) -> None:
        """From now on only the new key counts."""
        self._former = None
        self.opens = former.opens

    def _without_key(self, _data: bytes) -> bytes:
        self.unkeyed += 1
        raise Refused(errno.ENOKEY, "there is no key yet")


def _without_mki(data: bytes, suite: Suite, mki: int, is_rtcp: bool) -> bytes:
    """The packet without its key identifier, whose place is before the tag, which does not cover it (RFC 3711 section 3.1)."""
    if suite in (GCM_128, GCM_256):
        return data[:-mki]  # the tag belongs to the cipher text, which comes first (RFC 7714 section 8.2)
    tag = suite.rtcp_tag if is_rtcp else suite.tag
    return data[: -mki - tag] + data[-tag:]


class SecureSocket(MediaSocket):
    """A socket whose user sees plain packets while the network sees SRTP."""

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
        """See MediaSocket: only for whoever can use the keys as well."""
        context = self._context
        return self.inner.descriptor if context.opens is not None and context.seals is not None else None

    def route(self, address: Address) -> tuple[Address, int] | None:
        """See MediaSocket."""
        return self.inner.route(address)

    @property
    def lost(self) -> int:
        """See MediaSocket."""
        return self.inner.lost

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """See MediaSocket."""
        self.inner.set_reader(on_readable)

    def set_receiver(self, on_datagram: Receiver) -> None:
        """See MediaSocket."""
        self.inner.set_receiver(admitted(self._context.decrypt, on_datagram))

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

    def admit(self, data: bytes, source: Address, /) -> tuple[bytes, Address]:
        """See MediaSocket; Refused stands for a packet that is dropped."""
        data, source = self.inner.admit(data, source)
        return self._context.decrypt(data), source

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
