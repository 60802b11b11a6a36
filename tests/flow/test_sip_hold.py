"""Hold: how it is said, what the other side hears or is told, by option of the endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.devicestate import DeviceState
from tests.support.sip_phone import PhoneCall, SipOffice, Wire, phone_section, sip_office

EXTENSIONS = "[default]\nexten => 101,1,Dial(PJSIP/bob,20)\n"
MUSIC = 0x77


@asynccontextmanager
async def call(
    root: Path, alice: dict[str, object] | None = None, bob: dict[str, object] | None = None
) -> AsyncIterator[tuple[SipOffice, PhoneCall, PhoneCall]]:
    """Alice talks to bob; music is at hand; both hang up in the end."""
    (root / "music").mkdir(parents=True)
    (root / "music" / "one.ulaw").write_bytes(bytes([MUSIC]) * 80000)
    music = {"musiconhold.conf": f"[default]\nmode=files\ndirectory={root}/music\n[other]\nmode=files\ndirectory={root}/music\n"}
    pjsip = phone_section("alice", **(alice or {})) + phone_section("bob", **(bob or {}))
    async with sip_office(root, pjsip, EXTENSIONS, music) as office:
        first, second = office.phone("alice"), office.phone("bob")
        await second.register()
        calling = first.call("101")
        await first.get(100)
        called = await second.ring()
        await called.answer()
        await calling.answered()
        yield office, calling, called
        await calling.hang_up()
        await called.ended()
        await office.quiet()


async def hold(call: PhoneCall, how: str) -> Wire:
    """One of the three ways to hold."""
    if how != "zeros":
        return await call.reinvite(how)
    sdp = call.sdp().replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0")
    call.invite(body=sdp)
    answer = await call.phone.get(200)
    call._send("ACK", cseq=call.cseq)
    return answer


@pytest.mark.parametrize(("how", "direction"), [("sendonly", "recvonly"), ("inactive", "inactive"), ("zeros", "recvonly")])
async def test_three_ways_to_hold(tmp_path: Path, how: str, direction: str) -> None:
    """RFC 3264 8.4 and the old address of zeros: an event with the music class, music for the other, ONHOLD as its state."""
    async with call(tmp_path, {"moh_suggest": "other"}) as (office, calling, called):
        told: list[object] = []
        stop = [
            office.system.bus.subscribe(events.ChannelHeld, told.append),
            office.system.bus.subscribe(events.ChannelUnheld, told.append),
        ]
        answer = await hold(calling, how)
        assert f"a={direction}" in answer.body
        assert office.driver.device_state("bob") is DeviceState.ONHOLD
        called.sounds()
        await asyncio.sleep(1)
        assert called.sounds() == {MUSIC: 50}
        assert not calling.sounds()
        await calling.reinvite("sendrecv")
        assert office.driver.device_state("bob") is DeviceState.INUSE
        assert [(type(event).__name__, getattr(event, "music_class", None)) for event in told] == [
            ("ChannelHeld", "other"), ("ChannelUnheld", None),
        ]  # fmt: skip
        for unsubscribe in stop:
            unsubscribe()
        called.sounds()
        await calling.speak(5)
        await asyncio.sleep(0.1)
        assert called.sounds() == {0x55: 5}


@pytest.mark.parametrize("how", ["sendonly", "inactive"])
async def test_hold_without_music(tmp_path: Path, how: str) -> None:
    """suppress_moh_on_sendonly: the direction is answered, nothing is played, and what the holder sends is heard."""
    async with call(tmp_path, {"suppress_moh_on_sendonly": "yes"}) as (office, calling, called):
        await hold(calling, how)
        called.sounds()
        if how == "sendonly":
            await calling.speak(10)
        await asyncio.sleep(1)
        assert called.sounds() == ({0x55: 10} if how == "sendonly" else {})
        assert office.driver.device_state("bob") is DeviceState.INUSE
        await calling.reinvite("sendrecv")


async def test_hold_with_zeros_is_not_suppressed(tmp_path: Path) -> None:
    async with call(tmp_path, {"suppress_moh_on_sendonly": "yes"}) as (_, calling, called):
        await hold(calling, "zeros")
        called.sounds()
        await asyncio.sleep(0.5)
        assert called.sounds() == {MUSIC: 25}
        await calling.reinvite("sendrecv")


async def test_hold_is_passed_on(tmp_path: Path) -> None:
    """moh_passthrough: the other phone is told by re-INVITE, and hears no music of ours."""
    async with call(tmp_path, bob={"moh_passthrough": "yes"}) as (office, calling, called):
        await hold(calling, "sendonly")
        request = await called.phone.get("INVITE")
        assert "a=recvonly" in request.body
        called.reply(200, request=request, body=called.sdp(direction="sendonly"))
        await called.phone.get("ACK")
        called.sounds()
        await asyncio.sleep(1)
        assert not called.sounds()
        assert office.driver.device_state("bob") is DeviceState.ONHOLD
        await calling.reinvite("sendrecv")
        request = await called.phone.get("INVITE")
        assert "a=sendrecv" in request.body
        called.reply(200, request=request, body=called.sdp())
        await called.phone.get("ACK")
        await asyncio.gather(calling.speak(5), called.speak(5, 0x66))
        await asyncio.sleep(0.1)
        assert called.sounds() == {0x55: 5}
        assert calling.sounds() == {0x66: 5}


async def test_the_dialplan_decides_for_a_channel(tmp_path: Path) -> None:
    """PJSIP_MOH_PASSTHROUGH() over what the endpoint has."""
    async with call(tmp_path) as (office, calling, called):
        channel = next(channel for channel in office.system.channels.values() if channel.name.startswith("PJSIP/bob"))
        functions = office.system.functions
        assert functions.read(channel, "PJSIP_MOH_PASSTHROUGH", "") == "no"
        functions.write(channel, "PJSIP_MOH_PASSTHROUGH", "", "yes")
        assert functions.read(channel, "PJSIP_MOH_PASSTHROUGH", "") == "yes"
        await hold(calling, "sendonly")
        request = await called.phone.get("INVITE")
        assert "a=recvonly" in request.body
        called.reply(200, request=request, body=called.sdp(direction="sendonly"))
        await called.phone.get("ACK")
        await calling.reinvite("sendrecv")
        request = await called.phone.get("INVITE")
        called.reply(200, request=request, body=called.sdp())
        await called.phone.get("ACK")


async def test_both_hold(tmp_path: Path) -> None:
    """Each holds the other; who takes it back first still hears music until the other does so too."""
    async with call(tmp_path) as (_, calling, called):
        await hold(calling, "sendonly")
        await hold(called, "sendonly")
        await calling.reinvite("sendrecv")
        calling.sounds()
        await asyncio.sleep(0.5)
        assert calling.sounds() == {MUSIC: 25}
        await called.reinvite("sendrecv")
        calling.sounds()
        await asyncio.gather(calling.speak(5), called.speak(5, 0x66))
        await asyncio.sleep(0.1)
        assert called.sounds() == {0x55: 5}
        assert calling.sounds() == {0x66: 5}


@pytest.mark.parametrize(("options", "ends"), [({"rtp_timeout": 10}, 10), ({"rtp_timeout_hold": 30}, 30)])
async def test_silence_on_hold(tmp_path: Path, options: dict[str, object], ends: int) -> None:
    """rtp_timeout counts while talking, rtp_timeout_hold on hold; each ends the call with both sides told."""
    pjsip = phone_section("alice", **options) + phone_section("bob")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        first, second = office.phone("alice"), office.phone("bob")
        await second.register()
        calling = first.call("101")
        await first.get(100)
        called = await second.ring()
        await called.answer()
        await calling.answered()
        await calling.speak(5)
        if "rtp_timeout_hold" in options:
            await calling.reinvite("inactive")
        start = asyncio.get_running_loop().time()
        await calling.ended()
        assert asyncio.get_running_loop().time() - start == pytest.approx(ends, abs=1.5)
        await called.ended()
        await office.quiet()


@pytest.mark.parametrize("how", ["sendonly", "inactive"])
@pytest.mark.parametrize("symmetric", ["yes", "no"])
async def test_after_a_hold_a_phone_may_send_from_another_port(tmp_path: Path, how: str, symmetric: str) -> None:
    """As address translation before it may have forgotten the one that was silent."""
    extensions = "[default]\nexten => 600,1,Answer()\n same => n,Echo()\n"
    async with sip_office(tmp_path, phone_section("alice", rtp_symmetric=symmetric), extensions) as office:
        call = await office.phone("alice").dial("600")
        await call.speak(6)
        await call.reinvite(how)
        await asyncio.sleep(5)
        await call.reinvite("sendrecv")
        told, call.socket = call.socket, office.media.open("127.0.0.1", 29990)
        stayed: list[bytes] = []
        moved: list[bytes] = []
        told.set_reader(lambda now: stayed.append(told.recvfrom(2048)[0][12:]))
        call.socket.set_reader(lambda now: moved.append(call.socket.recvfrom(2048)[0][12:]))
        await call.speak(10, 0x33)
        await asyncio.sleep(0.1)
        assert (moved if symmetric == "yes" else stayed) == [bytes([0x33]) * 160] * 10
        told.close()
        await call.hang_up()


async def test_nobody_has_to_speak_before_the_answer(tmp_path: Path) -> None:
    """rtp_timeout lets a phone ring for as long as it may; it counts from the answer on, on both sides."""
    pjsip = phone_section("alice", rtp_timeout=4) + phone_section("bob", rtp_timeout=4)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        first, second = office.phone("alice"), office.phone("bob")
        await second.register()
        calling = first.call("101")
        await first.get(100)
        called = await second.ring()
        await asyncio.sleep(15)
        await called.answer()
        await calling.answered()
        start = asyncio.get_running_loop().time()
        await calling.ended()
        assert asyncio.get_running_loop().time() - start == pytest.approx(4, abs=1)
        await called.ended()
        await office.quiet()


@pytest.mark.parametrize(("mode", "codecs"), [("rfc4733", "0 101"), ("auto", "0"), ("inband", "0")])
@pytest.mark.parametrize("comes_back", ["before its end", "after it"])
async def test_a_digit_meanwhile_leaves_no_tone(tmp_path: Path, mode: str, codecs: str, comes_back: str) -> None:
    """Who holds can be sent no digit; afterwards it hears the other one, and not the digit for ever."""
    async with call(tmp_path, {"dtmf_mode": mode}) as (office, calling, called):
        await calling.reinvite("inactive", codecs=codecs)
        channel = next(channel for channel in office.system.channels.values() if "alice" in channel.name)
        channel.send_digit_begin("5")
        await asyncio.sleep(0.1)
        if comes_back == "after it":
            channel.send_digit_end("5", 100)
            await asyncio.sleep(0.1)
        await calling.reinvite("sendrecv", codecs=codecs)
        if comes_back != "after it":
            channel.send_digit_end("5", 100)
        await asyncio.sleep(0.2)
        calling.sounds()
        await called.speak(20, 0x33)
        await asyncio.sleep(0.1)
        assert calling.sounds() == {0x33: 20}


async def test_music_goes_on_while_the_other_one_presses_a_digit(tmp_path: Path) -> None:
    """The held one does not lose its music to the tone of a digit that nobody can hear."""
    async with call(tmp_path) as (_, calling, called):
        await calling.reinvite("sendonly")
        called.sounds()
        await calling.press(7)
        await called.press(8)
        await asyncio.sleep(0.5)
        heard = called.sounds()
        assert set(heard) == {MUSIC}
        assert heard[MUSIC] >= 30
        await calling.reinvite("sendrecv")
        await calling.speak(20, 0x44)
        await asyncio.sleep(0.1)
        assert called.sounds().get(0x44, 0) >= 19


async def test_bridge_explain_tells_who_hears_music(tmp_path: Path) -> None:
    """The bridge stays with its technology; what the holder still says is not relayed, and afterwards it is again."""
    async with call(tmp_path) as (office, calling, called):
        bridge = await office.bridged()
        usual = bridge.explain()
        assert usual[0].startswith("native_rtp: chosen, packets are relayed: ")
        await calling.reinvite("sendonly")
        await asyncio.sleep(0.1)
        held = bridge.explain()[0]
        assert held.startswith("native_rtp: chosen, PJSIP/bob-00000001 hears music or a tone, not the other: "), held
        called.sounds()
        await calling.speak(20, 0x22)
        assert set(called.sounds()) == {MUSIC}
        await calling.reinvite("sendrecv")
        await asyncio.sleep(0.1)
        assert bridge.explain() == usual
        called.sounds()
        await calling.speak(20, 0x22)
        await asyncio.sleep(0.1)
        assert called.sounds() == {0x22: 20}
