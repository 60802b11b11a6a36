"""Invariant: for any bytes, SDP parsing gives a description or SdpParseError, and ``parse(str(x)) == x``.

And whatever was parsed, an answer to it is a readable description or NotAcceptable: one m-line for each of the
offer's, in the same order and of the same kinds, with nothing accepted that was not offered.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.sdp import (
    CodecDescription,
    LocalMedia,
    NotAcceptable,
    OfferAnswer,
    SdpParseError,
    SessionDescription,
    parse,
)

HEAD = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"]
LINES = [
    *HEAD,
    "m=audio 4000 RTP/AVP 0 8 101",
    "m=audio 0 RTP/AVP 0",
    "m=video 4002/2 RTP/AVPF 99",
    "m=image 4 udptl t38",
    "c=IN IP4 0.0.0.0",
    "a=rtpmap:101 telephone-event/8000",
    "a=rtpmap:8 pcma/8000/1",
    "a=rtpmap:99999 x/9",
    "a=fmtp:101 0-16",
    "a=ptime:20",
    "a=sendonly",
    "a=inactive",
    "a=rtcp-mux",
    "a=rtcp:5 IN IP6 ::1",
    "a=crypto:1 AES inline:x",
    "b=AS:64",
    "k=clear:x",
    "z=1 2",
    "r=1 2",
]
ODD = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["\x00", "\r", "\x85", "\u2028", "=", ":", "/"])
line = st.sampled_from(LINES) | st.builds(
    lambda base, at, odd: base[: at % (len(base) + 1)] + odd + base[at % (len(base) + 1) :],
    st.sampled_from(LINES),
    st.integers(0, 40),
    ODD,
)
texts = st.builds(
    lambda head, lines, end: (end.join([*(HEAD if head else []), *lines]) + end).encode(),
    st.booleans(),
    st.lists(line, max_size=20),
    st.sampled_from(["\r\n", "\n", "\r"]),
)
raw = st.binary(max_size=300) | st.builds(lambda tail: b"v=0\r\n" + tail, st.binary(max_size=300)) | texts

MINE = [LocalMedia("192.0.2.1", 12000, (CodecDescription("PCMA"), CodecDescription("PCMU"), CodecDescription("opus", 48000, 2)))]


def usable(data: bytes) -> SessionDescription | None:
    try:
        return parse(data)
    except SdpParseError:
        return None


@given(raw)
def test_any_bytes(data: bytes) -> None:
    description = usable(data)
    if description is None:
        return
    assert parse(str(description)) == description
    assert parse(bytes(description)) == description
    repr(description)
    for media in description.media:
        description.connection_of(media)
        description.direction_of(media)
        rtpmaps = media.rtpmaps()
        assert set(rtpmaps) <= set(media.payload_types)
        _ = (media.fmtps(), media.ptime_ms, media.maxptime_ms, media.rtcp, media.cryptos, media.fingerprints)


@given(texts)
def test_any_offer(data: bytes) -> None:
    offer = usable(data)
    if offer is None:
        return
    machine = OfferAnswer(1)
    try:
        answer = machine.receive_offer(offer, MINE)
    except NotAcceptable:
        assert machine.local is None
        return
    assert parse(str(answer)) == answer
    assert [media.kind for media in answer.media] == [media.kind for media in offer.media]
    for ours, theirs, stream in zip(answer.media, offer.media, machine.streams, strict=True):
        assert set(ours.formats) <= set(theirs.formats)
        assert stream.is_active == (ours.port != 0)
    again = machine.receive_offer(offer, MINE)
    assert again == answer


@given(texts)
def test_any_answer(data: bytes) -> None:
    answer = usable(data)
    if answer is None:
        return
    machine = OfferAnswer(1)
    offer = machine.create_offer(MINE)
    try:
        streams = machine.receive_answer(answer)
    except NotAcceptable:
        assert machine.offered is not None
        return
    assert len(streams) == len(offer.media)
    for stream in streams:
        assert {str(codec.receive_payload_type) for codec in stream.codecs} <= set(offer.media[stream.index].formats)
