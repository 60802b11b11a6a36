"""What a channel driver that speaks RTP tells a bridge about its stream, so that packets can be relayed unseen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from globstar.core.format import Format
from globstar.media.session import RtpSession


@dataclass(frozen=True, slots=True)
class RtpMedia:
    """``NativeMedia.session`` of kind ``rtp``: the session, and the agreed payload types by encoding.

    Keys are ``PCMU/8000/1`` or ``telephone-event/8000/1``; ``receive`` has the numbers under which the peer sends,
    ``send`` those under which it wants to receive. ``sides`` are the streams beside the audio (``video 0``).
    ``packet_ms`` is the length of the packets that the peer must get, 0 where it takes them as they come; where it is set,
    ``fits`` says of a payload type and payload of the peer whether they have that length too, None where they have none.
    """

    session: RtpSession
    receive: Mapping[str, int] = field(default_factory=dict)
    send: Mapping[str, int] = field(default_factory=dict)
    sides: Mapping[str, RtpMedia] = field(default_factory=dict)
    packet_ms: int = 0
    fits: Callable[[int, bytes], bool | None] | None = None

    @property
    def sends_digits(self) -> bool:
        """Whether digits travel as telephone-event."""
        return any(name.startswith("telephone-event/") for name in self.send)

    def pairs_to(self, other: RtpMedia) -> dict[int, int]:
        """Payload types of ours with those of ``other`` for the same encoding; none while the peer has said that it is silent."""
        if not self.session.is_receiving:
            return {}
        return {number: other.send[name] for name, number in self.receive.items() if name in other.send}


@dataclass(frozen=True, slots=True)
class RtpVoice:
    """The voice of a channel as it is on the wire, for who reads and sends it without frames.

    ``receives`` is the payload type of ``read_format`` that comes, ``sends`` that of ``write_format`` in which is sent, in
    packets of ``samples`` (0: of any length). Signed linear is in network order on the wire (RFC 3551 section 4.5.11).
    """

    session: RtpSession
    receives: int
    read_format: Format
    sends: int
    write_format: Format
    samples: int = 0
