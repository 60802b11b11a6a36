"""What a channel driver that speaks RTP tells a bridge about its stream, so that packets can be relayed unseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from globstar.core.format import Format
from globstar.media.session import RtpSession

#: How the names of encodings of digits begin.
DIGITS = "telephone-event/"


class MeasuredVoice(Protocol):
    """The voice of a channel, as far as the lengths of its packets matter; they are in samples."""

    @property
    def comes(self) -> int:
        """The length of packets of the peer that could not go on as they came; 0 as long as there were none."""
        ...

    def lasts(self, payload_type: int, payload: bytes) -> int | None:
        """The length of a packet of the peer; None for one without voice."""
        ...

    def takes(self, samples: int) -> bool:
        """Whether frames of that length go to the peer as they are, each in a packet of its own."""
        ...

    def note_length(self, payload_type: int, samples: int) -> None:
        """Packets of the peer are of that length, and have to be cut anew from now on: the bridge is told."""
        ...


@dataclass(frozen=True, slots=True)
class RtpMedia:
    """``NativeMedia.session`` of kind ``rtp``: the session, and the agreed payload types by encoding.

    Keys are ``PCMU/8000/1`` or ``telephone-event/8000/1``; ``receive`` has the numbers under which the peer sends,
    ``send`` those under which it wants to receive. ``also`` has by number the encodings that the peer may send under the numbers
    of its own description, as some phones do, where nothing else is meant by these. ``sides`` are the streams beside the audio
    (``video 0``).
    ``packet_ms`` is the length of the packets that the peer asks for, 0 where it does not; ``voice`` measures packets of audio.
    """

    session: RtpSession
    receive: Mapping[str, int] = field(default_factory=dict)
    send: Mapping[str, int] = field(default_factory=dict)
    sides: Mapping[str, RtpMedia] = field(default_factory=dict)
    packet_ms: int = 0
    voice: MeasuredVoice | None = None
    also: Mapping[int, str] = field(default_factory=dict)

    @property
    def sends_digits(self) -> bool:
        """Whether digits travel as telephone-event."""
        return any(name.startswith(DIGITS) for name in self.send)

    def pairs_to(self, other: RtpMedia, *, digits: bool = True) -> dict[int, int]:
        """Payload types of ours with those of ``other`` for the same encoding, without ``digits`` not those of digits.

        None while the peer has said that it is silent.
        """
        if not self.session.is_receiving:
            return {}
        send = other.send
        pairs = {
            number: send[name]
            for name, number in self.receive.items()
            if name in send and (digits or not name.startswith(DIGITS))
        }
        for number, name in self.also.items():
            if name in send and (digits or not name.startswith(DIGITS)):
                pairs.setdefault(number, send[name])
        return pairs


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
