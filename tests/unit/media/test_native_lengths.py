"""Packets whose length matters to who gets them: the thread does not measure, but its counts show when another length comes."""

from __future__ import annotations

import pytest

from globstar.media import engine as engine_module
from globstar.media.relay import MeasuredPath, Relay
from globstar.proto.sdp.crypto import AES_80
from tests.unit.media.native_rig import WAYS, Pair, Way, new_engine, until

SIZE = 8


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("suite", [None, AES_80], ids=["plain", "secured"])
async def test_another_length_in_mid_stream_goes_the_ordinary_way(
    monkeypatch: pytest.MonkeyPatch, way: Way, suite: object
) -> None:
    monkeypatch.setattr(engine_module, "ROUND", 0.05)
    engine = new_engine(way, rtcp_interval_ms=200)
    calls = Pair(engine, AES_80 if suite else None)
    first, second = calls.one.session, calls.two.session
    calls.relay.leave()
    calls.relay = Relay(
        first, second, {0: 0, 101: 101}, {0: 0, 101: 101},
        fits=lambda kind, payload: len(payload) == SIZE if kind == 0 else None, fits_back=lambda kind, payload: True,
    )  # fmt: skip
    calls.relay.join()
    inside: list[bytes] = []
    first.on_media = lambda kind, payload, *rest: inside.append(payload)
    number = await calls.settle(is_native=way.is_native)
    path = calls.relay.paths[0]
    assert isinstance(path, MeasuredPath)
    for _ in range(3):  # digits between are nothing to look at
        for kind, payload in ((0, b""), (101, b"\x05\x0a\x00\xa0"), (0, b"")):
            calls.one.send(number, kind=kind, payload=payload)
            number += 1
    await until(lambda: calls.two.listen() == number)
    if way.is_native:
        await until(lambda: path.is_native)
    assert not inside

    def goes_inside() -> bool:
        nonlocal number
        calls.one.send(number, payload=b"%012d" % number)
        number += 1
        return len(inside) >= 3

    await until(goes_inside)
    assert not path.is_native
    assert {len(payload) for payload in inside} == {12}
    calls.two.listen()
    calls.two.heard.clear()
    for _ in range(3):  # what fits again goes past us again
        calls.one.send(number)
        number += 1
    await until(lambda: calls.two.listen() >= 3)
    assert calls.two.numbers[-3:] == [number - 3, number - 2, number - 1]
    engine.close()
    calls.close()
