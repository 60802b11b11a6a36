"""RFC 4867 section 8.3: which AMR of an offer can be used, and what the answer says of it."""

from __future__ import annotations

import pytest

from globstar.proto.sdp import CodecDescription, LocalMedia, NotAcceptable, OfferAnswer, SessionDescription, parse
from globstar.proto.sdp.amr import answered, change_period, changes_stepwise, is_aligned, is_usable, modes, offered

NARROW, WIDE = CodecDescription("AMR"), CodecDescription("AMR-WB", 16000)
LOCAL = LocalMedia("192.0.2.1", 12000, (WIDE, NARROW), telephone_event=False)


def offer(*types: tuple[int, str, str]) -> SessionDescription:
    lines = "m=audio 4 RTP/AVP " + " ".join(str(number) for number, _, _ in types) + "\n"
    for number, name, fmtp in types:
        lines += f"a=rtpmap:{number} {name}\n" + (f"a=fmtp:{number} {fmtp}\n" if fmtp else "")
    return parse(f"v=0\no=- 7 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\n{lines}")


def test_parameters() -> None:
    assert is_aligned("mode-set=1; octet-align=1")
    assert not is_aligned("octet-align=0")
    assert modes("mode-set=7, 0,2") == (0, 2, 7)
    assert modes("mode-set=a,,-1,\u0663," + "9" * 5000) == ()
    assert answered("mode-set=0,2; octet-align=1; max-red=0") == "octet-align=1; mode-set=0,2"
    assert answered("mode-change-period=2; mode-set=0") == "mode-set=0; mode-change-capability=2"
    assert (change_period("mode-change-period=2"), change_period("mode-change-period=1"), change_period("")) == (2, 1, 1)
    assert changes_stepwise("mode-change-neighbor=1")
    assert not changes_stepwise("mode-change-neighbor=0")
    assert answered("") == ""
    assert offered("octet-align=1") == "octet-align=1; mode-change-capability=2"
    assert offered("") == "mode-change-capability=2"
    assert offered("mode-change-capability=1; mode-set=0") == "mode-change-capability=1; mode-set=0"


@pytest.mark.parametrize("fmtp", ["crc=1", "octet-align=1; robust-sorting=1", "interleaving=30"])
def test_packings_that_are_not_known_are_not_used(fmtp: str) -> None:
    assert not is_usable(fmtp)
    with pytest.raises(NotAcceptable):
        OfferAnswer(1).receive_offer(offer((96, "AMR/8000", fmtp)), [LOCAL])
    machine = OfferAnswer(1)
    answer = machine.receive_offer(offer((96, "AMR/8000", fmtp), (97, "AMR/8000", "crc=0")), [LOCAL])
    assert answer.media[0].formats == ("97",)


def test_the_answer_has_the_packing_and_the_modes_of_the_offer() -> None:
    machine = OfferAnswer(1)
    asked = offer((104, "AMR-WB/16000/1", "octet-align=1;mode-set=0,1,2;mode-change-capability=2"), (102, "AMR/8000", ""))
    lines = str(machine.receive_offer(asked, [LOCAL]).media[0])
    assert "a=rtpmap:104 AMR-WB/16000" in lines
    assert "a=fmtp:104 octet-align=1; mode-set=0,1,2; mode-change-capability=2" in lines
    assert "a=fmtp:102" not in lines
    assert [codec.codec.name for codec in machine.streams[0].codecs] == ["AMR-WB", "AMR"]


def test_two_channels_are_another_codec() -> None:
    with pytest.raises(NotAcceptable):
        OfferAnswer(1).receive_offer(offer((96, "AMR/8000/2", "")), [LOCAL])
