"""Packets of an unusual length that both sides ask for are relayed, as long as the phones send such packets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.media.relay import MeasuredPath
from tests.flow.test_direct_media import why
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

EXTENSIONS = "[default]\nexten => 1,1,Dial(PJSIP/bob)\n"
RELAYED = "native_rtp: chosen, packets are relayed: PJSIP/bob-00000001: direct_media=no"


@asynccontextmanager
async def call(
    root: Path, alice: str, bob: str, codecs: str = "0 101", **options: object
) -> AsyncIterator[tuple[SipOffice, PhoneCall, PhoneCall]]:
    """A call from alice to bob, whose endpoints allow these formats."""
    text = phone_section("alice", allow=alice, **options)
    text += phone_section("bob", allow=bob, contact="sip:bob@127.0.0.1:15072", **options)
    async with sip_office(root, text, EXTENSIONS) as office:
        phones = office.phone("alice"), office.phone("bob")
        calling = phones[0].call("1")
        await phones[0].get(100)
        called = await phones[1].ring()
        called.reply(200, body=called.sdp(codecs))
        await phones[1].get("ACK")
        await calling.answered()
        await office.bridged()
        await asyncio.sleep(0.1)
        yield office, calling, called
        await calling.hang_up()
        await called.ended()


async def say(call: PhoneCall, length: int, packets: int, first: int = 0) -> int:
    """Sound in packets of so many samples, each sample the number of its packet; gives the next sample."""
    for number in range(packets):
        call.send_rtp(bytes([number + 1]) * length, time=first + number * length)
        await asyncio.sleep(length / 8000)
    await asyncio.sleep(0.1)
    return first + packets * length


def lengths(call: PhoneCall) -> list[int]:
    """Of the packets with sound that came since the last look."""
    heard, call.heard[:] = [payload for kind, payload in call.heard if kind == 0], []
    return [len(payload) for payload in heard]


async def test_equal_lengths_are_relayed(tmp_path: Path) -> None:
    async with call(tmp_path, "ulaw:30", "ulaw:30") as (office, calling, called):
        assert why(office) == RELAYED
        await asyncio.gather(say(calling, 240, 10), say(called, 240, 10))
        assert (lengths(called), lengths(calling)) == ([240] * 10, [240] * 10)
        assert why(office) == RELAYED
        calling.heard.clear()
        await called.press(5)
        assert [payload[0] for kind, payload in calling.heard if kind == 101] == [5] * 8


@pytest.mark.parametrize(("alice", "bob", "asks"), [("ulaw:30", "ulaw", "alice-00000000"), ("ulaw:40", "ulaw:30", "bob-00000001"),
                                                   ("ulaw", "ulaw:30", "bob-00000001")])  # fmt: skip
async def test_other_lengths_on_either_side_are_cut_anew(tmp_path: Path, alice: str, bob: str, asks: str) -> None:
    sizes = {"ulaw": 160, "ulaw:30": 240, "ulaw:40": 320}
    async with call(tmp_path, alice, bob) as (office, calling, called):
        wanted = (alice if "alice" in asks else bob).partition(":")[2]
        assert why(office) == f"native_rtp: PJSIP/{asks}: packets of {wanted} ms are asked for"
        await asyncio.gather(say(calling, sizes[alice], 12), say(called, sizes[bob], 12))
        assert set(lengths(called)) == {sizes[bob]}
        assert set(lengths(calling)) == {sizes[alice]}


@pytest.mark.parametrize("digit_first", [False, True])
async def test_a_phone_that_sends_others_than_it_was_told(tmp_path: Path, digit_first: bool) -> None:
    """Its first packet with sound shows it, and every packet that the other gets is as long as asked, from the first on."""
    async with call(tmp_path, "ulaw:30", "ulaw:30") as (office, calling, called):
        assert why(office) == RELAYED
        first = 0
        if digit_first:
            await calling.press(1)
            first = 16000
        await asyncio.gather(say(calling, 160, 12, first), say(called, 240, 8))
        heard = b"".join(payload for kind, payload in called.heard if kind == 0)
        assert heard == b"".join(bytes([number + 1]) * 160 for number in range(12))
        assert lengths(called) == [240] * 8
        assert lengths(calling) == [240] * 8
        assert why(office) == "native_rtp: PJSIP/alice-00000000: it sends packets of 20 ms, and 30 are asked for"
        await calling.reinvite()  # what it sends from now on may be what was agreed
        assert why(office) == RELAYED
        await say(calling, 240, 5, 40000)
        assert lengths(called) == [240] * 5
        assert why(office) == RELAYED


async def test_each_source_is_measured(tmp_path: Path) -> None:
    """Who takes over the phone's stream under another SSRC may have packets of another length."""
    async with call(tmp_path, "ulaw:30", "ulaw:30") as (office, calling, called):
        await say(calling, 240, 5)
        path = next(leg.media.session.relay_path for leg in office.driver.legs if leg.endpoint.name == "alice")
        assert isinstance(path, MeasuredPath)
        assert path.can_be_native
        path.restart()
        assert not path.can_be_native
        lengths(called)
        await say(calling, 160, 6, 8000)
        assert lengths(called) == [240] * 4
        assert why(office).startswith("native_rtp: PJSIP/alice-00000000: it sends packets of 20 ms")


async def test_a_source_that_changes_its_length_in_mid_stream_is_cut_anew(tmp_path: Path) -> None:
    """Nobody was told of it; digits between its packets are nothing to look at."""
    async with call(tmp_path, "ulaw:30", "ulaw:30") as (office, calling, called):
        first = await say(calling, 240, 5)
        await calling.press(5)
        first = await say(calling, 240, 5, first + 2400)
        assert why(office) == RELAYED
        assert lengths(called) == [240] * 10
        await say(calling, 160, 12, first)
        assert why(office) == "native_rtp: PJSIP/alice-00000000: it sends packets of 20 ms, and 30 are asked for"
        heard = b"".join(payload for kind, payload in called.heard if kind == 0)
        assert heard == b"".join(bytes([number + 1]) * 160 for number in range(12))
        assert lengths(called) == [240] * 8


async def test_packets_that_fit_in_several_sizes_are_no_change(tmp_path: Path) -> None:
    """As those of codecs of variable rate do: only their first one is measured."""
    async with call(tmp_path, "ulaw:30", "ulaw:30") as (office, calling, called):
        path = next(leg.media.session.relay_path for leg in office.driver.legs if leg.endpoint.name == "alice")
        assert isinstance(path, MeasuredPath)
        asked: list[int] = []

        def fits(payload_type: int, payload: bytes) -> bool:
            asked.append(len(payload))
            return True

        path._fits = fits
        for number, size in enumerate((240, 240, 100, 240, 77, 240)):
            calling.send_rtp(bytes(size), time=240 * number)
            await asyncio.sleep(0.03)
        assert asked == [240, 100]
        assert lengths(called) == [240, 240, 100, 240, 77, 240]
        assert path.can_be_native
