"""Hold in a call of two: whoever is held hears the music alone, even if the other side goes on to speak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.core.bridge import Bridge
from globstar.core.channel import ChannelState
from globstar.core.frame import Control, control
from globstar.core.system import System
from tests.interop.support.audio import read_wav, sine
from tests.interop.support.handset import amplitude
from tests.support.phone import Phone, media_system, sound
from tests.support.sip_phone import phone_section, sip_office

pytestmark = pytest.mark.virtual_time

ONE_HZ, TWO_HZ, MUSIC_HZ = 500, 900, 3100


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sound(tmp_path / "data" / "moh", "music", sine(MUSIC_HZ, 30))
    async with media_system(tmp_path, {"musiconhold.conf": "[default]\nmode=files\ndirectory=moh\n"},
                            ["app_mixmonitor", "bridge_simple"]) as system:  # fmt: skip
        yield system


def hears(phone: Phone, seconds: float = 0.5) -> set[int]:
    """The tones that a phone heard at last."""
    samples = phone.samples[-round(8000 * seconds) :]
    return {hertz for hertz in (ONE_HZ, TWO_HZ, MUSIC_HZ) if amplitude(samples, hertz) > 400}


class Talk:
    """Two phones in a bridge who say their tone all the time."""

    def __init__(self, system: System) -> None:
        self.one = Phone(system, name="Phone/1", state=ChannelState.UP)
        self.two = Phone(system, name="Phone/2", state=ChannelState.UP)
        self.bridge = Bridge(system)
        self.bridge.join(self.one.channel)
        self.bridge.join(self.two.channel)
        self.one.meanwhile(self.one.speak(sine(ONE_HZ, 60)))
        self.two.meanwhile(self.two.speak(sine(TWO_HZ, 60)))

    async def end(self) -> None:
        for phone in (self.one, self.two):
            await phone.stop_background()
            phone.channel.queue_hangup()
            phone.channel.hangup()
            phone.close()


async def test_who_is_held_hears_music_alone_though_the_other_speaks(system: System) -> None:
    talk = Talk(system)
    await talk.one.after(0.6)
    assert (hears(talk.one), hears(talk.two)) == ({TWO_HZ}, {ONE_HZ})
    talk.two.channel.deliver(control(Control.HOLD))
    await talk.one.after(1)
    assert (hears(talk.one), hears(talk.two)) == ({MUSIC_HZ}, {ONE_HZ})
    talk.two.channel.deliver(control(Control.UNHOLD))
    await talk.one.after(1)
    assert (hears(talk.one), hears(talk.two)) == ({TWO_HZ}, {ONE_HZ})
    assert max(talk.one.gaps) <= 0.04
    await talk.end()


async def test_what_is_recorded_of_a_held_call_is_the_music(system: System, tmp_path: Path) -> None:
    talk = Talk(system)
    service = system.services["call recorder"]
    service.start(talk.one.channel, str(tmp_path / "held.wav"))
    await talk.one.after(1)
    talk.two.channel.deliver(control(Control.HOLD))
    await talk.one.after(2)
    talk.two.channel.deliver(control(Control.UNHOLD))
    await talk.one.after(1)
    await service.stop(talk.one.channel)
    recorded = read_wav(tmp_path / "held.wav")
    parts = [recorded[round(8000 * start) : round(8000 * (start + 0.6))] for start in (0.2, 2.0, 3.3)]
    heard = [{hertz for hertz in (ONE_HZ, TWO_HZ, MUSIC_HZ) if amplitude(part, hertz) > 400} for part in parts]
    assert heard == [{ONE_HZ, TWO_HZ}, {ONE_HZ, MUSIC_HZ}, {ONE_HZ, TWO_HZ}]
    await talk.end()


async def test_a_tone_of_one_party_leaves_out_the_other_and_ends_by_itself(system: System) -> None:
    talk = Talk(system)
    await talk.one.after(0.3)
    assert system.tones.play(talk.one.channel, "!3100/400")
    await talk.one.after(0.3)
    assert hears(talk.one, 0.2) == {MUSIC_HZ}
    await talk.one.after(0.8)
    assert hears(talk.one) == {TWO_HZ}
    await talk.end()


async def test_no_packets_are_relayed_to_who_hears_a_tone(tmp_path: Path) -> None:
    phones = phone_section("alice") + phone_section("bob")
    async with sip_office(tmp_path, phones, "[default]\nexten => 101,1,Dial(PJSIP/bob,20)\n") as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        await called.answer()
        await calling.answered()
        channel = next(one for one in office.system.channels.values() if one.name.startswith("PJSIP/alice"))
        calling.heard.clear()
        called.heard.clear()
        office.system.tones.play(channel, "!1000/400")
        for index in range(50):
            called.send_rtp(bytes([index]) * 160)
            calling.send_rtp(bytes([index]) * 160)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        from_bob = [payload[0] for kind, payload in calling.heard if kind == 0 and len(set(payload)) == 1 and payload[0] < 50]
        assert 25 <= len(from_bob) <= 32, "what bob says is left out while the tone lasts"
        assert from_bob == list(range(50 - len(from_bob), 50))
        assert len(calling.heard) == pytest.approx(50, abs=2)
        assert [payload[0] for kind, payload in called.heard if kind == 0] == list(range(50))
        assert next(iter(office.system.bridges.values())).technology.name == "native_rtp"
        await calling.hang_up()
        await called.ended()
