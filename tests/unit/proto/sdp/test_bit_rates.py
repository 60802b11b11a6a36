"""RFC 5577 section 4.1: of G.722.1 another bit rate is another codec."""

from __future__ import annotations

import pytest

from globstar.proto.sdp import CodecDescription, LocalMedia, NotAcceptable, OfferAnswer, parse

LOCAL = LocalMedia(
    "192.0.2.1",
    12000,
    (CodecDescription("G7221", 16000, 1, "bitrate=32000"), CodecDescription("G7221", 32000, 1, "bitrate=48000")),
    telephone_event=False,
)


def answered(lines: str) -> list[str]:
    offer = parse(f"v=0\no=- 7 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\nm=audio 4 RTP/AVP {lines}")
    answer = str(OfferAnswer(1).receive_offer(offer, [LOCAL]))
    return [line for line in answer.splitlines() if line.startswith(("m=", "a=fmtp"))]


def test_the_rate_that_we_know_is_taken_of_several() -> None:
    lines = "117 118\na=rtpmap:117 G7221/16000\na=fmtp:117 bitrate=24000\na=rtpmap:118 G7221/16000\na=fmtp:118 bitrate=32000\n"
    assert answered(lines) == ["m=audio 12000 RTP/AVP 118", "a=fmtp:118 bitrate=32000"]


@pytest.mark.parametrize(
    ("clock", "fmtp"), [(16000, "a=fmtp:117 bitrate = 32000; x=1\n"), (32000, "a=fmtp:117 BITRATE=48000\n"), (16000, "")]
)
def test_it_may_be_written_in_other_ways_or_left_out(clock: int, fmtp: str) -> None:
    assert answered(f"117\na=rtpmap:117 G7221/{clock}\n{fmtp}")[0] == "m=audio 12000 RTP/AVP 117"


@pytest.mark.parametrize(("clock", "rate"), [(16000, "24000"), (32000, "24000"), (32000, "32000"), (16000, "3200"), (16000, "x")])
def test_others_are_declined(clock: int, rate: str) -> None:
    with pytest.raises(NotAcceptable):
        answered(f"117\na=rtpmap:117 G7221/{clock}\na=fmtp:117 bitrate={rate}\n")


def test_an_answer_asks_for_packets_that_we_take() -> None:
    """With use_ptime an answer repeats what the offer asks for, up to the longest that we say we take."""
    mine = LocalMedia("192.0.2.1", 12000, (CodecDescription("PCMU", max_ptime_ms=140),), telephone_event=False, use_ptime=True)
    for asked, told in ((30, 30), (140, 140), (200, 140)):
        offer = parse(
            f"v=0\no=- 7 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\nm=audio 4 RTP/AVP 0\na=ptime:{asked}\n"
        )
        assert f"a=ptime:{told}" in str(OfferAnswer(1).receive_offer(offer, [mine])).splitlines()
