"""RtpSession: one RTP stream with its sockets, statistics, digits and timers; no task, no queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from globstar.media.settings import Payload, SessionOptions

Address = tuple[str, int]

#: ``on_media(payload_type, payload, rtp_time, sequence, marker)``
MediaCallback = Callable[[int, bytes, int, int, bool], None]


class MediaTimeout(Enum):
    """Why ``on_timeout`` fires."""

    SILENT = "no RTP for rtp_timeout seconds"
    SILENT_ON_HOLD = "no RTP for rtp_timeout_hold seconds while on hold"


class RtpSession:
    """One media stream between us and one peer. Made by ``RtpEngine.open``; ended by ``close``.

    Callbacks are plain attributes, called from the loop, one packet after another, and may be exchanged at
    any time. ``media`` knows nothing of frames and formats: payload types go in and out as numbers.
    """

    on_media: MediaCallback | None
    on_digit_begin: Callable[[str], None] | None
    on_digit_end: Callable[[str, int], None] | None
    on_comfort_noise: Callable[[int], None] | None
    on_timeout: Callable[[MediaTimeout], None] | None

    options: SessionOptions

    @property
    def local_address(self) -> Address:
        """Where our RTP socket is bound."""
        raise NotImplementedError

    @property
    def remote_address(self) -> Address | None:
        """Where RTP is sent now: as told by ``set_remote`` or as learnt (rtp_symmetric)."""
        raise NotImplementedError

    def set_remote(self, address: Address, rtcp_address: Address | None = None) -> None:
        """Tell where the peer wants its media (from its SDP); learning starts anew if it changed."""
        raise NotImplementedError

    def set_payloads(
        self,
        receive: Mapping[int, Payload],
        *,
        send: int,
        clock_rate: int,
        digits: tuple[int, int] | None = None,
    ) -> None:
        """Set the agreed payload types.

        ``receive`` maps the peer's numbers (comfort noise 13 and 19 are always known); ``send`` and its
        ``clock_rate`` are used by ``send_media`` when it names no payload type; ``digits`` is the payload type
        and clock rate of telephone-event towards the peer, None when it takes none.
        """
        raise NotImplementedError

    def set_direction(self, *, sending: bool, receiving: bool) -> None:
        """Apply the agreed direction: what must not be sent is dropped and counted; nothing is delivered while not receiving."""
        raise NotImplementedError

    def set_hold(self, on_hold: bool) -> None:
        """Whether the peer holds us: then ``timeout_hold`` counts instead of ``timeout``."""
        raise NotImplementedError

    def send_media(
        self, payload: bytes, samples: int, marker: bool = False, payload_type: int | None = None
    ) -> None:
        """Send one packet; ``samples`` is its length in RTP clock ticks."""
        raise NotImplementedError

    def send_digit_begin(self, digit: str) -> bool:
        """Begin a digit (RFC 4733); False when the peer takes no telephone-event or the digit is unknown."""
        raise NotImplementedError

    def send_digit_end(self, duration_ms: int | None = None) -> None:
        """End the digit that is being sent: three end packets (RFC 4733 section 2.5.1.4)."""
        raise NotImplementedError

    def update_source(self) -> None:
        """The source of our audio changes: the next packet carries the marker."""
        raise NotImplementedError

    def change_source(self) -> None:
        """As ``update_source``, under a new SSRC (a re-INVITE made us another source)."""
        raise NotImplementedError

    def close(self) -> None:
        """Send RTCP BYE, close the sockets and give the ports back; further calls do nothing."""
        raise NotImplementedError
