"""What callers hear while they dial: the tones of ReadExten and DISA, with and without an answer, and Playback's mix."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.system import System
from tests.interop.support.audio import tone_share
from tests.support.phone import Phone, Samples, companded, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

HELLO, BYE = noise(0.4, 71), noise(0.4, 72)
DIGITS = {digit: noise(0.3, 80 + digit) for digit in range(10)}


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sounds = tmp_path / "data" / "sounds" / "en"
    sound(sounds, "hello", HELLO)
    sound(sounds, "bye", BYE)
    for digit, samples in DIGITS.items():
        sound(sounds, f"digits/{digit}", samples)
    async with media_system(tmp_path, modules=["app_readexten", "app_disa"]) as system:
        yield system


def extensions(first: str) -> str:
    return (
        f"[default]\nexten => s,1,{first}\nsame => n,NoOp(on)\nexten => 12,1,NoOp(twelve)\nexten => 123,1,NoOp(more)\n"
        "[disa]\nexten => 12,1,NoOp(disa 12)\nexten => 123,1,NoOp(disa 123)\nexten => i,1,NoOp(i ${INVALID_EXTEN})\n"
    )


def share(phone: Phone, *hertz: float) -> float:
    """How much of what was heard last belongs to some frequencies together."""
    heard = phone.samples[-2400:]
    return sum(tone_share(heard, one) for one in hertz)


async def test_read_exten_i_plays_a_tone_until_the_first_digit(system: System) -> None:
    phone = Phone(system).start(extensions("ReadExten(E,dial,,i,4)"))
    await phone.after(1.5)
    assert share(phone, 350, 440) > 0.9
    await phone.press("1")
    await phone.after(0.3)
    silent = len(phone.voice)
    await phone.press("2")
    await phone.end()
    assert len(phone.voice) == silent
    assert (phone.variables["E"], phone.variables["READEXTENSTATUS"]) == ("12", "OK")


async def test_read_exten_i_takes_a_list_of_tones(system: System) -> None:
    phone = Phone(system).start(extensions("ReadExten(E,1000/400,,i,2)"))
    await phone.after(1.2)
    assert share(phone, 1000) > 0.9
    await phone.end()
    assert (phone.variables["E"], phone.variables["READEXTENSTATUS"]) == ("t", "TIMEOUT")
    assert phone.steps[-1] == "NoOp(on)"


@pytest.mark.parametrize(("option", "answered"), [("n", False), ("", True), ("in", False)])
async def test_read_exten_n_reads_without_an_answer(system: System, option: str, answered: bool) -> None:
    phone = Phone(system).start(extensions(f"ReadExten(E,,,{option},3)"))
    await phone.after(1.5)
    await phone.press("123")
    await phone.end()
    assert (phone.answered_at is not None) is answered
    assert (phone.variables["E"], phone.variables["READEXTENSTATUS"]) == ("123", "OK")


@pytest.mark.parametrize(("option", "answered"), [("", True), ("n", False)])
async def test_disa_n_does_not_answer(system: System, option: str, answered: bool) -> None:
    phone = Phone(system).start(extensions(f"DISA(no-password,,,,{option})"))
    await phone.after(1)
    assert (phone.answered_at is not None) is answered
    assert share(phone, 350, 440) > 0.9
    await phone.press("123")
    await phone.end()
    assert phone.steps[-1] == "NoOp(disa 123)"


@pytest.mark.parametrize(("option", "steps"), [("p", "NoOp(disa 12)"), ("", "NoOp(i 12#)")])
async def test_disa_p_lets_the_pound_key_end_the_extension(system: System, option: str, steps: str) -> None:
    """Without p the pound key is a digit like others: no extension begins with 12#."""
    phone = Phone(system).start(extensions(f"DISA(no-password,,,,{option})"))
    await phone.after(1)
    began = phone.clock
    await phone.press("12#")
    await phone.end()
    assert phone.steps[-1] == steps
    assert phone.clock - began < 2


async def test_disa_stutters_where_messages_wait(system: System) -> None:
    system.mailboxes.update("100", 2, 0)
    for mailbox, stutters in (("100@default", True), ("200@default", False)):
        phone = Phone(system, name=f"Phone/{mailbox}").start(extensions(f"DISA(no-password,disa,,{mailbox})"))
        await phone.after(1.2)
        pauses = [chunk for chunk in np.array_split(phone.samples[-8000:], 100) if np.abs(chunk).max() < 50]
        assert bool(pauses) is stutters
        phone.hang_up()
        await phone.end()


async def test_disa_bad_input(system: System) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run(extensions("DISA()"))
        nobody = Phone(system, name="Phone/2").start(extensions("DISA(/no/such/file)"))
        await nobody.after(1)
        await nobody.press("1#")
        await nobody.after(0.5)
        assert share(nobody, 480, 620) > 0.8
        await nobody.end()
    assert log.texts(Level.WARNING)[0] == "DISA needs a passcode"
    assert log.texts(Level.WARNING)[1].startswith("/no/such/file: ")
    assert phone.steps == ["DISA()"]
    assert nobody.steps == ["DISA(/no/such/file)"]


def spoken(*parts: Samples) -> Samples:
    return companded(np.concatenate(parts))


@pytest.mark.parametrize(
    ("data", "prompts", "status"),
    [
        ("hello&digits:12&bye,mix", ["hello", "digits/1", "digits/2", "bye"], "SUCCESS"),
        ("digits:7,mix", ["digits/7"], "SUCCESS"),
        ("hello&bye,noanswer,mix", ["hello", "bye"], "SUCCESS"),
        ("hello&digits:12,noanswer", ["hello"], "FAILED"),  # without mix it is a file that does not exist
        ("hello&nothing&bye,mix", ["hello", "bye"], "FAILED"),
        ("digits:1&hello,say", ["digits/1"], "FAILED"),
        ("num:7&digit:12,say", ["digits/7", "digits/1", "digits/2"], "SUCCESS"),  # by the names of say.conf
        ("num:x,say", [], "FAILED"),
    ],
)
async def test_playback_mix_plays_what_is_a_file_and_says_the_rest(
    system: System, data: str, prompts: list[str], status: str
) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run(extensions(f"Playback({data})"))
    assert (phone.prompts, phone.variables["PLAYBACKSTATUS"]) == (prompts, status)
    assert (phone.answered_at is None) is ("noanswer" in data)
    assert bool(log.texts(Level.WARNING)) is (status == "FAILED")
    assert phone.steps[-1] == "NoOp(on)"


async def test_playback_says_by_say_conf_in_the_old_mode_too(tmp_path: Path) -> None:
    rules = "[general]\nmode=old\n[en]\n_[n]um:X => hello, digits/${SAY}\n_loop:. => loop:${SAY}\n"
    sound(tmp_path / "data" / "sounds" / "en", "hello", HELLO)
    sound(tmp_path / "data" / "sounds" / "en", "digits/7", HELLO)
    async with media_system(tmp_path, {"say.conf": rules}) as system:
        phone = await Phone(system).run(extensions("Playback(num:7,say)\nsame => n,SayNumber(7)"))
        with LogCapture() as log:
            lost = await Phone(system, name="Phone/loop").run(extensions("Playback(loop:7,say)"))
    assert phone.prompts == ["hello", "digits/7", "digits/7"]
    assert lost.variables["PLAYBACKSTATUS"] == "FAILED"
    assert "no end" in log.texts(Level.WARNING)[0]


async def test_what_is_said_and_played_comes_without_a_gap(system: System) -> None:
    phone = await Phone(system).run(extensions("Playback(hello&digits:1,mix)"))
    heard = phone.samples
    assert np.array_equal(heard[: len(HELLO)], spoken(HELLO))
    assert phone.gaps == {0.02}
