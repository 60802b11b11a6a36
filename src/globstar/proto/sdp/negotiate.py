"""SDP offer and answer (RFC 3264) with the codec choice and the wording of Asterisk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from globstar.base.errors import RemoteFault
from globstar.proto.sdp.payloads import OFFERED_PAYLOADS, STATIC_PAYLOADS, canonical_name
from globstar.proto.sdp.values import (
    Attribute,
    Connection,
    Direction,
    Media,
    Origin,
    RtpMap,
    SessionDescription,
)

TELEPHONE_EVENT = "TELEPHONE-EVENT"
RTP_PROTOCOLS = ("RTP/AVP", "RTP/AVPF")


class NotAcceptable(RemoteFault):
    """Nothing in the offer or answer can be used: 488 to an offer, the end of the call for an answer."""


@dataclass(frozen=True, slots=True)
class CodecDescription:
    """A codec as SDP names it; independent of how the core represents formats.

    ``clock_rate`` is the RTP clock (8000 for G722). ``payload_type`` wishes a number for offers;
    ``ptime_ms`` is the packet time we send, ``max_ptime_ms`` the longest we take (0: no limit stated).
    """

    name: str
    clock_rate: int = 8000
    channels: int = 1
    fmtp: str = ""
    payload_type: int | None = None
    ptime_ms: int = 20
    max_ptime_ms: int = 0

    def matches(self, rtpmap: RtpMap) -> bool:
        """Whether a payload type of the peer is this codec (names compare without case, RFC 8866 section 6.6)."""
        return (
            self.clock_rate == rtpmap.clock_rate
            and self.channels == rtpmap.channels
            and canonical_name(self.name) == canonical_name(rtpmap.name)
        )


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """What we can do on one stream: the input of every offer and answer.

    ``codecs`` stand in the endpoint's order (``allow=``). ``attributes`` (crypto, fingerprint, ICE) go before
    the rtpmap lines. ``protocols`` are the transport protocols we take; offers use the first.
    """

    address: str
    port: int
    codecs: tuple[CodecDescription, ...]
    kind: str = "audio"
    direction: Direction = Direction.SENDRECV
    telephone_event: bool = True
    rtcp_mux: bool = False
    protocols: tuple[str, ...] = RTP_PROTOCOLS
    attributes: tuple[Attribute, ...] = ()
    ptime_ms: int | None = None


@dataclass(frozen=True, slots=True)
class NegotiatedCodec:
    """One codec both sides have agreed on, with the payload numbers of both ways."""

    codec: CodecDescription
    send_payload_type: int
    receive_payload_type: int
    remote_fmtp: str = ""


@dataclass(frozen=True, slots=True)
class NegotiatedStream:
    """The agreement on one m-line; ``index`` is its place in the description.

    ``direction`` is ours: with ``direction.can_send`` False we stay silent. ``is_remote_hold`` is what Asterisk
    reports as hold: the peer is sendonly, inactive, or has set its address to 0.0.0.0.
    """

    index: int
    kind: str
    local: LocalMedia | None
    codecs: tuple[NegotiatedCodec, ...] = ()
    remote_address: str = ""
    remote_port: int = 0
    remote_rtcp_address: str = ""
    remote_rtcp_port: int = 0
    rtcp_mux: bool = False
    direction: Direction = Direction.INACTIVE
    is_remote_hold: bool = False
    send_dtmf: tuple[int, int] | None = None
    receive_dtmf: tuple[tuple[int, int], ...] = ()
    remote_ptime_ms: int | None = None
    remote_maxptime_ms: int | None = None
    remote: Media | None = None

    @property
    def is_active(self) -> bool:
        """Whether the stream carries media (its port is not 0 and a codec is agreed)."""
        return bool(self.codecs)


class OfferAnswer:
    """The offer/answer state of one SIP session.

    ``session_id`` is used when we describe ourselves first; when the peer's offer comes first, Asterisk takes
    over the offer's session id and starts two versions above it. The version then grows by one whenever what
    we send differs from what we sent before, and only then.
    """

    __slots__ = ("_previous", "local", "offered", "owner", "remote", "session_id", "session_name", "streams")

    def __init__(self, session_id: int, *, owner: str = "-", session_name: str = "Asterisk") -> None:
        self.session_id = session_id
        self.owner = owner
        self.session_name = session_name
        #: Our description in force (or on its way, as offer or answer).
        self.local: SessionDescription | None = None
        #: The peer's description in force.
        self.remote: SessionDescription | None = None
        #: The agreement in force, one entry per m-line.
        self.streams: tuple[NegotiatedStream, ...] = ()
        #: The media behind our open offer, by m-line; None when no offer of ours is open.
        self.offered: tuple[LocalMedia | None, ...] | None = None
        self._previous: SessionDescription | None = None

    def create_offer(self, media: Sequence[LocalMedia]) -> SessionDescription:
        """Our offer: for a new call, a delayed offer (in a 200) or a re-INVITE.

        A later offer keeps the m-lines in their places; places whose media are gone stay with port 0
        (RFC 3264 section 8), and payload numbers of the peer are kept where the codec stays.
        """
        raise NotImplementedError

    def receive_offer(self, offer: SessionDescription, media: Sequence[LocalMedia]) -> SessionDescription:
        """Answer an offer; the agreement is then in ``streams``. State does not change when this raises.

        Raises:
            NotAcceptable: no stream can be accepted (488).
        """
        raise NotImplementedError

    def receive_answer(self, answer: SessionDescription) -> tuple[NegotiatedStream, ...]:
        """Take the answer to our open offer; returns and keeps the agreement.

        Raises:
            NotAcceptable: no offered stream has a common codec.
        """
        raise NotImplementedError

    def cancel_offer(self) -> None:
        """Our offer was refused (488, 491, no answer): what was in force before stays in force."""
        raise NotImplementedError
