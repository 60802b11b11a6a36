"""Invariants of offer and answer (RFC 3264), for offers of any streams, codecs and directions.

An answer has one line for each line of the offer, in its order, of its kind and protocol; port 0 where the offer has it;
no format that was not offered; a direction that the offer allows. The one who offered can take it, and both sides then
agree on the codecs and on who sends.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.proto.sdp import (
    CodecDescription,
    CodecPreference,
    Direction,
    IncomingPreference,
    LocalMedia,
    NotAcceptable,
    OfferAnswer,
    parse,
)

AUDIO = [CodecDescription(name, max_ptime_ms=140) for name in ("PCMU", "PCMA", "G722", "GSM")] + [
    CodecDescription("opus", 48000, 2), CodecDescription("iLBC"),
]  # fmt: skip
VIDEO = [CodecDescription(name, 90000) for name in ("H264", "VP8", "H263")]
TEXT = [CodecDescription(name, 1000) for name in ("T140", "RED")]
CODECS = {"audio": AUDIO, "video": VIDEO, "text": TEXT}

preferences = st.sampled_from(list(IncomingPreference)) | st.builds(
    CodecPreference,
    prefer=st.sampled_from(("pending", "configured")),
    operation=st.sampled_from(("intersect", "union", "only_preferred", "only_nonpreferred")),
    keep=st.sampled_from(("all", "first")),
)


@st.composite
def streams(draw: st.DrawFn, port: int = 0) -> LocalMedia:
    kind = draw(st.sampled_from(list(CODECS)))
    codecs = draw(st.lists(st.sampled_from(CODECS[kind]), min_size=1, max_size=4, unique=True))
    return LocalMedia(
        "192.0.2.1",
        port or draw(st.integers(1, 65535)),
        tuple(codecs),
        kind=kind,
        direction=draw(st.sampled_from(list(Direction))),
        telephone_event=kind == "audio" and draw(st.booleans()),
        rtcp_mux=draw(st.booleans()),
        preference=draw(preferences),
        narrowing=draw(st.none() | preferences.filter(lambda one: isinstance(one, CodecPreference))),
        use_ptime=draw(st.booleans()),
    )


sides = st.lists(streams(), min_size=1, max_size=4)


@settings(max_examples=200)
@given(sides, sides, st.sets(st.integers(0, 3)))
def test_what_an_answer_may_say(theirs: list[LocalMedia], mine: list[LocalMedia], closed: set[int]) -> None:
    caller, callee = OfferAnswer(1), OfferAnswer(2)
    mine = [replace(media, port=1000 + 2 * index) for index, media in enumerate(mine)]
    offer = parse(str(caller.create_offer(theirs)))
    offer = replace(
        offer, media=tuple(replace(line, port=0) if index in closed else line for index, line in enumerate(offer.media))
    )
    try:
        answer = parse(str(callee.receive_offer(offer, mine)))
    except NotAcceptable:
        assert callee.local is None
        return
    assert [(line.kind, line.protocol) for line in answer.media] == [(line.kind, line.protocol) for line in offer.media]
    for asked, line in zip(offer.media, answer.media, strict=True):
        if not asked.port:
            assert line.port == 0
        if not line.port:
            continue
        assert set(line.formats) <= set(asked.formats)
        wanted, given_ = offer.direction_of(asked), answer.direction_of(line)
        assert wanted.can_receive or not given_.can_send
        assert wanted.can_send or not given_.can_receive
        assert not line.rtcp_mux or asked.rtcp_mux
    used = [line.port for line in answer.media if line.port]
    assert len(used) == len(set(used)), "no stream of ours answers two of theirs"
    if not used:
        return
    agreed = caller.receive_answer(answer)
    for ours, yours in zip(agreed, callee.streams, strict=True):
        if not yours.is_active:
            continue
        assert [codec.codec.name for codec in ours.codecs] == [codec.codec.name for codec in yours.codecs]
        assert {codec.send_payload_type for codec in ours.codecs} == {codec.receive_payload_type for codec in yours.codecs}
        assert ours.direction.can_send == yours.direction.can_receive
        assert ours.direction.can_receive == yours.direction.can_send
        assert (ours.send_dtmf is not None) == (yours.send_dtmf is not None)


@settings(max_examples=100)
@given(sides, sides)
def test_a_later_offer_keeps_the_places(first: list[LocalMedia], second: list[LocalMedia]) -> None:
    """RFC 3264 8: lines never go away and never change their kind; the version grows by one if anything changes."""
    machine = OfferAnswer(7)
    before = machine.create_offer(first)
    machine.cancel_offer()
    machine = OfferAnswer(7)
    before = machine.create_offer(first)
    after = machine.create_offer(second)
    assert len(after.media) >= len(before.media)
    assert [line.kind for line in after.media[: len(before.media)]] == [line.kind for line in before.media]
    changed = after.media != before.media or after.connection != before.connection
    assert after.origin.version_number == before.origin.version_number + changed
