"""Options of VoiceMail and VoiceMailMain: gain, prefixes, folders, and mailboxes that may only be listened to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from globstar.base.log import Level
from globstar.core.system import System
from tests.interop.support.audio import find, sine
from tests.support.phone import Samples, companded, noise
from tests.support.switch import LogCapture
from tests.support.voicemail import (
    SPEECH,
    dial,
    hang_up,
    inbox,
    leave,
    read_wav,
    speak_after_the_beep,
    spool,
    voicemail_system,
)

#: A tone that has room for 6 dB more in every codec.
TONE = sine(440, 1.4, level=4000)
CONFIG = "[general]\nformat=wav\nmaxmsg=100\n[default]\n100 => 1234,Alice Example\n101 => 1234,Bob Example\n"


@pytest.fixture
def config() -> str:
    return CONFIG


@pytest.fixture
async def system(tmp_path: Path, voicemail_prompts: Path, config: str) -> AsyncIterator[System]:
    async with voicemail_system(tmp_path, voicemail_prompts, config) as system:
        await system.loader.load("format_wav_gsm")
        yield system


def plan(step: str) -> str:
    return f"[main]\nexten => 1,1,Answer(,i)\nsame => n,{step}\nsame => n,NoOp(on)\nexten => h,1,NoOp(end)\n"


def level(path: Path) -> float:
    return float(np.abs(read_wav(path).astype(float)).mean())


async def record_greeting(system: System, options: str, what: Samples) -> None:
    """Record and keep the greeting of mailbox 100 that tells that its owner is not there."""
    phone = dial(system, "1", plan(f"VoiceMailMain(100@default,{options})"))
    await phone.prompt("vm-opts")
    phone.key("0")
    await phone.prompt("vm-options")
    phone.key("1")
    await speak_after_the_beep(phone, what)
    phone.key("#")
    await phone.prompt("vm-review")
    phone.key("1")
    await phone.prompt("vm-msgsaved")
    await hang_up(phone)


@pytest.mark.parametrize(("gain", "factor"), [("g(6)", 2), ("g(-6)", 0.5), ("g(0)", 1), ("g(loud)", 1), ("g", 1)])
async def test_g_records_louder_or_quieter(system: System, tmp_path: Path, gain: str, factor: float) -> None:
    await leave(system, "1", dialplan=plan("VoiceMail(100@default,s)"))
    with LogCapture() as log:
        await leave(system, "1", dialplan=plan(f"VoiceMail(100@default,s{gain})"))
    plain, changed = (spool(tmp_path) / f"default/100/INBOX/msg000{number}.wav" for number in (0, 1))
    assert level(changed) / level(plain) == pytest.approx(factor, rel=0.05)
    assert [text for text in log.texts(Level.WARNING) if "no gain" in text] == (
        [f"VoiceMail: '{gain[2:-1]}' is no gain in dB"] if gain in ("g(loud)", "g") else []
    )


KEPT = (
    "[general]\nformat=wav|wav49|gsm\nvolgain=6\n[default]\n100 => 1234,Alice Example\n"
    "101 => 1234,Bob Example,,,volgain=-6.0\n102 => 1234,Carol\n"
)


def decoded_level(path: Path) -> float:
    """The mean level of a sound file, with libsndfile as the judge; raw GSM is given the format it lacks."""
    raw = {"samplerate": 8000, "channels": 1, "subtype": "GSM610", "format": "RAW"} if path.suffix == ".gsm" else {}
    samples, _ = soundfile.read(path, dtype="int16", **raw)
    return float(np.abs(samples.astype(float)).mean())


@pytest.mark.parametrize("config", [KEPT])
async def test_every_mailbox_keeps_the_message_in_every_format_as_it_was_spoken(system: System, tmp_path: Path) -> None:
    await leave(system, "1", TONE, dialplan=plan("VoiceMail(100&101&102@default,s)"))
    folder = spool(tmp_path) / "default"
    spoken = float(np.abs(TONE.astype(float)).mean())
    for box in ("100", "101", "102"):
        assert inbox(tmp_path, box=box) == ["msg0000.WAV", "msg0000.gsm", "msg0000.txt", "msg0000.wav"]
        levels = [decoded_level(folder / box / f"INBOX/msg0000.{suffix}") for suffix in ("wav", "WAV", "gsm")]
        assert levels == pytest.approx([spoken] * 3, rel=0.07)
    assert inbox(tmp_path, "tmp") == []


async def test_g_of_voicemailmain_concerns_greetings(system: System, tmp_path: Path) -> None:
    levels = []
    for option in ("s", "sg(-6)"):
        await record_greeting(system, option, SPEECH)
        levels.append(level(spool(tmp_path) / "default/100/unavail.wav"))
    assert levels[1] / levels[0] == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "entered", "lets_in"),
    [("10,p", "0#1234#", True), ("10@default,p", "1#1234#", True), ("10,p", "100#1234#", False), ("10,ps", "0#", True)],
)
async def test_p_puts_the_mailbox_before_what_is_entered(system: System, arguments: str, entered: str, lets_in: bool) -> None:
    phone = dial(system, "1", plan(f"VoiceMailMain({arguments})"))
    await phone.prompt("vm-login")
    with LogCapture():
        await phone.press(entered)
        await phone.prompt("vm-youhave" if lets_in else "vm-incorrect-mailbox")
    await hang_up(phone)


@pytest.mark.parametrize(("folder", "has_message"), [("2", True), ("0", False), ("1", False), ("99", False), ("x", False)])
async def test_a_begins_in_a_folder(system: System, folder: str, has_message: bool) -> None:
    await leave(system)
    phone = dial(system, "1", plan("VoiceMailMain(100@default,s)"))
    await phone.prompt("vm-onefor")
    phone.key("1")
    await phone.prompt("vm-advopts")
    phone.key("9")
    await phone.prompt("vm-savefolder")
    phone.key("2")
    await phone.prompt("vm-savedto")
    await hang_up(phone)
    phone = dial(system, "1", plan(f"VoiceMailMain(100@default,sa({folder}))"))
    await phone.prompt("vm-youhave")
    await phone.prompt("vm-opts")
    phone.key("1")
    await phone.after(6)
    assert (find(phone.samples, companded(SPEECH)).correlation > 0.9) is has_message
    await hang_up(phone)


@pytest.mark.parametrize(("options", "stays"), [("sr", True), ("s", False)])
async def test_r_lets_nobody_delete(system: System, tmp_path: Path, options: str, stays: bool) -> None:
    await leave(system, what=noise(1.2, 80))
    phone = dial(system, "1", plan(f"VoiceMailMain(100@default,{options})"))
    await phone.prompt("vm-onefor")
    phone.key("1")
    await phone.prompt("vm-advopts")
    phone.key("7")
    await phone.after(3)
    phone.key("#")
    await phone.after(3)
    await hang_up(phone)
    everything = inbox(tmp_path) + inbox(tmp_path, "Old")
    assert everything == (["msg0000.txt", "msg0000.wav"] if stays else [])
