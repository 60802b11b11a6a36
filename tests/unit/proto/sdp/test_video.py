"""Parameters of video that must be the same on both sides: by the payload formats' RFCs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from globstar.proto.sdp import CodecDescription, LocalMedia, NotAcceptable, OfferAnswer, parse
from globstar.proto.sdp.video import other_variants, parameters, video_fit

BASE = "profile-level-id=42e01f;packetization-mode=1"


@pytest.mark.parametrize(
    ("name", "ours", "theirs", "fit"),
    [
        ("H264", BASE, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e034", 2),  # RFC 6184 8.2.2: levels
        ("H264", BASE, "profile-level-id=42001f;packetization-mode=1", 2),  # baseline, constrained or not
        ("H264", BASE, "profile-level-id=4d801f;packetization-mode=1", 2),  # table 5: main with those constraints is baseline
        ("H264", BASE, "profile-level-id=42e01f", 1),
        ("H264", BASE, "profile-level-id=4d001f;packetization-mode=1", 0),
        ("H264", BASE, "profile-level-id=640c1f;packetization-mode=1", 0),
        ("H264", "profile-level-id=640c1f", "profile-level-id=64001F", 2),
        ("h264", "profile-level-id=42000a", "", 2),  # what nothing means
        ("H264", BASE, "profile-level-id=zz", 0),
        ("H264", "", "profile-level-id=640c1f", 2),  # we want nothing in particular
        ("VP9", "profile-id=0", "", 2),  # RFC 9628 7
        ("VP9", "profile-id=2", "profile-id=0", 0),
        ("AV1", "level-idx=5;profile=0;tier=0", "profile=0;level-idx=9", 2),
        ("AV1", "profile=1", "", 0),
        ("H265", "profile-id=1;level-id=93", "level-id=120", 2),  # RFC 7798 7.2.2
        ("H265", "profile-id=2", "profile-id=1", 0),
        ("H265", "profile-id=1;tx-mode=MRST", "profile-id=1", 1),
        ("VP8", "max-fs=12288", "max-fs=99", 2),
    ],
)
def test_how_well_parameters_go_together(name: str, ours: str, theirs: str, fit: int) -> None:
    assert video_fit(name, ours, theirs) == fit


def test_parameters() -> None:
    assert parameters(" a=1 ;B = c;; d") == {"a": "1", "b": "c", "d": ""}


def video(*lines: tuple[int, str]) -> str:
    numbers = " ".join(str(number) for number, _ in lines)
    maps = "".join(f"a=rtpmap:{number} H264/90000\na=fmtp:{number} {fmtp}\n" for number, fmtp in lines)
    return f"v=0\no=- 7 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\nm=video 4000 RTP/AVP {numbers}\n{maps}"


H264 = CodecDescription("H264", 90000, fmtp=BASE)
LOCAL = LocalMedia("192.0.2.1", 12000, (H264,), kind="video", telephone_event=False)


def test_rfc6184_the_payload_type_that_fits_best_is_taken() -> None:
    machine = OfferAnswer(1)
    offer = video((97, "profile-level-id=64001f"), (98, "profile-level-id=42e01f"), (99, BASE))
    answer = machine.receive_offer(parse(offer), [LOCAL])
    assert answer.media[0].formats == ("99",)
    assert answer.media[0].fmtps()[99] == BASE


def test_without_the_same_packetization_the_same_profile_will_do() -> None:
    answer = OfferAnswer(1).receive_offer(parse(video((97, "profile-level-id=64001f"), (98, "profile-level-id=42e01f"))), [LOCAL])
    assert answer.media[0].formats == ("98",)


def test_another_profile_cannot_be_shown() -> None:
    with pytest.raises(NotAcceptable):
        OfferAnswer(1).receive_offer(parse(video((97, "profile-level-id=64001f"))), [LOCAL])
    machine = OfferAnswer(1)
    machine.create_offer([LOCAL])
    with pytest.raises(NotAcceptable):
        machine.receive_answer(parse(video((97, "profile-level-id=64001f"))))


def test_who_wants_nothing_in_particular_takes_the_first() -> None:
    mine = replace(LOCAL, codecs=(H264._replace(fmtp=""),))
    answer = OfferAnswer(1).receive_offer(parse(video((97, "profile-level-id=64001f"), (99, BASE))), [mine])
    assert answer.media[0].formats == ("97",)


HIGH = "profile-level-id=640c1f;packetization-mode=1"


def test_variants_are_what_goes_with_none_of_the_others() -> None:
    plain = "profile-level-id=42e01f"
    assert other_variants("H264", HIGH, [HIGH, BASE, BASE.replace("1f", "34"), plain, "", HIGH]) == (BASE, plain)
    assert other_variants("VP8", "max-fs=1", ["max-fs=2"]) == ()


def test_an_offer_has_a_payload_type_for_each_variant_and_the_answer_chooses() -> None:
    mine = replace(LOCAL, codecs=(H264._replace(fmtp=HIGH, variants=(BASE,)),))
    machine = OfferAnswer(1)
    (line,) = machine.create_offer([mine]).media
    first, second = line.formats
    assert line.fmtps() == {int(first): HIGH, int(second): BASE}
    (stream,) = machine.receive_answer(parse(video((120, "profile-level-id=42001f;packetization-mode=1"))))
    (codec,) = stream.codecs
    assert (codec.codec.fmtp, codec.codec.variants) == (BASE, ())
    assert (codec.receive_payload_type, codec.send_payload_type) == (int(second), 120)
    again = machine.create_offer([replace(mine, codecs=(codec.codec,))])
    assert again.media[0].formats == (second,)  # what was not chosen is not offered again, and the number stays


def test_an_answer_that_goes_with_no_variant_declines_the_stream() -> None:
    machine = OfferAnswer(1)
    machine.create_offer([replace(LOCAL, codecs=(H264._replace(variants=(HIGH,)),))])
    with pytest.raises(NotAcceptable):
        machine.receive_answer(parse(video((97, "profile-level-id=f4001f;packetization-mode=1"))))


def test_other_parameters_of_an_offer_are_known() -> None:
    mine = replace(LOCAL, codecs=(H264._replace(fmtp=""),))
    machine = OfferAnswer(1)
    machine.receive_offer(parse(video((97, HIGH), (98, BASE), (99, BASE))), [mine])
    assert machine.streams[0].codecs[0].others == (BASE,)
