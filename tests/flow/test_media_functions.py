"""Functions that change a channel's audio, for every kind of codec."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.format import Format, alaw, slin, ulaw, vp8
from globstar.core.frame import Frame, FrameType
from globstar.core.system import System
from globstar.dsp.g711 import linear_to_ulaw
from tests.interop.support.audio import level, sine, tone_share
from tests.support.calls import load_dialplan
from tests.support.phone import Phone, Samples, media_system, sound, to_samples
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

MODULES = "func_speex func_pitchshift func_scramble func_jitterbuffer func_volume app_dial bridge_simple".split()
TONE = sine(700, 3.0)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sound(tmp_path / "data" / "sounds" / "en", "tone", TONE)
    async with media_system(tmp_path, modules=MODULES) as system:
        yield system


async def echoed(system: System, setting: str, said: Samples, format: Format = ulaw) -> Samples:
    """What a caller hears of itself with a setting in force."""
    phone = Phone(system, format=format, name=f"Phone/{system.now()}")
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Set({setting})\nsame => n,Echo()\n")
    await phone.speak(said)
    phone.hang_up()
    await phone.end()
    return phone.samples


@pytest.mark.parametrize("format", [ulaw, alaw, slin], ids=str)
@pytest.mark.parametrize(
    ("setting", "hertz"),
    [
        ("PITCH_SHIFT(rx)=highest", 1400),
        ("PITCH_SHIFT(tx)=lowest", 350),
        ("PITCH_SHIFT(both)=1.5", 1575),
        ("PITCH_SHIFT(rx)=1", 700),
        ("SCRAMBLE()=rx", 3300),
        ("SCRAMBLE()=tx", 3300),
        ("SCRAMBLE()=both", 700),
        ("SCRAMBLE()=remove", 700),
    ],
)
async def test_where_a_tone_goes(system: System, setting: str, hertz: int, format: Format) -> None:
    heard = await echoed(system, setting, TONE, format)
    assert len(heard) >= len(TONE) - 320
    assert tone_share(heard[-12000:], hertz, 30) > 0.9
    assert level(heard[-12000:]) / level(TONE) == pytest.approx(1, abs=0.25)


async def test_noise_is_taken_out(system: System) -> None:
    said = np.random.default_rng(3).normal(0, 300, 6 * 8000).astype(np.int16)
    plain = await echoed(system, "X=1", said)
    quiet = await echoed(system, "DENOISE(rx)=on", said)
    assert level(quiet[-8000:]) < 0.4 * level(plain[-8000:])
    assert np.array_equal(await echoed(system, "DENOISE(rx)=off", said), plain)


async def test_quiet_sound_is_made_louder(system: System) -> None:
    said = (sine(300, 10, 800) * ((np.arange(80000) // 2000) % 2)).astype(np.int16)
    plain = await echoed(system, "X=1", said)
    louder = await echoed(system, "AGC(tx)=8000", said)
    assert level(louder[-8000:]) > 2 * level(plain[-8000:])


async def test_what_functions_read(system: System) -> None:
    phone = Phone(system)
    await phone.run(
        "[default]\nexten => s,1,Set(A=${DENOISE(rx)}${AGC(tx)})\nsame => n,Set(DENOISE(rx)=on)\nsame => n,Set(AGC(RX)=8000)\n"
        "same => n,Set(B=${DENOISE(RX)} ${AGC(rx)} ${DENOISE(tx)})\nsame => n,Set(AGC(rx)=off)\nsame => n,Set(DENOISE(rx)=no)\n"
        "same => n,Set(C=${DENOISE(rx)} ${AGC(rx)})\n"
    )
    assert (phone.variables["A"], phone.variables["B"], phone.variables["C"]) == ("", "on 8000 ", "off off")
    assert not phone.channel.read_hooks


async def test_the_volume_can_be_asked(system: System) -> None:
    phone = Phone(system)
    await phone.run(
        "[default]\nexten => s,1,Set(A=<${VOLUME(TX)}>)\n"
        "same => n,Set(VOLUME(TX)=3)\nsame => n,Set(B=${VOLUME(tx)} ${VOLUME(RX)})\n"
        "same => n,Set(VOLUME(rx,p)=-4)\nsame => n,Set(C=${VOLUME(TX)} ${VOLUME(RX,p)})\n"
    )
    assert [phone.variables[name] for name in "ABC"] == ["<>", "3 0", "3 -4"]


@pytest.mark.parametrize(("steps", "factor"), [("1.41", 1.41), ("-2.5", 0.4), ("0.5", 0.5), ("1", 1)])
async def test_a_volume_may_have_decimals(system: System, steps: str, factor: float) -> None:
    heard = await echoed(system, f"VOLUME(RX)={steps}", TONE[:8000])
    assert level(heard[-4000:]) / level(TONE) == pytest.approx(factor, rel=0.05)


async def test_a_volume_counts_from_its_place_among_the_hooks_and_not_when_it_is_normal(system: System) -> None:
    phone = Phone(system)
    channel = phone.channel
    load_dialplan(system, "[default]\nexten => s,1,Wait(60)\n")
    phone.start()
    seen: list[float] = []

    def look(frame: Frame) -> Frame:
        seen.append(level(to_samples(frame)))
        return frame

    system.functions.write(channel, "VOLUME", "TX", "2")
    channel.add_read_hook(look)
    system.functions.write(channel, "VOLUME", "RX", "2")
    await phone.speak(TONE[:1600])
    assert seen == pytest.approx([level(TONE)] * 10, rel=0.1)
    assert len(channel.write_hooks) == 1
    for direction in ("TX", "RX"):
        system.functions.write(channel, "VOLUME", direction, "0")
    assert channel.read_hooks == [look]
    assert not channel.write_hooks
    system.functions.write(channel, "VOLUME", "RX,p", "0")  # its keys may still change it
    assert len(channel.read_hooks) == 2
    system.functions.write(channel, "VOLUME", "RX", "0")  # and may not any more
    assert channel.read_hooks == [look]
    phone.hang_up()
    await phone.end()


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("VOLUME(RX)=loud", "is no volume"),
        ("VOLUME(RX)=nan", "is no volume"),
        ("VOLUME(up)=2", "knows TX and RX"),
        ("DENOISE(up)=on", "knows rx and tx"),
        ("DENOISE(rx)=maybe", "takes on or off"),
        ("AGC(rx)=0", "takes a level"),
        ("PITCH_SHIFT(up)=high", "knows rx, tx and both"),
        ("PITCH_SHIFT(rx)=funny", "is no pitch"),
        ("PITCH_SHIFT(rx)=9", "a pitch is 0.1 to 4.0"),
        ("SCRAMBLE()=eggs", "knows TX, RX, both"),
        ("JITTERBUFFER(none)=", "knows fixed, adaptive"),
        ("JITTERBUFFER(fixed)=x", "no max_size"),
        ("JITTERBUFFER(fixed)=200,,,perhaps", "neither yes nor no"),
    ],
)
async def test_bad_settings_are_told(system: System, setting: str, told: str) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run(f"[default]\nexten => s,1,Set({setting})\nsame => n,Set(DONE=1)\n")
    assert told in " / ".join(log.texts(Level.WARNING) + log.texts(Level.ERROR))
    assert not phone.channel.read_hooks


async def jittery(phone: Phone, seed: int, count: int = 150) -> None:
    """Packets sent every 20 ms that are up to 90 ms late, with time stamps; each is one octet all over."""
    chance = random.Random(seed)
    arrivals = sorted((number * 0.02 + chance.uniform(0, 0.09), number) for number in range(count))
    start = asyncio.get_running_loop().time()
    for when, number in arrivals:
        await phone.at(start + when)
        stamp = (0xFFFFF000 + number * 160) % 2**32  # it wraps on the way
        data = bytes([number]) * 160
        phone.channel.deliver(Frame(FrameType.VOICE, 0, data, format=ulaw, samples=160, rtp_time=stamp, seq=number))


@pytest.mark.parametrize("setting", ["JITTERBUFFER(fixed)=default", "JITTERBUFFER(fixed)=120", "JITTERBUFFER(adaptive)=default"])
async def test_jitter_is_evened_out(system: System, setting: str) -> None:
    phone = Phone(system)
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Set({setting})\nsame => n,Echo()\n")
    await jittery(phone, 7)
    await phone.after(0.5)
    heard = [frame.data[0] for _, frame in phone.voice]
    assert heard == sorted(heard)
    times = [when for when, _ in phone.voice][40:]
    late = 0 if "fixed" in setting else 10
    assert len(heard) >= 150 - late
    gaps = [round(after - before, 3) for before, after in itertools.pairwise(times)]
    assert sum(gap == 0.02 for gap in gaps) >= len(gaps) - late
    phone.hang_up()
    await phone.end()
    assert not phone.channel.read_hooks


async def delivery(phone: Phone, video: str) -> tuple[list[float], list[float]]:
    """Say sound and show pictures, both even: when each came back."""
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Set(JITTERBUFFER(fixed)=100,,,{video})\nsame => n,Echo()\n")
    await phone.after(0.1)
    phone.heard.clear()
    for number in range(10):
        frame = Frame(FrameType.VOICE, 0, b"\x55" * 160, format=ulaw, samples=160, rtp_time=number * 160, seq=number)
        phone.channel.deliver(frame)
        phone.channel.deliver(Frame(FrameType.VIDEO, 0, bytes([number]), format=vp8, rtp_time=number * 1800, seq=number))
        await phone.after(0.02)
    await phone.after(0.3)
    pictures = [(when, frame.data[0]) for when, frame in phone.heard if frame.type is FrameType.VIDEO]
    assert [number for _, number in pictures] == list(range(10))
    phone.hang_up()
    await phone.end()
    return [when for when, frame in phone.heard if frame.type is FrameType.VOICE], [when for when, _ in pictures]


async def test_pictures_are_as_late_as_the_sound_if_wanted(system: System) -> None:
    sound, pictures = await delivery(Phone(system, name="Phone/together"), "yes")
    assert len(sound) == 10
    assert max(abs(one - other) for one, other in zip(sound, pictures, strict=True)) <= 0.02
    sound, pictures = await delivery(Phone(system, name="Phone/apart"), "no")
    assert all(0.08 <= one - other <= 0.12 for one, other in zip(sound, pictures, strict=True))


async def test_pictures_that_wait_go_on_when_the_buffer_ends(system: System) -> None:
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,Set(JITTERBUFFER(fixed)=200,,,yes)\nsame => n,Echo()\n")
    await phone.after(0.1)
    phone.heard.clear()
    phone.channel.deliver(Frame(FrameType.VIDEO, 0, b"p", format=vp8, rtp_time=0, seq=0))
    assert phone.heard == []
    phone.channel.system.functions.write(phone.channel, "JITTERBUFFER", "disabled", "")
    assert [frame.data for _, frame in phone.heard] == [b"p"]
    assert not phone.channel.signal_hooks
    phone.hang_up()
    await phone.end()


@pytest.mark.parametrize(("options", "is_even"), [("nj", True), ("n", False)])
async def test_a_local_channel_evens_out_what_goes_to_its_dialplan(system: System, options: str, is_even: bool) -> None:
    """Local/...@.../nj: the caller of the outer half is heard evenly by the application that the inner half runs."""
    phone = Phone(system)
    phone.start(
        f"[default]\nexten => s,1,Answer(,i)\nsame => n,Dial(Local/echo@default/{options})\n"
        "exten => echo,1,Answer(,i)\nsame => n,Echo()\n"
    )
    await phone.after(0.2)
    phone.heard.clear()
    await jittery(phone, 7)
    await phone.after(0.5)
    times = [when for when, _ in phone.voice]
    gaps = [round(after - before, 3) for before, after in itertools.pairwise(times)]
    assert len(times) == 150
    assert (sum(gap == 0.02 for gap in gaps) >= 140) is is_even
    phone.hang_up()
    await phone.end()
    assert not system.channels
    assert len(system.ticker) == 0


async def test_a_buffer_comes_before_other_hooks_and_can_be_taken_away(system: System) -> None:
    phone = Phone(system)
    phone.start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,Set(VOLUME(RX)=2)\nsame => n,Set(JITTERBUFFER(fixed)=100)\n"
        "same => n,Echo()\n"
    )
    await phone.after(0.1)
    loud = linear_to_ulaw(sine(700, 0.02, 4000).tobytes())
    for number in range(20):
        frame = Frame(FrameType.VOICE, 0, loud, format=ulaw, samples=160, rtp_time=number * 160, seq=number)
        phone.channel.deliver(frame)
        await phone.after(0.02)
    await phone.after(0.3)
    # once through the other hook, not twice: a gain of two, and 100 ms late
    assert level(phone.samples) == pytest.approx(2 * level(sine(700, 0.02, 4000)), rel=0.05)
    assert len(phone.voice) == 20
    assert phone.voice[0][0] >= 0.2
    phone.channel.system.functions.write(phone.channel, "JITTERBUFFER", "disabled", "")
    assert len(phone.channel.read_hooks) == 1
    phone.hang_up()
    await phone.end()
