"""Streams that share a transport: RFC 9143 by clause."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from globstar.proto.sdp import (
    Attribute,
    Bundling,
    CodecDescription,
    LocalMedia,
    LocalSource,
    Media,
    NotAcceptable,
    OfferAnswer,
    SessionDescription,
    bundles,
    parse,
)
from globstar.proto.sdp.bundle import MID_EXTENSION, mid_extension

AUDIO = LocalMedia("192.0.2.1", 12000, (CodecDescription("PCMU"),), rtcp_mux=True, bundles=True)
VIDEO = LocalMedia(
    "192.0.2.1", 12002, (CodecDescription("VP8", 90000),), kind="video", telephone_event=False, rtcp_mux=True, bundles=True
)


class Keys:
    """Keys that note for which lines they are asked."""

    def __init__(self, name: str, *, will: bool = True) -> None:
        self.name = name
        self.will = will
        self.asked: list[str] = []

    def offer(self) -> tuple[Attribute, ...]:
        self.asked.append("offer")
        return Attribute("ice-ufrag", self.name), Attribute("candidate", self.name)

    def answer(self, theirs: Media, description: SessionDescription) -> tuple[Attribute, ...] | None:
        self.asked.append(theirs.mid or "")
        return self.offer() if self.will else None

    def accepts(self, theirs: Media, description: SessionDescription) -> bool:
        self.asked.append(theirs.mid or "")
        return self.will


def line(kind: str, port: int, mid: str, *more: str, payload: str = "") -> str:
    payload = payload or ("0" if kind == "audio" else "96")
    rtpmap = "" if payload == "0" else f"a=rtpmap:{payload} VP8/90000\n"
    extra = "".join(f"a={attribute}\n" for attribute in more)
    return f"m={kind} {port} RTP/AVP {payload}\n{rtpmap}a=mid:{mid}\n{extra}"


def description(*lines: str, group: str = "a v") -> SessionDescription:
    grouping = f"a=group:BUNDLE {group}\n" if group else ""
    return parse(f"v=0\no=- 7 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\n{grouping}" + "".join(lines))


BOTH = (line("audio", 4000, "a", "rtcp-mux"), line("video", 4002, "v", "rtcp-mux"))


def ports(answer: SessionDescription) -> list[int]:
    return [media.port for media in answer.media]


class TestAnswer:
    def test_rfc9143_7_3_one_port_for_all_and_one_remote_address(self) -> None:
        machine = OfferAnswer(1)
        answer = machine.receive_offer(description(*BOTH), [AUDIO, VIDEO])
        assert bundles(answer) == [("a", "v")]
        assert ports(answer) == [12000, 12000]
        assert [media.mid for media in answer.media] == ["a", "v"]
        assert [stream.bundling for stream in machine.streams] == [Bundling("a", 0), Bundling("v", 0)]
        assert [stream.remote_port for stream in machine.streams] == [4000, 4000]

    def test_rfc9143_6_port_0_with_bundle_only_is_no_refusal(self) -> None:
        machine = OfferAnswer(1)
        offer = description(line("audio", 4000, "a", "rtcp-mux"), line("video", 0, "v", "bundle-only"))
        assert ports(machine.receive_offer(offer, [AUDIO, VIDEO])) == [12000, 12000]
        assert all(stream.rtcp_mux for stream in machine.streams)

    def test_bundle_only_is_declined_without_bundling(self) -> None:
        offer = description(line("audio", 4000, "a", "rtcp-mux"), line("video", 0, "v", "bundle-only"))
        plain = [replace(AUDIO, bundles=False), replace(VIDEO, bundles=False)]
        answer = OfferAnswer(1).receive_offer(offer, plain)
        assert ports(answer) == [12000, 0]
        assert bundles(answer) == []

    def test_rfc9143_7_3_2_a_rejected_line_leaves_the_group(self) -> None:
        machine = OfferAnswer(1)
        answer = machine.receive_offer(description(*BOTH), [AUDIO])
        assert bundles(answer) == [("a",)]
        assert ports(answer) == [12000, 0]
        assert answer.media[1].mid == "v"

    def test_rfc9143_7_3_1_the_next_line_carries_when_the_first_is_rejected(self) -> None:
        keys = Keys("one")
        machine = OfferAnswer(1)
        answer = machine.receive_offer(
            description(*BOTH), [replace(AUDIO, codecs=(CodecDescription("PCMA"),)), replace(VIDEO, keying=keys)]
        )
        assert bundles(answer) == [("v",)]
        assert machine.streams[1].bundling == Bundling("v", 1)
        assert keys.asked[0] == "v"

    def test_the_carrier_is_the_first_of_the_group_not_of_the_lines(self) -> None:
        machine = OfferAnswer(1)
        answer = machine.receive_offer(description(*BOTH, group="v a"), [AUDIO, VIDEO])
        assert bundles(answer) == [("v", "a")]
        assert ports(answer) == [12002, 12002]
        assert {stream.remote_port for stream in machine.streams} == {4002}

    def test_the_carrier_is_a_line_that_is_taken(self) -> None:
        """Of two lines of sound we take the first, though the group begins with the second."""
        offer = description(line("audio", 4000, "a", "rtcp-mux"), line("audio", 4002, "v", "rtcp-mux"), group="v a")
        machine = OfferAnswer(1)
        answer = machine.receive_offer(offer, [AUDIO])
        assert (bundles(answer), ports(answer)) == ([("a",)], [12000, 0])

    def test_rfc9143_7_1_3_transport_lines_come_from_one_line(self) -> None:
        first, second = Keys("one"), Keys("two")
        answer = OfferAnswer(1).receive_offer(description(*BOTH), [replace(AUDIO, keying=first), replace(VIDEO, keying=second)])
        assert first.asked == ["a", "offer"]
        assert second.asked == []
        assert [media.first("ice-ufrag") for media in answer.media] == ["one", "one"]
        assert [media.candidates for media in answer.media] == [["one"], []]

    def test_without_keys_for_the_carrier_all_are_declined(self) -> None:
        with pytest.raises(NotAcceptable):
            OfferAnswer(1).receive_offer(description(*BOTH), [replace(AUDIO, keying=Keys("one", will=False)), VIDEO])

    def test_rfc9143_9_3_there_is_no_bundle_without_rtcp_mux(self) -> None:
        machine = OfferAnswer(1)
        answer = machine.receive_offer(description(line("audio", 4000, "a"), line("video", 4002, "v")), [AUDIO, VIDEO])
        assert bundles(answer) == []
        assert ports(answer) == [12000, 12002]

    def test_a_line_outside_of_the_group_keeps_a_transport_of_its_own(self) -> None:
        offer = description(*BOTH, line("video", 4004, "w", "rtcp-mux"))
        machine = OfferAnswer(1)
        answer = machine.receive_offer(offer, [AUDIO, VIDEO, replace(VIDEO, port=12004)])
        assert ports(answer) == [12000, 12000, 12004]
        assert bundles(answer) == [("a", "v")]
        assert machine.streams[2].bundling is None

    def test_groups_name_lines_that_are_there(self) -> None:
        assert bundles(description(*BOTH, group="a x v a")) == [("a", "v")]
        assert bundles(parse(str(description(*BOTH)).replace("BUNDLE", "LS"))) == []

    def test_rfc8840_an_address_to_come_is_no_hold(self) -> None:
        text = "v=0\no=- 7 1 IN IP4 0.0.0.0\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 9 RTP/AVP 0\na=ice-ufrag:abcd\na=ice-pwd:x\n"
        machine = OfferAnswer(1)
        machine.receive_offer(parse(text), [AUDIO])
        assert not machine.streams[0].is_remote_hold


class TestOffer:
    def test_rfc9143_7_2_1_a_first_offer_has_an_address_for_each(self) -> None:
        first, second = Keys("one"), Keys("two")
        offer = OfferAnswer(1).create_offer([replace(AUDIO, keying=first), replace(VIDEO, keying=second)])
        assert bundles(offer) == [("audio-0", "video-1")]
        assert ports(offer) == [12000, 12002]
        assert [media.first("ice-ufrag") for media in offer.media] == ["one", "two"]
        assert mid_extension(offer.media[0]) == 1

    @pytest.mark.parametrize("port", [4000, 0])
    def test_the_answer_bundles(self, port: int) -> None:
        first, second = Keys("one"), Keys("two", will=False)
        machine = OfferAnswer(1)
        machine.create_offer([replace(AUDIO, keying=first), replace(VIDEO, keying=second)])
        video = line("video", port, "video-1", *(() if port else ("bundle-only",)))
        answer = description(line("audio", 4000, "audio-0", "rtcp-mux"), video, group="audio-0 video-1")
        streams = machine.receive_answer(answer)
        assert [stream.bundling for stream in streams] == [Bundling("audio-0", 0), Bundling("video-1", 0)]
        assert second.asked == ["offer"]
        assert streams[1].remote_port == 4000

    def test_the_answer_knows_no_bundles(self) -> None:
        machine = OfferAnswer(1)
        machine.create_offer([AUDIO, VIDEO])
        streams = machine.receive_answer(parse(re.sub("a=(mid|group).*\r\n", "", str(description(*BOTH, group="")))))
        assert [stream.bundling for stream in streams] == [None, None]
        assert [stream.remote_port for stream in streams] == [4000, 4002]

    def test_the_answer_rejects_the_first(self) -> None:
        machine = OfferAnswer(1)
        machine.create_offer([AUDIO, VIDEO])
        answer = description(line("audio", 0, "audio-0"), line("video", 4002, "video-1", "rtcp-mux"), group="video-1")
        streams = machine.receive_answer(answer)
        assert not streams[0].is_active
        assert streams[1].bundling == Bundling("video-1", 1)

    def test_rfc9143_7_5_a_later_offer_has_the_port_of_the_bundle_and_the_names_stay(self) -> None:
        keys = Keys("one")
        machine = OfferAnswer(1)
        machine.receive_offer(description(*BOTH), [replace(AUDIO, keying=keys), VIDEO])
        shared = [replace(media, port=12000, keying=keys, shares=True) for media in (AUDIO, VIDEO)]
        offer = machine.create_offer([*shared, replace(VIDEO, port=12006)])
        assert bundles(offer) == [("a", "v", "video-2")]
        assert ports(offer) == [12000, 12000, 12006]
        assert [media.candidates for media in offer.media[:2]] == [["one"], []]

    def test_a_later_offer_without_the_first_line_goes_on_by_the_next(self) -> None:
        keys = Keys("one")
        machine = OfferAnswer(1)
        machine.receive_offer(description(*BOTH), [replace(AUDIO, keying=keys), VIDEO])
        offer = machine.create_offer([replace(VIDEO, port=12000, keying=keys, shares=True)])
        assert bundles(offer) == [("v",)]
        assert ports(offer) == [0, 12000]
        assert offer.media[1].candidates == ["one"]

    def test_rfc9143_9_1_payload_types_mean_the_same_on_all_lines(self) -> None:
        audio = replace(AUDIO, codecs=(CodecDescription("opus", 48000, 2), CodecDescription("PCMU")))
        taken = CodecDescription("VP8", 90000, payload_type=101)
        offer = OfferAnswer(1).create_offer([audio, replace(VIDEO, codecs=(taken,)), replace(audio, port=12004)])
        numbers = [set(media.payload_types) for media in offer.media]
        assert not numbers[0] & numbers[1]
        assert numbers[0] == numbers[2]

    def test_a_stream_introduces_itself(self) -> None:
        source = LocalSource(7, "me", "s", "s-audio")
        text = str(OfferAnswer(1).create_offer([replace(AUDIO, source=source)]))
        assert "a=msid-semantic:WMS *\r\n" in text
        assert f"a=ssrc:7 cname:me\r\na=msid:s s-audio\r\na=extmap:1 {MID_EXTENSION}\r\na=mid:audio-0\r\n" in text

    def test_nothing_of_it_without_bundling(self) -> None:
        text = str(OfferAnswer(1).create_offer([replace(AUDIO, bundles=False, source=LocalSource(7, "me", "s", "t"))]))
        assert not [word for word in ("mid", "ssrc", "extmap", "group") if f"a={word}" in text]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (f"3 {MID_EXTENSION}", 3),
        (f"3/sendrecv {MID_EXTENSION}", 3),
        (f"3/recvonly {MID_EXTENSION}", 0),
        (f"15 {MID_EXTENSION}", 0),
        (f"x {MID_EXTENSION}", 0),
        ("3 urn:ietf:params:rtp-hdrext:ssrc-audio-level", 0),
        ("3", 0),
    ],
)
def test_rfc8285_5_extmap(value: str, number: int) -> None:
    assert mid_extension(Media("audio", 1, "RTP/AVP", ("0",), (Attribute("extmap", value),))) == number


@pytest.mark.parametrize(
    ("theirs", "later"),
    [
        ((f"extmap:4 {MID_EXTENSION}", "extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level"), 4),
        (("extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "extmap:2/recvonly urn:ietf:params:rtp-hdrext:toffset"), 3),
        ((), 1),
    ],
)
def test_rfc8285_5_a_number_keeps_its_meaning_in_offers_of_ours(theirs: tuple[str, ...], later: int) -> None:
    """A browser that is offered another meaning for a number never answers."""
    machine = OfferAnswer(1)
    lines = (line("audio", 4000, "a", "rtcp-mux", *theirs), line("video", 4002, "v", "rtcp-mux", *theirs))
    answer = machine.receive_offer(description(*lines), [AUDIO, VIDEO])
    has_agreed = any(MID_EXTENSION in value for value in theirs)
    assert [mid_extension(media) for media in answer.media] == [later if has_agreed else 0] * 2
    offer = machine.create_offer([AUDIO, VIDEO, replace(VIDEO, port=12004)])
    assert [mid_extension(media) for media in offer.media] == [later] * 3
    taken = [line(media.kind, 4000, media.mid or "", "rtcp-mux", f"extmap:{later} {MID_EXTENSION}") for media in offer.media]
    streams = machine.receive_answer(description(*taken, group=" ".join(media.mid or "" for media in offer.media)))
    assert [stream.bundling.extension for stream in streams if stream.bundling] == [later] * 3
    assert [mid_extension(media) for media in machine.create_offer([AUDIO, VIDEO]).media if media.port] == [later] * 2
