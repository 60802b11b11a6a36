"""Several streams of a kind: which of ours stands on which line of an offer or answer (RFC 3264 sections 5.1, 6 and 8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from globstar.proto.sdp import CodecDescription, LocalMedia, OfferAnswer, SessionDescription, parse

PCMU, PCMA = CodecDescription("PCMU"), CodecDescription("PCMA")


def offer(*lines: str) -> SessionDescription:
    """Lines like ``audio 4000 0``, ``video 4002 97``: kind, port and payload types."""
    text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    for line in lines:
        kind, port, numbers = line.split(" ", 2)
        text += f"m={kind} {port} RTP/AVP {numbers}\r\n" + ("a=rtpmap:97 H264/90000\r\n" if kind == "video" else "")
    return parse(text.encode())


def audio(port: int, place: int | None = None, codec: CodecDescription = PCMU) -> LocalMedia:
    return LocalMedia("192.0.2.9", port, (codec,), place=place)


def ports(description: SessionDescription) -> list[int]:
    return [line.port for line in description.media]


@pytest.mark.parametrize(
    ("lines", "mine", "expected"),
    [
        # new streams take the lines in order
        (("audio 4000 0", "audio 4002 0"), (audio(1), audio(2)), [1, 2]),
        (("audio 4000 0", "audio 4002 0"), (audio(1),), [1, 0]),
        (("audio 4000 8", "audio 4002 0"), (audio(1), audio(2)), [0, 1]),
        # each stays on its line, whichever comes first
        (("audio 4000 0", "audio 4002 0"), (audio(1, 1), audio(2, 0)), [2, 1]),
        (("audio 0 0", "audio 4002 0"), (audio(1, 0), audio(2, 1)), [0, 2]),
        (("audio 4000 0", "audio 4002 0", "audio 4004 0"), (audio(1, 0), audio(2, 2), audio(3)), [1, 3, 2]),
        # one whose line is given up is free for another
        (("audio 0 0", "audio 4002 0"), (audio(1, 0), LocalMedia("192.0.2.9", 9, (), kind="video")), [0, 1]),
        (("audio 0 0", "audio 4002 0", "audio 4004 0"), (audio(1, 0), audio(2, 1)), [0, 2, 1]),
        # a place that is another kind now counts for nothing
        (("video 4000 97", "audio 4002 0"), (audio(1, 0), audio(2)), [0, 1]),
    ],
)
def test_an_answer(lines: tuple[str, ...], mine: tuple[LocalMedia, ...], expected: list[int]) -> None:
    assert ports(OfferAnswer(1).receive_offer(offer(*lines), mine)) == expected


def test_an_offer_of_ours_keeps_the_places() -> None:
    session = OfferAnswer(1)
    session.receive_offer(offer("audio 4000 0", "audio 4002 0", "audio 4004 0"), (audio(1), audio(2), audio(3)))
    one, three = audio(1, 0), audio(3, 2)
    assert ports(session.create_offer([three, one])) == [1, 0, 3]
    session.cancel_offer()
    assert ports(session.create_offer([one, three, audio(4)])) == [1, 4, 3]  # a new stream takes a line without one
    session.cancel_offer()
    assert ports(session.create_offer([one, audio(2, 1), three, audio(4)])) == [1, 2, 3, 4]


def test_names_of_lines_are_repeated_where_they_are_kept() -> None:
    """RFC 5888 section 9.1: the mid of an answer is that of the offer; so is it in our next offer."""
    theirs = parse(
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        b"m=audio 4000 RTP/AVP 0\r\na=mid:left\r\na=label:7\r\nm=audio 4002 RTP/AVP 0\r\n"
    )
    for keeps in (True, False):
        session = OfferAnswer(1)
        mine = [replace(audio(1), keeps_names=keeps), replace(audio(2), keeps_names=keeps)]
        answer = session.receive_offer(theirs, mine)
        assert [line.mid for line in answer.media] == (["left", None] if keeps else [None, None])
        assert [line.all("label") for line in answer.media] == ([["7"], []] if keeps else [[], []])
        again = session.create_offer([replace(one, place=index) for index, one in enumerate(mine)])
        assert [line.mid for line in again.media] == (["left", None] if keeps else [None, None])
