"""SDP text: what is read, what is refused, and the round trip (RFC 8866)."""

from __future__ import annotations

import pytest

from globstar.proto.sdp import (
    Attribute,
    Bandwidth,
    Connection,
    Direction,
    Fingerprint,
    Origin,
    Rtcp,
    RtpMap,
    SdpFault,
    SdpParseError,
    Timing,
    parse,
)

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

FULL = (
    "v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call to John Smith\r\ni=SDP Offer #1\r\n"
    "u=http://www.jdoe.example.com/home.html\r\ne=Jane Doe <jane@jdoe.example.com>\r\np=+1 617 555-6011\r\n"
    "c=IN IP4 198.51.100.1\r\nb=AS:128\r\nt=3724394400 3724398000\r\nr=7d 1h 0 25h\r\nz=3730928400 -1h\r\nk=prompt\r\n"
    "a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\na=group:BUNDLE 0 1\r\n"
    "m=audio 49170/2 UDP/TLS/RTP/SAVPF 111 0 101\r\ni=voice\r\nc=IN IP4 198.51.100.2\r\nb=TIAS:64000\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:60\r\na=sendonly\r\na=rtcp:53020 IN IP4 198.51.100.3\r\n"
    "a=rtcp-mux\r\na=setup:actpass\r\na=fingerprint:SHA-256 ab:cd\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0 UNENCRYPTED_SRTCP\r\n"
    "a=candidate:1 1 UDP 2130706431 203.0.113.1 8998 typ host\r\na=mid:0\r\na=x-unknown:kept as it is\r\n"
    "m=video 0 RTP/AVP 31\r\n"
)


def test_rfc8866_5_full_description_round_trip() -> None:
    description = parse(FULL)
    assert str(description) == FULL
    assert parse(bytes(description)) == description
    assert description.origin == Origin("jdoe", "3724394400", "3724394405", "198.51.100.1")
    assert description.bandwidths == (Bandwidth("AS", 128),)
    assert description.timings == (Timing(3724394400, 3724398000, ("7d 1h 0 25h",)),)
    audio, video = description.media
    assert (audio.port, audio.port_count, audio.payload_types) == (49170, 2, (111, 0, 101))
    assert audio.rtpmaps() == {
        111: RtpMap(111, "opus", 48000, 2),
        0: RtpMap(0, "PCMU", 8000),
        101: RtpMap(101, "telephone-event", 8000),
    }
    assert audio.fmtps() == {111: "useinbandfec=1", 101: "0-16"}
    assert (audio.ptime_ms, audio.maxptime_ms, audio.rtcp_mux) == (20, 60, True)
    assert audio.rtcp == Rtcp(53020, "198.51.100.3")
    assert audio.setup == "actpass"
    assert audio.fingerprints == [Fingerprint("sha-256", "AB:CD")]
    assert [crypto.suite for crypto in audio.cryptos] == ["AES_CM_128_HMAC_SHA1_80"]
    assert str(audio.cryptos[0]) == audio.first("crypto")
    assert audio.candidates == ["1 1 UDP 2130706431 203.0.113.1 8998 typ host"]
    assert audio.first("x-unknown") == "kept as it is"
    assert description.ice_ufrag == "F7gI"
    assert description.direction_of(audio) is Direction.SENDONLY
    assert description.direction_of(video) is Direction.SENDRECV
    assert description.connection_of(audio) == Connection("198.51.100.2")
    assert description.connection_of(video) == Connection("198.51.100.1")


def test_rfc4568_9_1_key_is_not_in_repr() -> None:
    assert "c2VjcmV0" not in repr(parse(FULL).media[0].cryptos[0])


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends(line_end: str) -> None:
    assert parse(FULL.replace("\r\n", line_end)) == parse(FULL)


def test_liberal_missing_subject_and_time() -> None:
    description = parse("v=0\no=- 1 1 IN IP4 192.0.2.1\nc=in ip4 192.0.2.1\nm=AUDIO 4000 rtp/avp 0\n")
    assert (description.name, description.timings) == ("-", (Timing(),))
    assert (description.media[0].kind, description.media[0].protocol) == ("audio", "RTP/AVP")
    assert description.connection == Connection("192.0.2.1")


def test_liberal_user_name_with_spaces_and_odd_ids() -> None:
    description = parse("v=0\no=Jane Doe abc 1.5 IN IP4 192.0.2.1\ns=-\nt=0 0\n")
    assert description.origin.username == "Jane_Doe"
    assert description.origin.version_number == 0


def test_unknown_lines_are_left_out_and_unknown_attributes_kept() -> None:
    description = parse(HEAD + "y=something\r\ngarbage\r\nb=nonsense\r\na=whatever\r\n")
    assert description.attributes == (Attribute("whatever"),)
    assert "y=" not in str(description)


def test_session_direction_counts_for_media() -> None:
    description = parse(HEAD + "a=inactive\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\na=recvonly\r\n")
    assert [description.direction_of(media) for media in description.media] == [Direction.INACTIVE, Direction.RECVONLY]


def test_bytes_that_are_not_utf8_survive() -> None:
    raw = HEAD.encode().replace(b"s=-", b"s=\xff\xfe")
    assert bytes(parse(raw)) == raw


def test_unusable_attribute_values_read_as_absent() -> None:
    media = parse(
        HEAD + "m=audio 4000 RTP/AVP 96 97 300 x\r\na=rtpmap:96\r\na=rtpmap:97 X/0\r\na=ptime:fast\r\na=rtcp:70000\r\n"
        "a=crypto:x\r\na=fingerprint:one\r\na=fmtp:none\r\n"
    ).media[0]
    assert media.payload_types == (96, 97)
    assert media.rtpmaps() == {}
    assert (media.ptime_ms, media.rtcp, media.cryptos, media.fingerprints, media.fmtps()) == (None, None, [], [], {})


def test_rfc8866_6_4_fractional_ptime() -> None:
    assert parse(HEAD + "m=audio 4000 RTP/AVP 0\r\na=ptime:22.5\r\n").media[0].ptime_ms == 22


def test_rfc3551_static_types_need_no_rtpmap() -> None:
    rtpmaps = parse(HEAD + "m=audio 4000 RTP/AVP 0 8 9 18 3\r\n").media[0].rtpmaps()
    assert [rtpmap.name for rtpmap in rtpmaps.values()] == ["PCMU", "PCMA", "G722", "G729", "GSM"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", SdpFault.EMPTY),
        ("\r\n\r\n", SdpFault.EMPTY),
        ("hello", SdpFault.VERSION),
        ("v=1\r\n", SdpFault.VERSION),
        ("v=0\r\n", SdpFault.ORIGIN),
        ("v=0\r\no=- 1 1 IN\r\n", SdpFault.ORIGIN),
        ("v=0\r\nthis is not sdp", SdpFault.TIME),
        (HEAD + "t=now then\r\n", SdpFault.TIME),
        (HEAD + "c=192.0.2.1\r\n", SdpFault.CONNECTION),
        (HEAD + "a\r\n", SdpFault.ATTRIBUTE),
        (HEAD + "m=audio\r\n", SdpFault.MEDIA),
        (HEAD + "m=audio 70000 RTP/AVP 0\r\n", SdpFault.MEDIA),
        (HEAD + "m=audio -1 RTP/AVP 0\r\n", SdpFault.MEDIA),
        (HEAD + "m=audio 4000 RTP/AVP 0\r\n" * 65, SdpFault.MEDIA),
        (HEAD.replace("c=IN IP4 192.0.2.1\r\n", "") + "m=audio 4000 RTP/AVP 0\r\n", SdpFault.NO_CONNECTION),
        ("v=0\r\n" + "a=x\r\n" * 5000, SdpFault.EMPTY),
        ("v=0\r\n" + "x" * 70000 + "\r\n", SdpFault.EMPTY),
    ],
)
def test_refused(text: str, fault: SdpFault) -> None:
    with pytest.raises(SdpParseError) as caught:
        parse(text.encode())
    assert caught.value.fault is fault
