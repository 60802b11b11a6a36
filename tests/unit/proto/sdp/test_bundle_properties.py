"""Bundles under any offer and answer.

Invariants: an answer has the lines of its offer in their places; all accepted lines of its group have one port, lines outside of
it have another; its group names accepted lines only; a bundled line is agreed on with the address of the line that carries it;
nothing is raised but NotAcceptable; after a round trip through text everything is the same.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.proto.sdp import CodecDescription, LocalMedia, NotAcceptable, OfferAnswer, SessionDescription, bundles, parse

NAMES = ("a", "b", "c", "d")
AUDIO = LocalMedia("192.0.2.1", 12000, (CodecDescription("PCMU"),), rtcp_mux=True, bundles=True)
VIDEO = LocalMedia(
    "192.0.2.1", 12002, (CodecDescription("VP8", 90000),), kind="video", telephone_event=False, rtcp_mux=True, bundles=True
)


@st.composite
def lines(draw: st.DrawFn, mids: tuple[str, ...] = NAMES, kinds: tuple[str, ...] = ()) -> str:
    """Some lines and groups over them, sensible or not."""
    text = "v=0\no=- 7 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\n"
    for _ in range(draw(st.integers(0, 2))):
        text += f"a=group:BUNDLE {' '.join(draw(st.lists(st.sampled_from((*mids, 'x')), max_size=5)))}\n"
    count = len(kinds) or draw(st.integers(1, 4))
    for index in range(count):
        kind = kinds[index] if kinds else draw(st.sampled_from(("audio", "video", "image")))
        known = "0" if kind == "audio" else "96"
        payload = draw(st.sampled_from((known, known, known, "3")))
        text += f"m={kind} {draw(st.sampled_from((0, 4000 + 2 * index, 4000 + 2 * index, 9)))} RTP/AVP {payload}\n"
        text += "a=rtpmap:96 VP8/90000\n" if payload == "96" else ""
        text += f"a=mid:{mids[index]}\n" if draw(st.integers(0, 5)) else ""
        for attribute in ("rtcp-mux", "rtcp-mux", "bundle-only", "sendonly"):
            text += f"a={attribute}\n" if draw(st.booleans()) else ""
    return text


media = st.lists(st.sampled_from((AUDIO, VIDEO, replace(VIDEO, bundles=False), replace(AUDIO, rtcp_mux=False))), max_size=4)


def own(chosen: list[LocalMedia]) -> list[LocalMedia]:
    """Each with a port of its own."""
    return [replace(one, port=12000 + 2 * index) for index, one in enumerate(chosen)]


def check_answer(offer: SessionDescription, answer: SessionDescription, machine: OfferAnswer) -> None:
    assert [line.kind for line in answer.media] == [line.kind for line in offer.media]
    assert parse(str(answer)) == answer
    groups = bundles(answer)
    assert len(groups) <= 1
    group = groups[0] if groups else ()
    inside = [line for line in answer.media if line.mid in group and line.port]
    assert len(inside) == len(group)
    assert len({line.port for line in inside}) <= 1
    outside = [line.port for line in answer.media if line.port and line not in inside]
    assert not {line.port for line in inside} & set(outside)
    assert len(set(outside)) == len(outside)
    for stream in machine.streams:
        if stream.bundling is not None and stream.is_active:
            carrier = machine.streams[stream.bundling.tag]
            assert carrier.is_active
            assert carrier.bundling is not None
            assert stream.remote_port == offer.media[stream.bundling.tag].port != 0
            assert stream.rtcp_mux


@settings(max_examples=300)
@given(lines(), media)
def test_any_offer_is_answered_in_good_order_or_refused(text: str, chosen: list[LocalMedia]) -> None:
    offer, machine = parse(text), OfferAnswer(1)
    try:
        answer = machine.receive_offer(offer, own(chosen))
    except NotAcceptable:
        return
    check_answer(offer, answer, machine)


@settings(max_examples=300)
@given(st.data(), st.lists(st.sampled_from((AUDIO, VIDEO)), min_size=1, max_size=4))
def test_any_answer_is_taken_or_refused(data: st.DataObject, chosen: list[LocalMedia]) -> None:
    machine = OfferAnswer(1)
    offer = machine.create_offer(own(chosen))
    assert parse(str(offer)) == offer
    mids = tuple(line.mid or "" for line in offer.media)
    answer = parse(data.draw(lines(mids, tuple(line.kind for line in offer.media))))
    try:
        streams = machine.receive_answer(answer)
    except NotAcceptable:
        return
    for stream in streams:
        if stream.bundling is not None and stream.is_active:
            assert streams[stream.bundling.tag].is_active
            assert stream.remote_port == answer.media[stream.bundling.tag].port != 0


@settings(max_examples=150)
@given(lines(), lines(), media.filter(bool))
def test_a_second_offer_finds_the_bundle_of_the_first(first: str, second: str, chosen: list[LocalMedia]) -> None:
    """As the leg does it: what shares a transport says so, and is answered again."""
    machine = OfferAnswer(1)
    mine = own(chosen)
    try:
        machine.receive_offer(parse(first), mine)
    except NotAcceptable:
        return
    tags = [stream.bundling.tag for stream in machine.streams if stream.bundling is not None and stream.is_active]
    if tags:
        carrier = machine.streams[tags[0]].local
        assert carrier is not None
        members = [stream.local for stream in machine.streams if stream.bundling is not None and stream.is_active]
        mine = [replace(one, port=carrier.port, shares=True) if one in members else one for one in mine]
    offer = machine.create_offer(mine)
    assert parse(str(offer)) == offer
    shared = {line.port for line, one in zip(offer.media, machine.offered or (), strict=True) if one is not None and one.shares}
    assert len(shared) <= 1
    machine.cancel_offer()
    try:
        answer = machine.receive_offer(parse(second), mine)
    except NotAcceptable:
        return
    assert parse(str(answer)) == answer
