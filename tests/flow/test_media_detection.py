"""Silence, noise, talk and answering machines, found in what a caller says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core import events
from globstar.core.format import Format, alaw, ulaw
from globstar.core.system import System
from tests.support.phone import Phone, Samples, companded, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

MUSIC = noise(3.0, 41)
MODULES = "app_waitforsilence app_talkdetect app_amd func_talkdetect".split()


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sound(tmp_path / "data" / "sounds" / "en", "music", MUSIC)
    files = {"amd.conf": "[general]\ninitial_silence=1000\nplayback_file=\nmaximum_number_of_words=bad\n"}
    async with media_system(tmp_path, files=files, modules=MODULES) as system:
        yield system


def timed(timing: str) -> list[Samples | float]:
    """Sound (s), silence (p) and nothing at all (n), each of so many ms."""
    parts: list[Samples | float] = []
    for part in timing.split():
        seconds = int(part[1:]) / 1000
        parts.append(seconds if part[0] == "n" else noise(seconds, 42, 6000 if part[0] == "s" else 20))
    return parts


async def speak(phone: Phone, timing: str) -> None:
    for part in timed(timing):
        if isinstance(part, float):
            await phone.after(part)
        else:
            await phone.speak(part)


async def call(system: System, application: str, timing: str, *, format: Format = ulaw, more: str = "") -> Phone:
    """A call of one application, and what the caller says meanwhile; ``done`` is when it was over."""
    phone = Phone(system, format=format, name=f"Phone/{system.now()}")
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,{application}\nsame => n,Set(DONE=1)\n{more}")
    phone.meanwhile(speak(phone, timing))
    return await phone.end()


def when(phone: Phone) -> float:
    """Seconds that the call took."""
    assert phone.hung_up_at is not None
    return phone.hung_up_at


@pytest.mark.parametrize(
    ("arguments", "timing", "status", "seconds"),
    [
        ("WaitForSilence(500)", "s1000 p9000", "SILENCE", 1.5),
        ("WaitForSilence(500)", "s1000 p300 s1000 p9000", "SILENCE", 2.8),
        ("WaitForSilence(500,2)", "s1000 p9000", "SILENCE", 2.0),
        ("WaitForSilence(500,2)", "s1000 p500 s1000 p9000", "SILENCE", 3.0),
        ("WaitForSilence()", "s1000 p9000", "SILENCE", 2.0),
        ("WaitForSilence(500,1,2)", "s9000", "TIMEOUT", 2.0),
        ("WaitForSilence(500)", "s1000 n9000", "SILENCE", 1.5),  # an endpoint that sends no silence
        ("WaitForNoise(500)", "p1000 s9000", "NOISE", 1.5),
        ("WaitForNoise(500,2)", "p1000 s600 p1000 s9000", "NOISE", 3.1),
        ("WaitForNoise(500,1,2)", "n9000", "TIMEOUT", 2.0),
    ],
)
@pytest.mark.parametrize("format", [ulaw, alaw], ids=str)
async def test_waiting(system: System, arguments: str, timing: str, status: str, seconds: float, format: Format) -> None:
    phone = await call(system, arguments, timing, format=format)
    assert phone.variables["WAITSTATUS"] == status
    assert phone.variables["DONE"] == "1"
    assert when(phone) == pytest.approx(seconds, abs=0.1)


async def test_waiting_answers_and_ends_with_the_call(system: System) -> None:
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,WaitForNoise(500)\nsame => n,Set(DONE=1)\n")
    await phone.after(1.5)
    assert phone.answered_at == 0
    phone.hang_up()
    await phone.end()
    assert "DONE" not in phone.variables
    assert not phone.channel.read_hooks


@pytest.mark.parametrize(
    ("arguments", "timing", "detected", "seconds"),
    [
        ("music,500", "p300 s600 p9000", 600, 1.4),
        ("music,500,700", "p300 s600 p9000", None, 3.0),  # too short
        ("music,500,100,500", "p300 s600 p9000", None, 3.0),  # too long
        ("music,500,100,,1000", "p300 s600 p9000", None, 3.0),  # too late
        ("music", "p9000", None, 3.0),
        ("music,500,0", "p9000", None, 3.0),  # silence alone is no talk
        ("music,500", "p300 s600 n9000", 600, 1.4),
    ],
)
async def test_background_detect(system: System, arguments: str, timing: str, detected: int | None, seconds: float) -> None:
    more = "exten => talk,1,NoOp(they talk)\n"
    phone = await call(system, f"BackgroundDetect({arguments})", timing, more=more)
    assert when(phone) == pytest.approx(seconds, abs=0.1)
    if detected is None:
        assert "TALK_DETECTED" not in phone.variables
        assert phone.variables["DONE"] == "1"
        assert np.array_equal(phone.samples, companded(MUSIC))
    else:
        assert int(phone.variables["TALK_DETECTED"]) == pytest.approx(detected, abs=20)
        assert phone.steps[-1] == "NoOp(they talk)"


async def test_background_detect_takes_digits_of_extensions(system: System) -> None:
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,BackgroundDetect(music)\nexten => 42,1,NoOp(forty-two)\n")
    await phone.after(0.5)
    for digit in "942":
        phone.key(digit)
    await phone.end()
    assert phone.steps[-1] == "NoOp(forty-two)"
    assert when(phone) < 1


@pytest.mark.parametrize(
    ("application", "arguments", "wrong"),
    [
        ("WaitForSilence", "(x,0,-1)", ["x", "0", "-1"]),
        ("WaitForNoise", "(y,z,1s)", ["y", "z"]),
        ("BackgroundDetect", "(music,a,b,c,-4)", ["a", "b", "c", "-4"]),
    ],
)
async def test_bad_numbers_are_told_and_count_as_left_out(
    system: System, application: str, arguments: str, wrong: list[str]
) -> None:
    with LogCapture() as log:
        phone = await call(system, application + arguments, "p9000" if application != "WaitForNoise" else "s9000")
    assert phone.variables["DONE"] == "1"
    assert when(phone) == pytest.approx(3 if application == "BackgroundDetect" else 1, abs=0.1)
    assert [text.split("'")[1] for text in log.texts(Level.WARNING) if text.startswith(f"{application}: ")] == wrong


async def test_background_detect_needs_a_file(system: System) -> None:
    with LogCapture() as log:
        phone = await call(system, "BackgroundDetect()", "p100")
        missing = await call(system, "BackgroundDetect(nosuch)", "p100")
    assert "DONE" not in phone.variables
    assert missing.variables["DONE"] == "1"
    assert [text.split(" ")[0] for text in log.texts(Level.WARNING)] == ["BackgroundDetect"] * 2


@pytest.mark.parametrize(
    ("arguments", "timing", "status", "cause"),
    [
        ("", "p9000", "MACHINE", "INITIALSILENCE-1000-1000"),  # of amd.conf
        ("2000", "n9000", "MACHINE", "INITIALSILENCE-2000-2000"),
        ("", "p300 s500 p9000", "HUMAN", "HUMAN-800-800"),
        ("", "p300 s500 n9000", "HUMAN", "HUMAN-800-800"),
        (",1000", "s9000", "MACHINE", "LONGGREETING-1020-1000"),
        (",,,,,,1", "s300 p200 s300 p200 s9000", "MACHINE", "MAXWORDS-2-1"),
        (",9000,,2000,,,,,", "s9000", "NOTSURE", "TOOLONG-2000"),
        (",9000,,,,,,,1000", "s9000", "MACHINE", "MAXWORDLENGTH-1020-1000"),
        (",,,,,,,9000", "s9000", "MACHINE", "INITIALSILENCE-1000-1000"),
    ],
)
async def test_amd(system: System, arguments: str, timing: str, status: str, cause: str) -> None:
    phone = await call(system, f"AMD({arguments})", timing)
    assert (phone.variables["AMDSTATUS"], phone.variables["AMDCAUSE"]) == (status, cause)
    assert phone.variables["DONE"] == "1"


async def test_amd_plays_meanwhile_and_tells_of_a_hang_up(system: System) -> None:
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,AMD(,,,,,,,,,music)\nsame => n,Set(DONE=1)\n")
    await phone.after(0.5)
    assert len(phone.samples) >= 3600
    phone.hang_up()
    await phone.end()
    assert phone.variables["AMDSTATUS"] == "HANGUP"
    assert "DONE" not in phone.variables


async def test_amd_of_a_call_that_is_over_tells_so(system: System) -> None:
    """Also where a sound would be played first: in the h extension."""
    phone = Phone(system)
    phone.start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,Wait(9)\nexten => h,1,AMD(,,,,,,,,,music)\nsame => n,Set(DONE=1)\n"
    )
    await phone.after(0.2)
    phone.hang_up()
    await phone.end()
    assert phone.variables["AMDSTATUS"] == "HANGUP"


async def test_talk_detection(system: System) -> None:
    seen: list[tuple[str, float]] = []
    phone = Phone(system)
    system.bus.subscribe(events.ChannelTalkingStarted, lambda event: seen.append(("start", round(phone.clock, 1))))
    system.bus.subscribe(events.ChannelTalkingStopped, lambda event: seen.append(("stop", round(event.duration_ms, -2))))
    phone.start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,Set(TALK_DETECT(set)=500)\nsame => n,Wait(4)\n"
        "same => n,Set(TALK_DETECT(set)=500,9000)\nsame => n,Wait(2)\nsame => n,Set(TALK_DETECT(remove)=)\nsame => n,Wait(2)\n"
    )
    phone.meanwhile(speak(phone, "p1000 s600 p200 s200 n2000 s9000"))
    await phone.end()
    # silence of 200 ms is no end; what is too quiet for the second threshold is no talk; nothing after the removal
    assert seen == [("start", 1.0), ("stop", 1500)]
    assert not phone.channel.read_hooks


async def test_talk_ends_with_the_call(system: System) -> None:
    seen: list[int] = []
    system.bus.subscribe(events.ChannelTalkingStopped, lambda event: seen.append(event.duration_ms))
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,Set(TALK_DETECT(set)=)\nsame => n,Wait(2)\n")
    phone.meanwhile(speak(phone, "s9000"))
    await phone.end()
    assert seen == [pytest.approx(2000, abs=40)]


async def test_talk_detection_misused(system: System) -> None:
    with LogCapture() as log:
        phone = Phone(system)
        phone.start(
            "[default]\nexten => s,1,Set(TALK_DETECT(remove)=)\nsame => n,Set(TALK_DETECT(what)=)\n"
            "same => n,Set(TALK_DETECT(set)=no)\nsame => n,Set(DONE=1)\n"
        )
        await phone.end()
    texts = " / ".join(log.texts(Level.WARNING) + log.texts(Level.ERROR))
    for part in ("there is no talk detection", "knows set and remove", "'no' is no silence"):
        assert part in texts
