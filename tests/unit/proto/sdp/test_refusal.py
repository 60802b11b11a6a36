"""Why offers and answers cannot be used, as the log tells it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from globstar.proto.sdp import (
    Attribute,
    CodecDescription,
    LocalMedia,
    Media,
    NotAcceptable,
    OfferAnswer,
    SessionDescription,
    parse,
)

LOCAL = LocalMedia("192.0.2.1", 12000, (CodecDescription("PCMU"),), protocols=("RTP/AVP",))
HEAD = "v=0\no=- 7 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\n"


class Keyless:
    """A keying to whom no key will do."""

    def offer(self) -> tuple[Attribute, ...]:
        return ()

    def answer(self, theirs: Media, description: SessionDescription) -> tuple[Attribute, ...] | None:
        return None

    def accepts(self, theirs: Media, description: SessionDescription) -> bool:
        return False


MAPS = "".join(f"a=rtpmap:{96 + number} C{number}/8000\n" for number in range(10))


@pytest.mark.parametrize(("media", "local", "why"), [
    ("m=audio 4000 RTP/AVP 8 9 101\na=rtpmap:101 telephone-event/8000\n", LOCAL,
     "audio: no codec in common: offered are PCMA/8000, G722/8000, telephone-event/8000, allowed are PCMU/8000"),
    ("m=audio 4000 RTP/AVP 96\na=rtpmap:96 PCMU/8000/2\n", LOCAL,
     "audio: no codec in common: offered are PCMU/8000/2, allowed are PCMU/8000"),
    ("m=audio 4000 RTP/AVP 77\n", LOCAL, "audio: no codec in common: offered are none that is known, allowed are PCMU/8000"),
    (f"m=audio 4000 RTP/AVP {' '.join(map(str, range(96, 106)))}\n{MAPS}", LOCAL,
     "audio: no codec in common: offered are "
     + "".join(f"C{number}/8000, " for number in range(8)) + "..., allowed are PCMU/8000"),
    ("m=audio 4000 RTP/SAVP 0\n", LOCAL,
     "audio: RTP/SAVP is not taken, but RTP/AVP; see media_encryption and use_avpf"),
    ("m=audio 4000 RTP/AVP 0\n", replace(LOCAL, keying=Keyless()), "audio: no keys that can be used; see media_encryption"),
    ("m=video 4000 RTP/AVP 99\nm=audio 0 RTP/AVP 0\n", LOCAL, "video: is not taken; audio: is declined"),
    ("".join(f"m=x{number} 4000 RTP/AVP 0\n" for number in range(6)), LOCAL,
     "x0: is not taken; x1: is not taken; x2: is not taken; x3: is not taken; ..."),
    ("m=x 4000 RTP/AVP 0\n" * 6, LOCAL, "x: is not taken"),
])  # fmt: skip
def test_an_offer(media: str, local: LocalMedia, why: str) -> None:
    with pytest.raises(NotAcceptable) as raised:
        OfferAnswer(1).receive_offer(parse(HEAD + media), [local])
    assert str(raised.value) == f"no stream of the offer can be used ({why})"


@pytest.mark.parametrize(("media", "local", "why"), [
    ("m=audio 4000 RTP/AVP 8\n", LOCAL, "audio: no codec in common: offered are PCMA/8000, allowed are PCMU/8000"),
    ("m=audio 0 RTP/AVP 0\n", LOCAL, "audio: is declined"),
    ("m=audio 4000 RTP/AVP 0\n", replace(LOCAL, keying=Keyless()), "audio: no keys that can be used; see media_encryption"),
    ("", LOCAL, "it has no streams"),
])  # fmt: skip
def test_an_answer(media: str, local: LocalMedia, why: str) -> None:
    machine = OfferAnswer(1)
    machine.create_offer([local])
    with pytest.raises(NotAcceptable) as raised:
        machine.receive_answer(parse(HEAD + media))
    assert str(raised.value) == f"no stream of the answer can be used ({why})"
