"""MixMonitor's options: volumes, beeps, mailboxes, what is left out and what is not kept, and values that make no sense."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.bridge import Bridge
from globstar.core.channel import ChannelState
from globstar.core.party import Connected, PartyId
from globstar.core.system import System
from tests.flow.test_media_mixmonitor import PROMPT, SPEECH, holds, monitor, read, record, whole
from tests.interop.support.audio import find
from tests.support.phone import Phone, companded, media_system, noise, sound, to_samples
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

BEEP = noise(0.2, 23)
VOICEMAIL = "[general]\nformat=wav\n[default]\n100 => 1234,Alice\n101 => 1234,Bob\n"


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sounds = tmp_path / "data" / "sounds" / "en"
    sound(sounds, "prompt", PROMPT)
    sound(sounds, "beep", BEEP)
    async with media_system(tmp_path, modules=["app_mixmonitor", "bridge_simple"], files={"voicemail.conf": VOICEMAIL}) as system:
        yield system


def loudness(system: System, name: str) -> float:
    return float(np.abs(read(monitor(system) / name).astype(float)).mean())


@pytest.mark.parametrize(
    ("options", "said", "heard"),
    [("", 1, 1), ("v(1)", 1, 2), ("V(-1)", 0.5, 1), ("W(1)", 2, 2), ("v(-2)V(1)", 2, 0.25), ("W(-1)v(3)V(3)", 0.5, 0.5)],
)
async def test_volumes_of_what_is_heard_and_said(system: System, options: str, said: float, heard: float) -> None:
    await record(system, "r(said0.wav)t(heard0.wav)")
    await record(system, f"r(said.wav)t(heard.wav){options}", "other.wav")
    assert loudness(system, "said.wav") / loudness(system, "said0.wav") == pytest.approx(said, rel=0.05)
    assert loudness(system, "heard.wav") / loudness(system, "heard0.wav") == pytest.approx(heard, rel=0.05)


@pytest.mark.parametrize("options", ["v(9)", "V(x)", "W(-5)"])
async def test_a_volume_that_makes_no_sense_is_told_and_not_taken(system: System, options: str) -> None:
    await record(system, "r(said0.wav)t(heard0.wav)")
    with LogCapture() as log:
        phone = await record(system, f"r(said.wav)t(heard.wav){options}", "other.wav")
    assert [text for text in log.texts(Level.WARNING) if f"option {options[0]} takes -4 to 4" in text]
    assert loudness(system, "said.wav") == pytest.approx(loudness(system, "said0.wav"), rel=0.01)
    assert phone.steps[-1] == "NoOp(on)"


@pytest.mark.parametrize(("options", "beeps"), [("", []), ("p", ["start"]), ("P", ["stop"]), ("pP", ["start", "stop"])])
async def test_beeps_at_the_start_and_the_end(system: System, options: str, beeps: list[str]) -> None:
    phone = await record(system, options)
    expected = ["beep"] * ("start" in beeps) + ["prompt"] + ["beep"] * ("stop" in beeps)
    assert phone.prompts == expected


@pytest.mark.parametrize(("option", "period"), [("B(2)", 2), ("B", 15), ("B(x)", 15)])
async def test_upper_b_beeps_into_the_call_every_so_often(system: System, option: str, period: int) -> None:
    phone = Phone(system)
    phone.start(
        f"[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(call.wav,{option})\nsame => n,Wait({2 * period + 1})\n"
        "same => n,StopMixMonitor()\n"
    )
    phone.meanwhile(phone.keep_silent())
    await phone.end()
    loud = [when for when, frame in phone.voice if np.abs(to_samples(frame)).max() > 500]
    begins = [when for index, when in enumerate(loud) if not index or when - loud[index - 1] > 0.1]
    assert len(begins) == 2
    assert begins[0] == pytest.approx(period, abs=0.2)
    assert begins[1] - begins[0] == pytest.approx(period, abs=0.05)


@pytest.mark.parametrize(("options", "seconds"), [("", (1.6, 1.6)), ("n", (1.0, 0.8))])
async def test_n_does_not_fill_up_with_silence(system: System, options: str, seconds: tuple[float, float]) -> None:
    """The caller speaks for a second, then the prompt plays for 0.8: only without n the files are as long as the call."""
    phone = Phone(system)
    phone.start(
        f"[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(,r(said.wav)t(heard.wav){options})\nsame => n,Wait(0.8)\n"
        "same => n,Playback(prompt)\nsame => n,StopMixMonitor()\n"
    )
    phone.meanwhile(phone.speak(SPEECH))
    await phone.end()
    lengths = [len(read(monitor(system) / name)) / 8000 for name in ("said.wav", "heard.wav")]
    assert lengths == pytest.approx(list(seconds), abs=0.05)


async def test_s_leaves_out_the_beginning(system: System) -> None:
    phone = Phone(system)
    phone.start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(call.wav,s(2))\nsame => n,Wait(3)\nsame => n,StopMixMonitor()\n"
    )
    early, late = noise(1.9, 61), noise(1.0, 62)
    await phone.speak(early)
    await phone.after(0.1)
    await phone.speak(late)
    await phone.end()
    recording = read(monitor(system) / "call.wav")
    assert len(recording) / 8000 == pytest.approx(1, abs=0.1)
    assert find(recording, companded(late)[800:4800]).correlation > 0.9
    assert find(recording, companded(early)[8000:12000]).correlation < 0.3


async def test_a_call_that_is_over_before_the_time_of_s_leaves_nothing(system: System) -> None:
    await record(system, "s(5)")
    assert len(read(monitor(system) / "call.wav")) == 0


@pytest.mark.parametrize("option", ["s(0)", "s(121)", "s(x)", "s"])
async def test_s_takes_1_to_120_seconds(system: System, option: str) -> None:
    with LogCapture() as log:
        await record(system, option)
    assert [text for text in log.texts(Level.WARNING) if "option s takes 1 to 120 seconds" in text]
    assert len(read(monitor(system) / "call.wav")) / 8000 == pytest.approx(0.8, abs=0.05)


async def test_b_records_only_while_the_channel_is_in_a_bridge(system: System) -> None:
    phone, other = Phone(system, name="Phone/b-1", state=ChannelState.UP), Phone(system, name="Phone/b-2", state=ChannelState.UP)
    service = system.services["call recorder"]
    identity = service.start(phone.channel, "bridged.wav", "b")
    before, inside = noise(1.0, 63), noise(1.0, 64)
    await phone.speak(before)
    bridge = Bridge(system)
    bridge.join(phone.channel)
    bridge.join(other.channel)
    await phone.speak(inside)
    assert await service.stop(phone.channel, identity)
    recording = read(monitor(system) / "bridged.wav")
    assert len(recording) / 8000 == pytest.approx(1, abs=0.1)
    assert find(recording, companded(inside)[800:4800]).correlation > 0.9
    for end in (phone, other):
        end.channel.queue_hangup()
        end.channel.hangup()
        end.close()


def messages(system: System, box: str, folder: str = "INBOX") -> list[Path]:
    return sorted((Path(system.directories.astspooldir) / "voicemail" / "default" / box / folder).glob("msg*"))


async def deliver(system: System, options: str) -> None:
    """A call from Carol, connected to Dave, that is recorded."""
    phone = Phone(system, name=f"Phone/{system.now()}", caller=PartyId.of("Carol", "200"))
    phone.channel.connected = Connected(PartyId.of("Dave", "300"))
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(call.wav,{options})\nsame => n,Playback(prompt)\n")
    await phone.end()
    await whole(system)


async def test_m_puts_copies_into_mailboxes(system: System) -> None:
    await deliver(system, "m(100@default,101@default/Work)")
    assert [path.suffix for path in messages(system, "100")] == [".txt", ".wav"]
    assert [path.suffix for path in messages(system, "101", "Work")] == [".txt", ".wav"]
    text = messages(system, "100")[0].read_text()
    assert 'callerid="Dave" <300>' in text
    assert holds(read(messages(system, "100")[1]), companded(PROMPT))
    assert (monitor(system) / "call.wav").exists()


async def test_c_names_the_channels_own_caller_and_d_keeps_no_file(system: System) -> None:
    await deliver(system, "m(100@default)cd")
    text = messages(system, "100")[0].read_text()
    assert 'callerid="Carol" <200>' in text
    assert not (monitor(system) / "call.wav").exists()


async def test_a_mailbox_that_does_not_exist_is_told(system: System) -> None:
    with LogCapture() as log:
        await deliver(system, "m(999@default,100@default)")
    assert [text for text in log.texts(Level.WARNING) if "'999@default' is no mailbox" in text]
    assert len(messages(system, "100")) == 2


@pytest.mark.parametrize(("name", "told"), [("side.wav", 1), ("side.raw", 0)])
async def test_d_in_a_file_of_one_channel_is_told(system: System, name: str, told: int) -> None:
    with LogCapture() as log:
        await record(system, "D", name)
    assert len([text for text in log.texts(Level.WARNING) if "only a .raw file can hold" in text]) == told


async def test_sides_stay_apart_where_another_file_needs_a_higher_rate(system: System) -> None:
    await record(system, "Dr(said.sln16)", "both.raw")
    both = read(monitor(system) / "both.raw")
    assert len(both) / 16000 == pytest.approx(0.8, abs=0.05)
    said, heard = both[0::2].copy(), both[1::2].copy()
    assert find(said, companded(SPEECH)[800:4800]).correlation > 0.9
    assert find(heard, companded(PROMPT)[800:4800]).correlation > 0.9
    assert find(said, companded(PROMPT)[800:4800]).correlation < 0.2
    assert find(heard, companded(SPEECH)[800:4800]).correlation < 0.2


@pytest.mark.parametrize("option", ["i", "i()", "r", "t()", "m", "m( )"])
async def test_an_option_that_lacks_its_value_is_told(system: System, option: str) -> None:
    with LogCapture() as log:
        await record(system, option)
    assert log.texts(Level.WARNING) == [f"MixMonitor: option {option[0]} needs a value in parentheses"]
    assert len(read(monitor(system) / "call.wav")) / 8000 == pytest.approx(0.8, abs=0.05)


async def test_a_command_that_fails_is_told(system: System) -> None:
    with LogCapture() as log:
        await Phone(system).run("[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(x.wav,,exit 3)\n")
        await whole(system)
    assert "MixMonitor: the command 'exit 3' ended with 3" in log.texts(Level.NOTICE)
