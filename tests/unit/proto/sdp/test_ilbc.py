"""RFC 3952 section 5: which of its two frame lengths iLBC has in a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from globstar.proto.sdp import CodecDescription, LocalMedia, OfferAnswer, SessionDescription, parse
from globstar.proto.sdp.ilbc import common_mode, mode

LOCAL = LocalMedia("192.0.2.1", 12000, (CodecDescription("iLBC", fmtp="mode=20", max_ptime_ms=300),), telephone_event=False)


def description(fmtp: str, name: str = "iLBC") -> SessionDescription:
    lines = f"m=audio 4 RTP/AVP 98\na=rtpmap:98 {name}/8000\n" + (f"a=fmtp:98 {fmtp}\n" if fmtp else "")
    return parse(f"v=0\no=- 7 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\n{lines}")


@pytest.mark.parametrize(
    ("fmtp", "milliseconds"),
    [("", 30), ("mode=20", 20), ("mode=30", 30), ("MODE = 20", 20), ("x=1; mode=20;y=2", 20), ("mode=25", 30), ("mode", 30)],
)
def test_mode(fmtp: str, milliseconds: int) -> None:
    assert mode(fmtp) == milliseconds


def test_the_lower_bit_rate_if_the_two_differ() -> None:
    assert [common_mode(ours, theirs) for ours in ("mode=20", "mode=30") for theirs in ("mode=20", "mode=30", "")] == [
        20, 30, 30, 30, 30, 30,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs", "answered"),
    [("mode=20", "mode=20", 20), ("mode=20", "mode=30", 30), ("mode=20", "", 30), ("mode=30", "mode=20", 30)],
)
def test_an_answer_has_the_mode_of_both_and_packets_of_whole_frames(ours: str, theirs: str, answered: int) -> None:
    codec = LOCAL.codecs[0]._replace(fmtp=ours)
    machine = OfferAnswer(1)
    answer = str(machine.receive_offer(description(theirs, "ILBC"), [replace(LOCAL, codecs=(codec,))]).media[0])
    assert f"a=fmtp:98 mode={answered}\r\n" in answer + "\r\n"
    assert f"a=ptime:{answered}\r\n" in answer + "\r\n"
    agreed = machine.streams[0].codecs[0]
    assert agreed.codec == codec._replace(fmtp=f"mode={answered}", ptime_ms=answered)


def test_two_frames_in_a_packet_stay_so() -> None:
    codec = LOCAL.codecs[0]._replace(ptime_ms=60)
    for theirs in ("mode=20", "mode=30"):
        answer = OfferAnswer(1).receive_offer(description(theirs), [replace(LOCAL, codecs=(codec,))])
        assert "a=ptime:60" in str(answer.media[0])


def test_an_offer_says_what_we_wish_and_the_answer_decides() -> None:
    machine = OfferAnswer(1)
    offer = str(machine.create_offer([LOCAL]).media[0])
    assert "a=fmtp:97 mode=20" in offer
    machine.receive_answer(description("mode=30"))
    assert machine.streams[0].codecs[0].codec.fmtp == "mode=30"
    # and is what the next offer says, under the same number
    again = str(machine.create_offer([replace(LOCAL, codecs=(machine.streams[0].codecs[0].codec,))]).media[0])
    assert "a=fmtp:97 mode=30" in again
    assert "a=ptime:30" in again
