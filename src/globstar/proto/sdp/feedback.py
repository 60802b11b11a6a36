"""What receivers may tell senders by RTCP: ``a=rtcp-fb`` (RFC 4585 section 4.2), and the header extension that one kind needs."""

from __future__ import annotations

from collections.abc import Iterable

from globstar.proto.sdp.values import Attribute, Media

#: The kinds that we know.
NACK, PICTURE_LOSS, INTRA_REQUEST, BIT_RATE, TRANSPORT_WIDE = "nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"
#: The header extension with the number of a packet among all of its transport.
TRANSPORT_EXTENSION = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


def feedback_of(media: Media) -> frozenset[str]:
    """What a line offers for any of its payload types; nothing outside of RTP/AVPF and RTP/SAVPF."""
    if not media.protocol.endswith("F"):
        return frozenset()
    values = (value.partition(" ")[2].split() for value in media.all("rtcp-fb"))
    return frozenset(" ".join(words).lower() for words in values if words)


def agreed_feedback(mine: Iterable[str], theirs: Media) -> tuple[str, ...]:
    """What both sides know, in our order: an answer has nothing that was not offered."""
    known = feedback_of(theirs)
    return tuple(kind for kind in mine if kind in known)


def feedback_lines(kinds: Iterable[str]) -> tuple[Attribute, ...]:
    """The lines of SDP, for all payload types."""
    return tuple(Attribute("rtcp-fb", f"* {kind}") for kind in kinds)


def extension_number(media: Media, name: str) -> int:
    """The number of a header extension; 0 where it is not offered both ways (RFC 8285 section 5)."""
    for value in media.all("extmap"):
        number, _, rest = value.partition(" ")
        number, _, direction = number.partition("/")
        if rest.split(" ", 1)[0] == name and direction in ("", "sendrecv"):
            if number.isascii() and number.isdigit() and 0 < int(number[:4]) < 15:
                return int(number)
    return 0
