"""What a phone asks of our encoder inside its stream: the modes of AMR and AMR-WB (RFC 4867 section 4.3.1)."""

from __future__ import annotations

from globstar.core import format as formats
from globstar.core.format import FMTP, EncoderWish, Format
from globstar.proto.rtp.amr import NO_REQUEST, mode_request
from globstar.proto.sdp.amr import modes

#: The codecs whose packets ask for a mode of the other direction, with the number of modes that there are.
MODES = {
    formats.amr.codec.name: 8, formats.amr_efficient.codec.name: 8, formats.amrwb.codec.name: 9,
    formats.amrwb_efficient.codec.name: 9,
}  # fmt: skip


class ModeRequests:
    """The requests of one peer. ``format`` is the one to send, whose encoders follow them from their next frame on."""

    __slots__ = ("_modes", "_wish", "codec", "format", "plain")

    def __init__(self, plain: Format) -> None:
        #: the format without the wish of this peer
        self.plain = plain
        self.codec = plain.codec
        self._wish = EncoderWish()
        self._modes = frozenset(modes(plain.attributes.get(FMTP, "")) or range(MODES[plain.codec.name]))
        self.format = plain.with_wish(self._wish)

    def are_for(self, format: Format) -> bool:
        """Whether they go on where this is what is sent."""
        return format.codec is self.codec and format.attributes == self.plain.attributes

    def receive(self, payload: bytes) -> None:
        """A packet of the peer, not empty: its request holds until the next; one for a mode that may not be sent is ignored."""
        mode = mode_request(payload)
        if mode in self._modes:
            self._wish.mode = mode
        elif mode == NO_REQUEST:
            self._wish.mode = None
