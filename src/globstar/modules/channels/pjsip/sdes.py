"""Keys of SRTP by SDP (SDES, RFC 4568): media_encryption=sdes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from globstar.media.srtp import SrtpContext
from globstar.proto.sdp import Attribute, Media, NegotiatedStream, SessionDescription
from globstar.proto.sdp.crypto import AES_32, AES_80, GCM_128, GCM_256, CryptoKey, Suite, choose_crypto, read_crypto

if TYPE_CHECKING:
    from globstar.media.session import RtpSession
    from globstar.modules.channels.pjsip.endpoint import EndpointObject


class SdesKeying:
    """The keys of one stream. Our key of a suite stays the same for the whole call; the peer may change its own at any time.

    With media_encryption_optimistic, a stream of the plain profile without keys is accepted as it is.
    """

    __slots__ = ("_agreed", "_context", "_is_optimistic", "_keys", "_offered", "_pending", "_short_tags", "_wants_edge")

    def __init__(self, endpoint: EndpointObject) -> None:
        self._is_optimistic = endpoint.media_encryption_optimistic
        self._short_tags = endpoint.srtp_tag_32
        #: whether our offers ask the edge of a telephone company's network to encrypt (3GPP TS 24.229, mediasec)
        self._wants_edge = endpoint.security_negotiation == "mediasec"
        self._keys: dict[Suite, bytes] = {}
        self._context: SrtpContext | None = None
        #: what the peer's description that is being negotiated asks for; None: plain
        self._pending: CryptoKey | None = None
        #: what is in force
        self._agreed: CryptoKey | None = None
        self._offered: dict[int, Suite] = {}

    def offer(self) -> tuple[Attribute, ...]:
        """All suites at first, then the one that is in use."""
        if self._agreed is not None:
            self._offered = {self._agreed.tag: self._agreed.suite}
        else:
            suites = (AES_32 if self._short_tags else AES_80, GCM_256, GCM_128)
            self._offered = dict(enumerate(suites, 1))
        lines = tuple(CryptoKey(tag, suite, self._key(suite)).attribute() for tag, suite in self._offered.items())
        return (Attribute("3ge2ae", "requested"), *lines) if self._wants_edge else lines

    def answer(self, theirs: Media, description: SessionDescription) -> tuple[Attribute, ...] | None:
        """One line for the offered one that is taken; None if there is none and the stream must not be plain."""
        chosen = choose_crypto(theirs.cryptos, (AES_32,) if self._short_tags else ())
        self._pending = chosen
        if chosen is None:
            return () if self._may_be_plain(theirs) else None
        return (CryptoKey(chosen.tag, chosen.suite, self._key(chosen.suite)).attribute(),)

    def accepts(self, theirs: Media, description: SessionDescription) -> bool:
        """Whether the answer takes one of our lines, or none where that is allowed (RFC 4568 section 5.1.3)."""
        lines = theirs.cryptos
        self._pending = read_crypto(lines[0]) if len(lines) == 1 else None
        if self._pending is not None:
            return self._offered.get(self._pending.tag) is self._pending.suite
        return not lines and self._may_be_plain(theirs)

    def apply(self, session: RtpSession, stream: NegotiatedStream) -> None:
        """Put what was agreed in force."""
        peer = self._agreed = self._pending
        if peer is None:
            session.secure(None)
            return
        # Another suite begins to count packets anew: should it come back, it needs another key (RFC 3711 section 9.1).
        self._keys = {peer.suite: self._key(peer.suite)}
        if self._context is None:
            self._context = SrtpContext()
        self._context.set_send_key(peer.suite, self._key(peer.suite))
        self._context.set_receive_key(peer)
        session.secure(self._context)

    def close(self) -> None:
        """Forget the keys."""
        self._keys.clear()
        self._agreed = self._pending = None

    def _may_be_plain(self, theirs: Media) -> bool:
        return self._is_optimistic and "SAVP" not in theirs.protocol

    def _key(self, suite: Suite) -> bytes:
        if suite not in self._keys:
            self._keys[suite] = secrets.token_bytes(suite.key + suite.salt)
        return self._keys[suite]
