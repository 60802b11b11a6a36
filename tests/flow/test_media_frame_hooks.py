"""Hooks on all kinds of frames: hold that is intercepted, frames that are dropped or shown, digits that are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core import events
from globstar.core.bridge import Bridge
from globstar.core.channel import ChannelState
from globstar.core.frame import Control, control, digit_begin, digit_end
from globstar.core.system import System
from globstar.dsp.g711 import ulaw_to_linear
from tests.interop.support.audio import find, sine, tone_share
from tests.support.calls import load_dialplan
from tests.support.dialling import connected, dialling
from tests.support.phone import Phone, Samples, companded, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

BEEP = noise(0.3, 51)
MODULES = (
    "func_holdintercept func_frame_drop func_frame_trace func_periodic_hook app_dtmfstore app_chanspy app_mixmonitor "
    "app_senddtmf bridge_simple func_global"
).split()


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sound(tmp_path / "data" / "sounds" / "en", "beep", BEEP)
    files = {"voicemail.conf": "[general]\nformat=wav\n[default]\n100 => 1,Hundred\n200 => 1,Two Hundred\n"}
    async with media_system(tmp_path, modules=MODULES, files=files) as system:
        yield system


class Talk:
    """Two phones in a bridge."""

    def __init__(self, system: System) -> None:
        self.one = Phone(system, name="Phone/1-a", state=ChannelState.UP)
        self.two = Phone(system, name="Phone/2-a", state=ChannelState.UP)
        self.bridge = Bridge(system)
        self.bridge.join(self.one.channel)
        self.bridge.join(self.two.channel)

    def set(self, function: str, arguments: str, value: str) -> None:
        """Write a function on the first channel."""
        self.one.channel.system.functions.write(self.one.channel, function, arguments, value)

    async def end(self) -> None:
        for phone in (self.one, self.two):
            await phone.stop_background()
            if not phone.channel.is_hung_up:
                phone.channel.queue_hangup()
                phone.channel.hangup()
            phone.close()


async def test_hold_is_intercepted(system: System) -> None:
    seen: list[str] = []
    system.bus.subscribe(events.ChannelHeld, lambda event: seen.append(f"hold {event.music_class}"))
    system.bus.subscribe(events.ChannelUnheld, lambda event: seen.append("unhold"))
    talk = Talk(system)
    talk.set("HOLD_INTERCEPT", "set", "")
    for condition in (Control.HOLD, Control.UNHOLD):
        talk.one.channel.deliver(control(condition, "jazz" if condition is Control.HOLD else b""))
    assert seen == ["hold jazz", "unhold"]
    assert not talk.one.channel.hold_state
    assert Control.HOLD not in talk.two.told
    talk.set("HOLD_INTERCEPT", "remove", "")
    talk.one.channel.deliver(control(Control.HOLD, ""))
    assert talk.one.channel.hold_state
    assert Control.HOLD in talk.two.told
    await talk.end()


async def test_digits_are_dropped(system: System) -> None:
    talk = Talk(system)
    talk.set("FRAME_DROP", "RX", "DTMF_BEGIN,DTMF_END")
    await talk.one.press("1")
    await talk.two.press("2")
    assert (talk.two.digits, talk.one.digits) == ("", "2")
    talk.set("FRAME_DROP", "TX", "DTMF_END,dtmf_begin")
    talk.set("FRAME_DROP", "RX", "")
    await talk.one.press("3")
    await talk.two.press("4")
    assert (talk.two.digits, talk.one.digits) == ("3", "2")
    await talk.end()


async def test_the_begin_of_a_digit_alone_is_dropped(system: System) -> None:
    """The end tells of the whole digit."""
    talk = Talk(system)
    talk.set("FRAME_DROP", "TX", "DTMF_BEGIN")
    await talk.two.press("7", pause=0.3)
    assert talk.one.digits == "7"
    await talk.end()


async def test_voice_is_dropped(system: System) -> None:
    talk = Talk(system)
    talk.set("FRAME_DROP", "TX", "VOICE")
    await asyncio.gather(talk.one.speak(sine(500, 0.5)), talk.two.speak(sine(500, 0.5)))
    assert not talk.one.voice
    assert len(talk.two.voice) == 25
    talk.set("FRAME_DROP", "TX", "")
    assert not talk.one.channel.read_hooks
    assert not talk.one.channel.write_hooks
    assert not talk.one.channel.signal_hooks
    await talk.end()


async def test_conditions_and_the_answer_are_dropped(system: System) -> None:
    phone = Phone(system, native=frozenset(Control))
    phone.start(
        "[default]\nexten => s,1,Set(FRAME_DROP(TX)=RINGING,ANSWER)\nsame => n,Ringing()\nsame => n,Progress()\n"
        "same => n,Answer(,i)\nsame => n,Wait(1)\nsame => n,Set(FRAME_DROP(TX)=CONTROL)\nsame => n,Proceeding()\n"
        "same => n,Set(FRAME_DROP(TX)=)\nsame => n,Answer(,i)\nsame => n,Wait(1)\n"
    )
    await phone.after(0.5)
    assert phone.answered_at is None
    assert phone.told == [Control.PROGRESS]
    await phone.end()
    assert phone.told == [Control.PROGRESS]
    assert phone.answered_at == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("FRAME_TRACE(white)=DTMF_END", {"Read DTMF_END '5' 100 ms"}),
        ("FRAME_TRACE()=DTMF_BEGIN", {"Read DTMF_BEGIN '5'"}),
        ("FRAME_TRACE(black)=VOICE,DTMF_BEGIN", {"Read DTMF_END '5' 100 ms", "Write CONTROL PROGRESS"}),
        (
            "FRAME_TRACE()=",
            {
                "Read VOICE ulaw 160 samples 160 bytes", "Write VOICE ulaw 160 samples 160 bytes", "Read DTMF_BEGIN '5'",
                "Read DTMF_END '5' 100 ms", "Write CONTROL PROGRESS",
            },
        ),
    ],
)  # fmt: skip
async def test_frames_are_shown(system: System, setting: str, shown: set[str]) -> None:
    with LogCapture(Level.VERBOSE) as log:
        phone = Phone(system)
        phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Set({setting})\nsame => n,Progress()\nsame => n,Echo()\n")
        await phone.speak(sine(500, 0.2))
        for frame in (digit_begin("5"), digit_end("5", 100)):
            phone.channel.deliver(frame)
        await phone.after(0.1)
        phone.hang_up()
        await phone.end()
    suffix = f" on {phone.channel.name}"
    seen = {text.removesuffix(suffix) for text in log.texts(Level.VERBOSE) if text.endswith(suffix)}
    relevant = {text for text in seen if text.startswith(("Read ", "Write "))} - {
        "Write DTMF_BEGIN '5'",
        "Write DTMF_END '5' 100 ms",
    }
    assert relevant == shown


async def test_digits_are_kept(system: System) -> None:
    phone = Phone(system)
    phone.start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,StoreDTMF(RX,GOT,3)\nsame => n,StoreDTMF(TX,GLOBAL(sent))\n"
        "same => n,Wait(3)\nsame => n,SendDTMF(98)\nsame => n,StoreDTMF(remove)\nsame => n,Wait(2)\nsame => n,SendDTMF(7)\n"
    )
    await phone.after(0.1)
    await phone.press("12345")
    await phone.after(3.5)
    await phone.press("6")
    await phone.end()
    assert phone.variables["GOT"] == "123"
    assert system.globals.get("sent") == "98"
    assert not phone.channel.read_hooks


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("Set(FRAME_DROP(up)=VOICE)", "knows TX and RX"),
        ("Set(FRAME_DROP(TX)=VOICES)", "no frames 'VOICES'"),
        ("Set(FRAME_TRACE(grey)=)", "white and black"),
        ("Set(FRAME_TRACE(white)=RINGING)", "no frames 'RINGING'"),
        ("Set(HOLD_INTERCEPT(on)=)", "set and remove"),
        ("Set(HOLD_INTERCEPT(remove)=)", "nothing is intercepted"),
        ("StoreDTMF(remove)", "no digits"),
        ("StoreDTMF(RX)", "requires TX or RX and a variable"),
        ("Set(X=${PERIODIC_HOOK(hooks,beep,0)})", "whole seconds"),
        ("Set(PERIODIC_HOOK(9)=off)", "no periodic hook '9'"),
    ],
)
async def test_misuse_is_told(system: System, step: str, told: str) -> None:
    with LogCapture() as log:
        await Phone(system).run(f"[default]\nexten => s,1,{step}\n")
    assert told in " / ".join(log.texts(Level.WARNING) + log.texts(Level.ERROR))


def beeps(phone: Phone) -> int:
    """In how many stretches of five seconds a phone heard the beep."""
    seconds: dict[int, list[bytes]] = {}
    for when, frame in phone.voice:
        seconds.setdefault(int(when // 5), []).append(frame.data)
    return sum(find(_linear(b"".join(parts)), companded(BEEP)[400:2000]).correlation > 0.6 for parts in seconds.values())


def _linear(data: bytes) -> Samples:
    return np.frombuffer(ulaw_to_linear(data), "<i2")


async def test_a_periodic_hook_is_heard_by_both(system: System) -> None:
    load_dialplan(
        system,
        "[hooks]\nexten => beep,1,Answer(,i)\nsame => n,Set(GLOBAL(hook)=${HOOK_CHANNEL} ${HOOK_ID})\nsame => n,Playback(beep)\n",
    )
    talk = Talk(system)
    talking = [talk.one.meanwhile(talk.one.speak(sine(500, 40, 1000))), talk.two.meanwhile(talk.two.speak(sine(900, 40, 1000)))]
    identity = system.functions.read(talk.one.channel, "PERIODIC_HOOK", "hooks,beep,5")
    await talk.one.after(16)
    assert system.globals.get("hook") == f"Phone/1-a {identity}"
    assert (beeps(talk.one), beeps(talk.two)) == (3, 3)
    assert tone_share(talk.two.samples, 500) > 0.4
    talk.set("PERIODIC_HOOK", identity, "off")
    await talk.one.after(10)
    assert beeps(talk.one) == 3
    talk.set("PERIODIC_HOOK", identity, "on")
    await talk.one.after(6)
    assert beeps(talk.one) == 4
    assert not [name for name in system.channels if name.startswith("Local/")]
    assert len(talking) == 2
    await talk.end()


async def test_recording_with_beeps_and_into_mailboxes(system: System) -> None:
    talk = Talk(system)
    talk.one.channel.set_caller_id("11", "One")
    talk.one.channel.connected.id = talk.two.channel.caller.id
    talk.one.channel.connected.id.set_number("22")
    recorder = system.services["call recorder"]
    talk.one.meanwhile(talk.one.speak(sine(500, 40, 1000)))
    talk.two.meanwhile(talk.two.speak(sine(900, 40, 1000)))
    first = recorder.start(talk.one.channel, "beeps.wav", "B(5)m(100@default,200@default/Work,999)d")
    second = recorder.start(talk.one.channel, "own.wav", "cm(200)")
    await talk.one.after(11)
    assert (beeps(talk.one), beeps(talk.two)) == (2, 2)
    with LogCapture() as log:
        assert await recorder.stop(talk.one.channel, first)
        assert await recorder.stop(talk.one.channel, second)
    assert any("'999' is no mailbox" in text for text in log.texts(Level.WARNING))
    spool = Path(system.directories.astspooldir)
    assert not (spool / "monitor" / "beeps.wav").exists()
    for place, caller in (("100/INBOX", "22"), ("200/Work", "22"), ("200/INBOX", '"One" <11>')):
        message = spool / "voicemail" / "default" / place / "msg0000"
        assert message.with_suffix(".wav").stat().st_size > 150_000
        text = message.with_suffix(".txt").read_text()
        assert f"callerid={caller}\n" in text
        assert "duration=11\n" in text
    assert system.mailboxes.state("200@default").new == 1
    await talk.end()


@pytest.mark.parametrize(
    ("direction", "heard"), [("in", (["72"], [])), ("out", ([], ["70"])), ("all", ([], [])), ("ALL", ([], []))]
)
async def test_muteaudio_lets_a_direction_be_heard_no_more_until_it_is_set_to_no(
    direction: str, heard: tuple[list[str], list[str]]
) -> None:
    """MUTEAUDIO(in|out|all) of the caller: what it says, what it hears."""
    before = f"exten => 200,1,Set(MUTEAUDIO({direction})=yes)\n"
    async with dialling("Test/bob", before=before) as world:
        call, leg = await connected(world)
        call.speaks(b"\x70" * 160)
        leg.speaks(b"\x72" * 160)
        await world.settle()
        assert (call.hears, leg.hears) == heard
        world.system.functions.write(call.channel, "MUTEAUDIO", "all", "no")
        call.speaks(b"\x74" * 160)
        leg.speaks(b"\x76" * 160)
        await world.settle()
        assert (call.hears[-1], leg.hears[-1]) == ("76", "74")
        call.hangs_up()


async def test_muteaudio_of_no_direction_is_refused_and_the_call_goes_on() -> None:
    async with dialling("Test/bob", before="exten => 200,1,Set(MUTEAUDIO(up)=yes)\n") as world:
        call, leg = await connected(world)
        assert any("MUTEAUDIO takes in, out or all" in warning for warning in world.warnings)
        leg.speaks(b"\x72" * 160)
        await world.settle()
        assert call.hears == ["72"]
        call.hangs_up()
