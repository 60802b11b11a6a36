"""A phone may send a codec under two payload types, ours and that of its answer (RFC 3264 section 6.1): both are relayed."""

from __future__ import annotations

import pytest

from globstar.media import engine as engine_module
from globstar.media.relay import Relay
from globstar.media.settings import Payload, PayloadKind
from globstar.proto.sdp.crypto import AES_80, Suite
from tests.unit.media.native_rig import WAYS, Pair, Way, new_engine, until

OURS, THEIRS, OTHER = 0, 98, 8
MEDIA = Payload(PayloadKind.MEDIA, 8000)


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine offers its paths to the threads twenty times a second, not twice."""
    monkeypatch.setattr(engine_module, "ROUND", 0.05)


@pytest.mark.parametrize("suite", [None, AES_80], ids=["plain", "sdes"])
@pytest.mark.parametrize("way", WAYS)
async def test_rfc3264_6_1_both_numbers_are_relayed_under_that_of_the_other_side(way: Way, suite: Suite | None) -> None:
    engine = new_engine(way)
    calls = Pair(engine, suite, suite)
    one, two = calls.one.session, calls.two.session
    one.set_payloads({OURS: MEDIA, THEIRS: MEDIA}, send=THEIRS, clock_rate=8000)
    two.set_payloads({OTHER: MEDIA, 0: MEDIA}, send=OTHER, clock_rate=8000)
    calls.relay.leave()
    calls.relay = Relay(one, two, {OURS: OTHER, THEIRS: OTHER}, {OTHER: THEIRS, 0: THEIRS})
    calls.relay.join()
    number = await calls.settle(is_native=way.is_native)
    for kind in (THEIRS, OURS, THEIRS):
        for _ in range(20):
            calls.one.send(number, kind=kind)
            number += 1
        await until(lambda last=number: calls.two.listen() == last)
        if way.is_native:
            await until(lambda: calls.is_native)
    assert {second & 0x7F for second, *_ in calls.two.heard} == {OTHER}
    assert {second & 0x7F for second, *_ in calls.one.heard} == {THEIRS}
    sequences = [sequence - calls.two.heard[0][1] & 0xFFFF for _, sequence, *_ in calls.two.heard]
    assert sequences == list(range(number))
    assert one.unknown_payload == 0
    engine.close()
    calls.close()
