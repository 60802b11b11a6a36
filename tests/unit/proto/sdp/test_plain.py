"""Descriptions that are read at one go say the same as if they were read line by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.sdp import CodecDescription, LocalMedia, OfferAnswer, SdpParseError, SessionDescription, parse
from globstar.proto.sdp.parse import MAX_LINES, _parse_lines, _parse_plain
from globstar.proto.sdp.values import MAX_STATING

PLAIN = (
    "v=0\r\no=alice 7 1 IN IP4 192.0.2.7\r\ns=call\r\nc=IN IP4 192.0.2.7\r\nb=AS:84\r\nt=0 0\r\na=sendonly\r\n"
    "m=audio 4000 RTP/AVP 0 97 101\r\nc=IN IP6 2001:db8::7\r\nb=TIAS:64000\r\na=rtpmap:97 iLBC/8000\r\na=fmtp:97 mode=30\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=rtcp:4005\r\na=sendrecv\r\n"
)
#: Lines that change what is said, or spoil it.
OTHERS = (
    "a=", "a=:x", "a= x:1", "a=x :y", "a=inactive", "a=ptime:9", "b=CT", "b=CT:x", "c=IN IP4 0.0.0.0", "c=IN IP4", "t=1 2",
    "t=0", "m=audio 70000 RTP/AVP 0", "m=audio 0 RTP/AVP 0", "m=audio 4 RTP/AVP", "m=audio 4/2 RTP/AVP 8", "m=AUDIO 4 rtp/avp 8",
    "m=audio", "m=video 5000 RTP/AVP 34", "o=x 1 1 IN IP4 192.0.2.8", "o=x y 1 1 IN IP4 192.0.2.8", "s=", "s= ", "v=0", "v=1",
    "i=é", "k=x", "", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", "a=ice-pwd:x", "z",
)  # fmt: skip


def by_lines(text: str) -> SessionDescription | str:
    try:
        return _parse_lines(text, MAX_LINES)
    except SdpParseError as error:
        return str(error)


def at_one_go(text: str) -> SessionDescription | str:
    try:
        return parse(text)
    except SdpParseError as error:
        return str(error)


@given(st.data(), st.sampled_from(("\r\n", "\n")))
def test_both_ways_of_reading_say_the_same(data: st.DataObject, end: str) -> None:
    lines = PLAIN.split("\r\n")[:-1]
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(lines)))
        lines[place : place + data.draw(st.integers(0, 1))] = data.draw(st.lists(st.sampled_from(OTHERS), max_size=1))
    text = "".join(line + end for line in lines)
    assert at_one_go(text) == by_lines(text)


def test_plain_descriptions_are_read_at_one_go() -> None:
    assert _parse_plain(PLAIN) == by_lines(PLAIN)
    assert _parse_plain(PLAIN.replace("c=IN IP6 2001:db8::7\r\n", "").replace("b=AS:84\r\n", "")) is not None


@pytest.mark.parametrize("line", ["a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n", "a=ice-pwd:secret\r\n", "a=candidate:1\r\n"])
def test_keys_are_not_kept(line: str) -> None:
    assert _parse_plain(PLAIN + line) is None


def test_what_two_endpoints_agree_on_is_their_own() -> None:
    """The same offer comes to different things with different codecs, packet times and directions, however often it is made."""
    offer = parse(PLAIN.replace("a=ptime:20", "a=ptime:40"))
    ulaw, ilbc = CodecDescription("PCMU"), CodecDescription("iLBC", fmtp="mode=20")
    for _ in range(2):
        answers = [
            str(OfferAnswer(1).receive_offer(offer, [LocalMedia("192.0.2.1", 5000, codecs, use_ptime=use_ptime)]).media[0])
            for codecs, use_ptime in (((ulaw,), False), ((ulaw,), True), ((ilbc,), False), ((ilbc, ulaw), False))
        ]
        numbers = [answer.split("\r\n")[0].removeprefix("m=audio 5000 RTP/AVP ") for answer in answers]
        assert numbers == ["0 101", "0 101", "97 101", "97 0 101"]
        assert ["a=ptime:40" in answer for answer in answers] == [False, True, False, False]
        assert ["a=fmtp:97 mode=30" in answer for answer in answers] == [False, False, True, True]


def test_a_line_that_is_longer_than_any_phones_is_read_and_not_kept() -> None:
    more = "".join(f"a=fmtp:{number} x={number}\r\n" for number in range(MAX_STATING + 1))
    line, usual = parse(PLAIN + more).media[0], parse(PLAIN).media[0]
    assert (line.stated is line.stated, usual.stated is parse(PLAIN).media[0].stated) == (False, True)
    assert (line.fmtps()[97], line.fmtps()[MAX_STATING]) == ("mode=30", f"x={MAX_STATING}")
    machine = OfferAnswer(1)
    answer = machine.receive_offer(parse(PLAIN + more), [LocalMedia("192.0.2.1", 5000, (CodecDescription("PCMU"),))])
    assert answer.media[0].formats == ("0", "101")
    assert machine.streams[0].codecs[0].remote_fmtp == "x=0"


def test_ports_and_addresses_are_those_of_the_call() -> None:
    mine = [LocalMedia("192.0.2.1", 5000, (CodecDescription("PCMU"),))]
    for port in (4000, 4002):
        machine = OfferAnswer(1)
        machine.receive_offer(parse(PLAIN.replace("m=audio 4000", f"m=audio {port}")), mine)
        assert (machine.streams[0].remote_port, machine.streams[0].remote_address) == (port, "2001:db8::7")
        assert machine.streams[0].remote_rtcp_port == 4005
