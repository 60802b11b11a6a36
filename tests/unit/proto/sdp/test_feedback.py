"""a=rtcp-fb in offers and answers (RFC 4585 section 4.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from globstar.proto.sdp import CodecDescription, LocalMedia, OfferAnswer, SessionDescription, parse
from globstar.proto.sdp.feedback import TRANSPORT_EXTENSION

KINDS = ("transport-cc", "ccm fir", "goog-remb", "nack", "nack pli")
VIDEO = LocalMedia(
    "192.0.2.1", 12000, (CodecDescription("VP8", 90000),), kind="video", telephone_event=False, protocols=("RTP/AVPF",),
    feedback=KINDS,
)  # fmt: skip


def theirs(lines: str, protocol: str = "RTP/AVPF") -> SessionDescription:
    head = "v=0\no=- 7 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\n"
    return parse(f"{head}m=video 4000 {protocol} 96\na=rtpmap:96 VP8/90000\n{lines}")


def lines_of(description: SessionDescription) -> list[str]:
    text = str(description.media[0]).split("\r\n")
    return [line for line in text if line.startswith(("a=rtcp-fb", "a=extmap"))]


def test_an_offer_has_all_that_we_know() -> None:
    machine = OfferAnswer(1)
    offer = machine.create_offer([VIDEO])
    assert lines_of(offer)[:-1] == [f"a=rtcp-fb:* {kind}" for kind in KINDS]
    number = lines_of(offer)[-1].removeprefix("a=extmap:").split()[0]
    (stream,) = machine.receive_answer(
        theirs(f"a=rtcp-fb:96 NACK\na=rtcp-fb:96 nack  pli\na=rtcp-fb:96 transport-cc\na=extmap:{number} {TRANSPORT_EXTENSION}\n")
    )
    assert stream.feedback == ("transport-cc", "nack", "nack pli")
    assert stream.transport_extension == int(number)
    again = machine.create_offer([VIDEO])
    assert f"a=extmap:{number} {TRANSPORT_EXTENSION}" in lines_of(again)


@pytest.mark.parametrize(
    ("offered", "agreed", "answered"),
    [
        ("", (), []),
        ("a=rtcp-fb:* nack\n", ("nack",), ["a=rtcp-fb:* nack"]),
        ("a=rtcp-fb:96 ccm fir\na=rtcp-fb:96 ccm tmmbr\na=rtcp-fb:*\n", ("ccm fir",), ["a=rtcp-fb:* ccm fir"]),
        # arrival times need the header extension
        ("a=rtcp-fb:96 transport-cc\n", ("transport-cc",), []),
        (
            f"a=rtcp-fb:96 transport-cc\na=extmap:5 {TRANSPORT_EXTENSION}\n",
            ("transport-cc",),
            ["a=rtcp-fb:* transport-cc", f"a=extmap:5 {TRANSPORT_EXTENSION}"],
        ),
    ],
)
def test_an_answer_has_nothing_that_was_not_offered(offered: str, agreed: tuple[str, ...], answered: list[str]) -> None:
    machine = OfferAnswer(1)
    answer = machine.receive_offer(theirs(offered), [VIDEO])
    assert machine.streams[0].feedback == agreed
    assert lines_of(answer) == answered
    assert machine.streams[0].transport_extension == (5 if len(answered) == 2 else 0)


def test_there_is_none_outside_of_avpf() -> None:
    machine = OfferAnswer(1)
    answer = machine.receive_offer(theirs("a=rtcp-fb:* nack\n", "RTP/AVP"), [replace(VIDEO, protocols=("RTP/AVP", "RTP/AVPF"))])
    assert (machine.streams[0].feedback, lines_of(answer)) == ((), [])
