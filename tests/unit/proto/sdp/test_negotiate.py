"""Offer and answer: RFC 3264 by clause, and the choices that are Asterisk's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from globstar.base.errors import LocalFault
from globstar.proto.sdp import (
    Attribute,
    CodecDescription,
    Direction,
    IncomingPreference,
    LocalMedia,
    NotAcceptable,
    OfferAnswer,
    SessionDescription,
    parse,
)

ULAW = CodecDescription("PCMU", max_ptime_ms=140)
ALAW = CodecDescription("PCMA", max_ptime_ms=140)
G722 = CodecDescription("G722", max_ptime_ms=140)
OPUS = CodecDescription("opus", 48000, 2, fmtp="useinbandfec=1", max_ptime_ms=60)
ILBC = CodecDescription("iLBC", fmtp="mode=30", ptime_ms=30, max_ptime_ms=300)
LOCAL = LocalMedia("192.0.2.1", 12000, (ULAW,))
H264 = CodecDescription("H264", 90000)


def offer(media: str, *, version: int = 1, head: str = "", address: str = "198.51.100.7") -> SessionDescription:
    return parse(f"v=0\no=- 7 {version} IN IP4 {address}\ns=-\nc=IN IP4 {address}\nt=0 0\n{head}{media}")


def audio(description: SessionDescription) -> list[str]:
    return str(description.media[0]).split("\r\n")


class TestAnswer:
    def test_rfc3264_6_1_payload_numbers_of_the_offer(self) -> None:
        machine = OfferAnswer(1)
        answer = machine.receive_offer(
            offer("m=audio 4000 RTP/AVP 98 99\na=rtpmap:98 PCMU/8000\na=rtpmap:99 telephone-event/8000\n"), [LOCAL]
        )
        assert answer.media[0].formats == ("98", "99")
        stream = machine.streams[0]
        assert (stream.codecs[0].send_payload_type, stream.codecs[0].receive_payload_type) == (98, 98)
        assert (stream.send_dtmf, stream.receive_dtmf) == ((99, 8000), ((99, 8000),))

    @pytest.mark.parametrize(
        ("preference", "formats"),
        [
            (IncomingPreference.LOCAL, ("9", "8", "0")),
            (IncomingPreference.LOCAL_FIRST, ("9",)),
            (IncomingPreference.REMOTE, ("0", "8", "9")),
            (IncomingPreference.REMOTE_FIRST, ("0",)),
        ],
    )
    def test_asterisk_incoming_call_offer_pref(self, preference: IncomingPreference, formats: tuple[str, ...]) -> None:
        mine = replace(LOCAL, codecs=(G722, ALAW, ULAW), preference=preference, telephone_event=False)
        assert OfferAnswer(1).receive_offer(offer("m=audio 4 RTP/AVP 0 8 9 3\n"), [mine]).media[0].formats == formats

    def test_asterisk_names_compare_without_case_and_with_aliases(self) -> None:
        g729 = CodecDescription("G729")
        answer = OfferAnswer(1).receive_offer(
            offer("m=audio 4 RTP/AVP 96\na=rtpmap:96 g729a/8000\n"), [replace(LOCAL, codecs=(g729,))]
        )
        assert audio(answer)[1] == "a=rtpmap:96 G729/8000"

    @pytest.mark.parametrize("media", ["m=audio 4 RTP/AVP 18\n", "m=audio 4 RTP/SAVP 0\n", "m=video 4 RTP/AVP 31\n"])
    def test_rfc3264_6_nothing_in_common(self, media: str) -> None:
        machine = OfferAnswer(1)
        with pytest.raises(NotAcceptable):
            machine.receive_offer(offer(media), [LOCAL])
        assert machine.local is None
        assert machine.streams == ()

    def test_rfc3264_6_declined_stream_keeps_its_place(self) -> None:
        answer = OfferAnswer(1).receive_offer(
            offer("m=video 6 RTP/AVP 99\na=rtpmap:99 H264/90000\nm=audio 4 RTP/AVP 0\nm=image 8 udptl t38\n"), [LOCAL]
        )
        assert str(answer.media[0]) == "m=video 0 RTP/AVP 99"
        assert answer.media[1].port == 12000
        assert str(answer.media[2]) == "m=image 0 udptl t38"

    def test_second_audio_stream_is_declined(self) -> None:
        machine = OfferAnswer(1)
        answer = machine.receive_offer(offer("m=audio 4 RTP/AVP 0\nm=audio 6 RTP/AVP 0\n"), [LOCAL])
        assert [media.port for media in answer.media] == [12000, 0]
        assert [stream.is_active for stream in machine.streams] == [True, False]

    def test_audio_and_video(self) -> None:
        video = LocalMedia("192.0.2.1", 12002, (H264,), kind="video", telephone_event=False)
        answer = OfferAnswer(1).receive_offer(
            offer("m=audio 4 RTP/AVP 0\nm=video 6 RTP/AVP 99\na=rtpmap:99 H264/90000\n"), [LOCAL, video]
        )
        assert str(answer.media[1]) == "m=video 12002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\na=sendrecv"

    @pytest.mark.parametrize(
        ("theirs", "address", "ours", "hold"),
        [
            ("sendrecv", "198.51.100.7", Direction.SENDRECV, False),
            ("sendonly", "198.51.100.7", Direction.RECVONLY, True),
            ("recvonly", "198.51.100.7", Direction.SENDONLY, False),
            ("inactive", "198.51.100.7", Direction.INACTIVE, True),
            ("sendrecv", "0.0.0.0", Direction.RECVONLY, True),
        ],
    )
    def test_rfc3264_6_1_direction_and_8_4_hold(self, theirs: str, address: str, ours: Direction, hold: bool) -> None:
        machine = OfferAnswer(1)
        answer = machine.receive_offer(offer(f"m=audio 4 RTP/AVP 0\na={theirs}\n", address=address), [LOCAL])
        assert answer.media[0].stated_direction is ours
        assert (machine.streams[0].direction, machine.streams[0].is_remote_hold) == (ours, hold)

    def test_direction_is_cut_by_what_we_want(self) -> None:
        mine = replace(LOCAL, direction=Direction.SENDONLY)
        answer = OfferAnswer(1).receive_offer(offer("m=audio 4 RTP/AVP 0\n"), [mine])
        assert answer.media[0].stated_direction is Direction.SENDONLY

    def test_rfc5761_5_1_1_rtcp_mux_only_when_both_want_it(self) -> None:
        muxed = replace(LOCAL, rtcp_mux=True)
        for mine, media, expected in (
            (muxed, "m=audio 4 RTP/AVP 0\na=rtcp-mux\n", True),
            (muxed, "m=audio 4 RTP/AVP 0\n", False),
            (LOCAL, "m=audio 4 RTP/AVP 0\na=rtcp-mux\n", False),
        ):
            machine = OfferAnswer(1)
            answer = machine.receive_offer(offer(media), [mine])
            assert answer.media[0].rtcp_mux is expected
            assert machine.streams[0].remote_rtcp_port == (4 if expected else 5)
        assert audio(OfferAnswer(1).create_offer([muxed]))[-1] == "a=rtcp-mux"

    def test_rfc3605_rtcp_attribute(self) -> None:
        machine = OfferAnswer(1)
        machine.receive_offer(offer("m=audio 4 RTP/AVP 0\na=rtcp:9 IN IP4 203.0.113.9\n"), [LOCAL])
        assert (machine.streams[0].remote_rtcp_address, machine.streams[0].remote_rtcp_port) == ("203.0.113.9", 9)

    def test_rfc4733_2_1_telephone_event_clock_follows_the_codec(self) -> None:
        machine = OfferAnswer(1)
        answer = machine.receive_offer(
            offer(
                "m=audio 4 RTP/AVP 107 101 102 103\na=rtpmap:107 opus/48000/2\na=rtpmap:101 telephone-event/8000\n"
                "a=rtpmap:102 telephone-event/48000\na=rtpmap:103 telephone-event/16000\n"
            ),
            [replace(LOCAL, codecs=(OPUS, ULAW))],
        )
        assert answer.media[0].formats == ("107", "101", "102")
        assert machine.streams[0].send_dtmf == (102, 48000)
        assert machine.streams[0].receive_dtmf == ((101, 8000), (102, 48000))

    def test_port_zero_in_a_reoffer_is_answered_with_port_zero(self) -> None:
        machine = OfferAnswer(1)
        machine.receive_offer(offer("m=audio 4 RTP/AVP 0\n"), [LOCAL])
        answer = machine.receive_offer(offer("m=audio 0 RTP/AVP 0\n", version=2), [LOCAL])
        assert answer.media[0].port == 0
        assert not machine.streams[0].is_active

    def test_remote_fmtp_is_handed_on(self) -> None:
        machine = OfferAnswer(1)
        machine.receive_offer(
            offer("m=audio 4 RTP/AVP 97\na=rtpmap:97 iLBC/8000\na=fmtp:97 mode=20\n"), [replace(LOCAL, codecs=(ILBC,))]
        )
        assert machine.streams[0].codecs[0].remote_fmtp == "mode=20"

    def test_shortest_ptime_and_maxptime_of_the_codecs(self) -> None:
        lines = audio(
            OfferAnswer(1).receive_offer(
                offer("m=audio 4 RTP/AVP 97 0\na=rtpmap:97 iLBC/8000\n"), [replace(LOCAL, codecs=(ILBC, ULAW))]
            )
        )
        assert "a=ptime:20" in lines
        assert "a=maxptime:140" in lines
        forced = OfferAnswer(1).create_offer([replace(LOCAL, ptime_ms=40)])
        assert "a=ptime:40" in audio(forced)


class TestVersion:
    def test_asterisk_takes_over_the_session_id_and_adds_two(self) -> None:
        answer = OfferAnswer(1).receive_offer(offer("m=audio 4 RTP/AVP 0\n", version=41), [LOCAL])
        assert str(answer.origin) == "- 7 43 IN IP4 192.0.2.1"

    def test_rfc3264_8_version_grows_only_with_a_change(self) -> None:
        machine = OfferAnswer(1)
        machine.receive_offer(offer("m=audio 4 RTP/AVP 0\n"), [LOCAL])
        versions = []
        for number, line in enumerate(("sendrecv", "sendonly", "sendonly", "sendrecv"), 2):
            answer = machine.receive_offer(offer(f"m=audio 4 RTP/AVP 0\na={line}\n", version=number), [LOCAL])
            versions.append(answer.origin.version_number)
        assert versions == [3, 4, 4, 5]
        same = replace(LOCAL, telephone_event=False)
        assert machine.create_offer([same]).origin.version_number == 5
        assert machine.create_offer([replace(same, port=9)]).origin.version_number == 6

    def test_refused_offer_is_taken_back_and_its_version_not_used_again(self) -> None:
        machine = OfferAnswer(50)
        first = machine.create_offer([LOCAL])
        machine.receive_answer(offer("m=audio 4 RTP/AVP 0\n"))
        agreed = machine.streams
        machine.create_offer([replace(LOCAL, direction=Direction.SENDONLY)])
        machine.cancel_offer()
        assert machine.local == first
        assert machine.streams == agreed
        assert machine.create_offer([replace(LOCAL, port=14000)]).origin.version == "52"

    def test_first_offer_refused_leaves_nothing(self) -> None:
        machine = OfferAnswer(50)
        machine.create_offer([LOCAL])
        machine.cancel_offer()
        assert machine.local is None
        machine.cancel_offer()


class TestOffer:
    def test_asterisk_default_numbers(self) -> None:
        slin16 = CodecDescription("L16", 16000)
        codecs = (ULAW, ALAW, G722, ILBC, OPUS, slin16)
        lines = audio(OfferAnswer(1).create_offer([replace(LOCAL, codecs=codecs)]))
        assert lines[0] == "m=audio 12000 RTP/AVP 0 8 9 97 107 118 101 96 98"
        assert lines[1:9] == [
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:97 iLBC/8000",
            "a=fmtp:97 mode=30",
            "a=rtpmap:107 opus/48000/2",
            "a=fmtp:107 useinbandfec=1",
            "a=rtpmap:118 L16/16000",
        ]
        assert "a=rtpmap:96 telephone-event/48000" in lines
        assert "a=rtpmap:98 telephone-event/16000" in lines

    def test_attributes_come_before_the_codecs(self) -> None:
        mine = replace(LOCAL, protocols=("RTP/SAVP",), attributes=(Attribute("crypto", "1 X inline:k"),))
        assert audio(OfferAnswer(1).create_offer([mine]))[:2] == [
            "m=audio 12000 RTP/SAVP 0 101",
            "a=crypto:1 X inline:k",
        ]

    def test_rfc3264_7_send_by_their_numbers_receive_by_ours(self) -> None:
        machine = OfferAnswer(1)
        machine.create_offer([replace(LOCAL, codecs=(OPUS, ULAW))])
        (stream,) = machine.receive_answer(
            offer("m=audio 4 RTP/AVP 0 111 100\na=rtpmap:111 opus/48000/2\na=rtpmap:100 telephone-event/8000\n")
        )
        assert [(one.codec, one.send_payload_type, one.receive_payload_type) for one in stream.codecs] == [
            (ULAW, 0, 0),
            (OPUS, 111, 107),
        ]
        assert stream.send_dtmf == (100, 8000)
        assert (101, 8000) in stream.receive_dtmf

    def test_answer_without_events(self) -> None:
        machine = OfferAnswer(1)
        machine.create_offer([LOCAL])
        (stream,) = machine.receive_answer(offer("m=audio 4 RTP/AVP 0\n"))
        assert (stream.send_dtmf, stream.receive_dtmf) == (None, ())

    def test_answer_with_nothing_in_common(self) -> None:
        machine = OfferAnswer(1)
        machine.create_offer([LOCAL])
        with pytest.raises(NotAcceptable):
            machine.receive_answer(offer("m=audio 4 RTP/AVP 8\n"))

    def test_answer_with_too_few_streams(self) -> None:
        video = LocalMedia("192.0.2.1", 12002, (H264,), kind="video", telephone_event=False)
        machine = OfferAnswer(1)
        machine.create_offer([LOCAL, video])
        streams = machine.receive_answer(offer("m=audio 4 RTP/AVP 0\n"))
        assert [stream.is_active for stream in streams] == [True, False]

    def test_answer_that_nobody_asked_for(self) -> None:
        with pytest.raises(LocalFault):
            OfferAnswer(1).receive_answer(offer("m=audio 4 RTP/AVP 0\n"))

    def test_held_by_the_answer_and_not_by_our_own_hold(self) -> None:
        machine = OfferAnswer(1)
        machine.create_offer([LOCAL])
        (stream,) = machine.receive_answer(offer("m=audio 4 RTP/AVP 0\na=sendonly\n"))
        assert (stream.is_remote_hold, stream.direction) == (True, Direction.RECVONLY)
        machine.create_offer([replace(LOCAL, direction=Direction.RECVONLY)])
        (stream,) = machine.receive_answer(offer("m=audio 4 RTP/AVP 0\na=sendonly\n"))
        assert not stream.is_remote_hold

    def test_rfc3264_8_reoffer_keeps_lines_and_numbers(self) -> None:
        machine = OfferAnswer(1)
        machine.receive_offer(
            offer(
                "m=video 6 RTP/AVP 99\na=rtpmap:99 H264/90000\n"
                "m=audio 4 RTP/AVP 120 121\na=rtpmap:120 PCMU/8000\na=rtpmap:121 telephone-event/8000\n"
            ),
            [LOCAL],
        )
        again = machine.create_offer([replace(LOCAL, codecs=(ALAW, ULAW))])
        assert [media.kind for media in again.media] == ["video", "audio"]
        assert again.media[0].port == 0
        assert again.media[1].formats == ("8", "120", "121")

    def test_number_wish_and_collision(self) -> None:
        wishing = CodecDescription("opus", 48000, 2, payload_type=101)
        formats = OfferAnswer(1).create_offer([replace(LOCAL, codecs=(wishing, ULAW))]).media[0].formats
        assert formats[:2] == ("101", "0")
        assert len(set(formats)) == len(formats) == 4

    def test_streams_on_different_hosts(self) -> None:
        video = LocalMedia("192.0.2.9", 12002, (H264,), kind="video", telephone_event=False)
        description = OfferAnswer(1).create_offer([LOCAL, video])
        assert str(description.connection) == "IN IP4 192.0.2.1"
        assert [str(connection) for connection in description.media[1].connections] == ["IN IP4 192.0.2.9"]
        assert parse(str(description)) == description

    def test_ipv6(self) -> None:
        description = OfferAnswer(3).create_offer([replace(LOCAL, address="2001:db8::1")])
        assert str(description.origin) == "- 3 3 IN IP6 2001:db8::1"
        assert str(description.connection) == "IN IP6 2001:db8::1"
