"""Playing sound files to a call: what arrives, when, and which keys stop it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.format import Format, alaw, g722, g729, slin, ulaw
from globstar.core.playback import PlaybackCommand, control_playback
from globstar.core.system import System
from tests.support.phone import Phone, Samples, companded, media_system, noise, sound
from tests.support.switch import LogCapture

ONE = noise(0.5, 1)
TWO = noise(0.31, 2)  # not a whole number of packets
LONG = noise(10, 3)
DIGITS = {str(number): noise(0.2, 100 + number) for number in range(10)}


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sounds = tmp_path / "data" / "sounds" / "en"
    sound(sounds, "one", ONE)
    sound(sounds, "two", TWO)
    sound(sounds, "long", LONG)
    for digit, samples in DIGITS.items():
        sound(sounds, f"digits/{digit}", samples)
    sound(tmp_path / "data" / "sounds" / "de", "one", TWO)
    sound(tmp_path / "data" / "sounds" / "de", "long", LONG)
    async with media_system(tmp_path) as system:
        yield system


def expected(*parts: Samples, format: Format = ulaw) -> Samples:
    return companded(np.concatenate(parts), format)


def steady(times: list[float]) -> bool:
    """Every frame 20 ms after the one before it, without drift."""
    return bool(np.allclose(times, times[0] + 0.02 * np.arange(len(times)), atol=1e-6))


# -- Playback ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", [ulaw, alaw, slin], ids=str)
async def test_playback_sends_the_files_contents_every_20_ms(system: System, format: Format) -> None:
    phone = await Phone(system, format=format).run("[default]\nexten => s,1,Playback(one&two)\n")
    # the last packet is as long as the others: silence fills it up
    assert np.array_equal(phone.samples[:-80], expected(ONE, TWO, format=format))
    assert np.abs(phone.samples[-80:]).max() <= 8
    assert phone.prompts == ["one", "two"]
    assert phone.variables["PLAYBACKSTATUS"] == "SUCCESS"
    assert all(frame.format is format for _, frame in phone.voice)
    # the second file follows the first without a gap
    assert steady([when for when, _ in phone.voice])
    assert [frame.samples for _, frame in phone.voice] == [160] * 25 + [160] * 16


async def test_playback_answers_and_waits_for_the_callers_media_first(system: System) -> None:
    phone = await Phone(system).run("[default]\nexten => s,1,Playback(one)\n")
    assert phone.answered_at == 0
    assert 0.5 <= phone.voice[0][0] <= 0.54  # nobody spoke: half a second, then the first packet
    speaking = Phone(system, name="Phone/2").start()
    speaking.meanwhile(speaking.keep_silent())
    await speaking.end()
    assert speaking.voice[0][0] <= 0.04


async def test_playback_noanswer_sends_early_media(system: System) -> None:
    phone = await Phone(system).run("[default]\nexten => s,1,Playback(one,noanswer)\n")
    assert phone.answered_at is None
    assert np.array_equal(phone.samples, expected(ONE))


async def test_playback_skip_on_an_unanswered_call_plays_nothing(system: System) -> None:
    phone = await Phone(system).run(
        "[default]\nexten => s,1,Playback(one,skip)\nsame => n,Answer()\nsame => n,Playback(two,skip)\n"
    )
    assert phone.prompts == ["two"]
    assert phone.variable_history == [("PLAYBACKSTATUS", "SUCCESS")] * 2


async def test_playback_of_a_missing_file_goes_on_and_says_failed(system: System) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run("[default]\nexten => s,1,Playback(nothing&two)\nsame => n,Playback(one)\n")
    assert phone.prompts == ["two", "one"]
    assert phone.variable_history == [("PLAYBACKSTATUS", "FAILED"), ("PLAYBACKSTATUS", "SUCCESS")]
    assert any("nothing" in text for text in log.texts(Level.WARNING))


async def test_playback_say_speaks_instead(system: System) -> None:
    phone = await Phone(system).run("[default]\nexten => s,1,Playback(digits:42&number:7,say)\n")
    assert phone.prompts == ["digits/4", "digits/2", "digits/7"]
    assert np.array_equal(phone.samples, expected(DIGITS["4"], DIGITS["2"], DIGITS["7"]))


async def test_a_key_does_not_stop_playback(system: System) -> None:
    phone = Phone(system).start("[default]\nexten => s,1,Playback(one)\nsame => n,NoOp(after)\n")
    await phone.prompt("one")
    await phone.press("5#")
    await phone.end()
    assert np.array_equal(phone.samples, expected(ONE))


async def test_hang_up_ends_playback_at_once(system: System) -> None:
    """The status is SUCCESS, as recorded in g01_bye_mid_playback; the h extension still runs."""
    phone = Phone(system).start("[default]\nexten => s,1,Playback(long&one)\nexten => h,1,NoOp(${PLAYBACKSTATUS})\n")
    await phone.prompt("long")
    await asyncio.sleep(0.7)
    phone.hang_up()
    await phone.end()
    assert phone.prompts == ["long"]
    assert phone.steps == ["Playback(long&one)", "NoOp(SUCCESS)"]
    assert 34 <= len(phone.voice) <= 36
    assert len(system.ticker) == 0


async def test_the_files_language_and_format_are_chosen(system: System, tmp_path: Path) -> None:
    sounds = tmp_path / "data" / "sounds" / "de"
    (sounds / "three.wav").write_bytes((sounds / "one.wav").read_bytes())
    (sounds / "three.ulaw").write_bytes(bytes(range(160)) * 10)
    german = await Phone(system, language="de_AT").run("[default]\nexten => s,1,Playback(one)\nsame => n,Playback(three)\n")
    assert np.array_equal(german.samples[: len(TWO)], expected(TWO))
    # the file in the phone's own codec needs no translator
    assert german.played[1][1] == "three.ulaw"
    assert b"".join(frame.data for _, frame in german.voice[16:]) == bytes(range(160)) * 10


async def test_wideband_phone_hears_the_whole_file(tmp_path: Path) -> None:
    pytest.importorskip("G722")
    async with media_system(tmp_path, modules=["codec_g722", "format_g722"]) as system:
        sound(tmp_path / "data" / "sounds" / "en", "one", ONE)
        phone = await Phone(system, format=g722).run("[default]\nexten => s,1,Playback(one)\n")
    assert [frame.samples for _, frame in phone.voice] == [320] * 25
    assert sum(len(frame.data) for _, frame in phone.voice) == 4000
    assert steady([when for when, _ in phone.voice])


async def test_a_phone_that_no_translator_reaches_gets_no_playback_and_no_endless_wait(system: System) -> None:
    with LogCapture() as log:
        phone = await Phone(system, format=g729).run("[default]\nexten => s,1,Playback(one)\n")
    assert phone.variables["PLAYBACKSTATUS"] == "FAILED"
    assert not phone.voice
    assert log.texts(Level.WARNING)
    assert not log.texts(Level.ERROR)


# -- Background ----------------------------------------------------------------------------------------------------------

MENU = """
[default]
exten => s,1,Background(long)
 same => n,WaitExten(2)
exten => 1,1,NoOp(one)
exten => 22,1,NoOp(two two)
exten => i,1,NoOp(invalid ${INVALID_EXTEN})
exten => t,1,NoOp(timeout)
[other]
exten => 7,1,NoOp(seven)
"""


async def test_background_digit_stops_the_prompt_and_dials(system: System) -> None:
    phone = Phone(system).start(MENU)
    await phone.prompt("long")
    await asyncio.sleep(1)
    await phone.press("1")
    stopped = phone.clock
    await phone.end()
    assert phone.steps == ["BackGround(long)", "NoOp(one)"]
    assert phone.variables["BACKGROUNDSTATUS"] == "SUCCESS"
    assert phone.voice[-1][0] <= stopped
    assert 50 <= len(phone.voice) <= 56


async def test_background_collects_a_longer_extension(system: System) -> None:
    phone = Phone(system).start(MENU)
    await phone.prompt("long")
    await phone.press("22")
    await phone.end()
    assert phone.steps[-1] == "NoOp(two two)"


async def test_background_digits_of_one_burst_are_all_kept(system: System) -> None:
    """Both digits are delivered before the dialplan's task can run again."""
    phone = Phone(system).start(MENU)
    await phone.prompt("long")
    await asyncio.sleep(0.1)
    phone.key("2")
    phone.key("2")
    await phone.end()
    assert phone.steps[-1] == "NoOp(two two)"


async def test_background_digit_pressed_before_the_prompt_begins_counts(system: System) -> None:
    phone = Phone(system).start(
        "[default]\nexten => s,1,Answer()\nsame => n,Verbose(9,x)\nsame => n,Goto(menu,s,1)\n" + MENU.replace("default", "menu")
    )
    await asyncio.sleep(0.51)
    phone.key("2")
    phone.key("2")
    await phone.end()
    assert phone.steps[-1] == "NoOp(two two)"


async def test_background_unknown_digit_is_invalid(system: System) -> None:
    phone = Phone(system).start(MENU)
    await phone.prompt("long")
    await phone.press("9")
    await phone.end()
    assert phone.steps[-1] == "NoOp(invalid 9)"


async def test_background_to_the_end_and_waitexten_times_out(system: System) -> None:
    phone = await Phone(system).run(MENU)
    assert np.array_equal(phone.samples, expected(LONG))
    assert phone.steps == ["BackGround(long)", "WaitExten(2)", "NoOp(timeout)"]


@pytest.mark.parametrize(
    ("options", "pressed", "steps"),
    [
        ("m", "9", ["WaitExten(2)", "NoOp(timeout)"]),  # no extension by itself: the prompt goes on, the digit is gone
        ("m", "1", ["NoOp(one)"]),
        ("p", "1", ["WaitExten(2)", "NoOp(timeout)"]),
    ],
)
async def test_background_options_m_and_p(system: System, options: str, pressed: str, steps: list[str]) -> None:
    phone = Phone(system).start(MENU.replace("(long)", f"(one,{options})"))
    await phone.prompt("one")
    await phone.press(pressed)
    await phone.end()
    assert phone.steps[1:] == steps


async def test_background_of_an_unanswered_call(system: System) -> None:
    skipped = await Phone(system).run("[default]\nexten => s,1,Background(one,s)\n")
    assert (skipped.prompts, skipped.answered_at, skipped.variables["BACKGROUNDSTATUS"]) == ([], None, "SUCCESS")
    early = await Phone(system, name="Phone/2").run("[default]\nexten => s,1,Background(one,n)\n")
    assert (early.prompts, early.answered_at) == (["one"], None)


async def test_background_language_and_context(system: System) -> None:
    phone = Phone(system).start(MENU.replace("(long)", "(one&long,,de,other)"))
    await phone.prompt("long")
    await phone.press("7")
    await phone.end()
    assert np.array_equal(phone.samples[: len(TWO)], expected(TWO))
    assert phone.steps[-1] == "NoOp(seven)"
    assert phone.channel.context == "other"


async def test_background_missing_file_fails_and_goes_on(system: System) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run("[default]\nexten => s,1,Background(nothing&one)\nsame => n,NoOp(on)\n")
    assert phone.variables["BACKGROUNDSTATUS"] == "FAILED"
    assert phone.steps[-1] == "NoOp(on)"
    assert log.texts(Level.WARNING)


async def test_background_tells_of_options_that_it_does_not_know(system: System) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run("[default]\nexten => s,1,Background(one,N!)\nsame => n,NoOp(on)\n")
    assert log.texts(Level.WARNING) == ["unknown option '!'"]
    assert phone.answered_at is None
    assert phone.prompts == ["one"]


# -- ControlPlayback -----------------------------------------------------------------------------------------------------


async def test_controlplayback_plays_to_the_end(system: System) -> None:
    phone = await Phone(system).run("[default]\nexten => s,1,Answer()\nsame => n,ControlPlayback(one)\n")
    assert np.array_equal(phone.samples, expected(ONE))
    assert phone.variable_history == [("CPLAYBACKSTATUS", "SUCCESS"), ("CPLAYBACKOFFSET", "-1")]


async def test_controlplayback_winds_pauses_restarts_and_stops(system: System) -> None:
    phone = Phone(system).start("[default]\nexten => s,1,Answer()\nsame => n,ControlPlayback(long,2000,6,4,0,5,7)\n")
    await phone.prompt("long")
    await asyncio.sleep(0.1)
    assert len(phone.voice) == 5
    phone.key("6")  # from 100 ms to 2100 ms
    await asyncio.sleep(0.1)
    phone.key("4")  # from 2200 ms to 200 ms
    await asyncio.sleep(0.1)
    phone.key("4")  # not before the beginning
    await asyncio.sleep(0.1)
    phone.key("5")
    await asyncio.sleep(3)
    phone.key("5")
    await asyncio.sleep(0.1)
    phone.key("7")
    await asyncio.sleep(0.1)
    phone.key("0")
    await phone.end()

    def part(start_ms: int) -> Samples:
        return LONG[start_ms * 8 : start_ms * 8 + 800]

    assert np.array_equal(phone.samples, expected(part(0), part(2100), part(200), part(0), part(100), part(0)))
    assert phone.variables["CPLAYBACKSTATUS"] == "USERSTOPPED"
    assert phone.variables["CPLAYBACKOFFSET"] == "100"
    assert phone.variables["CPLAYBACKSTOPKEY"] == "0"


async def test_controlplayback_winding_past_the_end_ends_it(system: System) -> None:
    phone = Phone(system).start("[default]\nexten => s,1,Answer()\nsame => n,ControlPlayback(long)\n")
    await phone.prompt("long")
    for _ in range(4):  # four times three seconds
        phone.key("#")
    await phone.end()
    assert phone.variables["CPLAYBACKSTATUS"] == "SUCCESS"
    assert phone.clock < 2


async def test_controlplayback_from_an_offset(system: System) -> None:
    phone = await Phone(system).run("[default]\nexten => s,1,Answer()\nsame => n,ControlPlayback(long,,,,,,,o(9500))\n")
    assert np.array_equal(phone.samples, expected(LONG[9500 * 8 :]))


async def test_controlplayback_from_an_offset_that_is_none(system: System) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run("[default]\nexten => s,1,Answer()\nsame => n,ControlPlayback(one,,,,,,,o(soon))\n")
    assert log.texts(Level.WARNING) == ["ControlPlayback: option o takes milliseconds, not 'soon'"]
    assert np.array_equal(phone.samples, expected(ONE))


async def test_commands_wind_and_end_a_sound_without_keys(system: System) -> None:
    """As documented of the manager's ControlPlayback: pause and restart stop what no keys control."""
    for command in (PlaybackCommand.STOP, PlaybackCommand.PAUSE, PlaybackCommand.RESTART):
        phone = Phone(system, name=f"Phone/{command.value}")
        phone.start("[default]\nexten => s,1,Answer()\nsame => n,Playback(long&one)\nsame => n,NoOp(on)\n")
        assert not control_playback(phone.channel, command)
        await phone.prompt("long")
        await asyncio.sleep(0.1)
        assert control_playback(phone.channel, PlaybackCommand.FORWARD)
        await asyncio.sleep(0.1)
        assert control_playback(phone.channel, PlaybackCommand.REVERSE)
        await asyncio.sleep(0.1)
        assert control_playback(phone.channel, command)
        await phone.end()
        parts = [LONG[start_ms * 8 : start_ms * 8 + 800] for start_ms in (0, 3100, 200)]
        assert np.array_equal(phone.samples, expected(*parts))
        assert phone.prompts == ["long"]
        assert (phone.steps[-1], phone.variables["PLAYBACKSTATUS"]) == ("NoOp(on)", "SUCCESS")


async def test_what_was_stopped_once_plays_again(system: System) -> None:
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,Answer()\nsame => n,BackGround(long)\nsame => n,Playback(one&one)\n")
    await phone.prompt("long")
    assert control_playback(phone.channel, PlaybackCommand.STOP)
    await phone.end()
    assert phone.prompts == ["long", "one", "one"]


async def test_controlplayback_missing_file_and_hang_up(system: System) -> None:
    with LogCapture():
        phone = await Phone(system).run(
            "[default]\nexten => s,1,Answer()\nsame => n,ControlPlayback(nothing)\nsame => n,NoOp(on)\n"
        )
    assert phone.variable_history == [("CPLAYBACKSTATUS", "ERROR"), ("CPLAYBACKOFFSET", "-1")]
    assert phone.steps[-1] == "NoOp(on)"
    phone = Phone(system, name="Phone/2").start("[default]\nexten => s,1,Answer()\nsame => n,ControlPlayback(long)\n")
    await phone.prompt("long")
    phone.hang_up()
    await phone.end()
    assert phone.variable_history == [("CPLAYBACKSTATUS", "ERROR"), ("CPLAYBACKOFFSET", "-1")]


# -- Say ---------------------------------------------------------------------------------------------------------------


async def test_say_applications_speak_their_sounds_in_a_row(system: System) -> None:
    phone = await Phone(system).run("[default]\nexten => s,1,Answer()\nsame => n,SayDigits(305)\nsame => n,SayNumber(8)\n")
    assert np.array_equal(phone.samples, expected(DIGITS["3"], DIGITS["0"], DIGITS["5"], DIGITS["8"]))
    assert steady([when for when, _ in phone.voice])


async def test_say_is_not_interrupted_unless_asked(system: System) -> None:
    dialplan = "[default]\nexten => s,1,Answer()\nsame => n,Set(SAY_DTMF_INTERRUPT={})\nsame => n,SayDigits(123)\n"
    dialplan += "exten => 9,1,NoOp(nine)\n"
    for setting, prompts, last in (("no", 3, "SayDigits(123)"), ("yes", 1, "NoOp(nine)")):
        phone = Phone(system, name=f"Phone/{setting}").start(dialplan.format(setting))
        await phone.prompt("digits/1")
        await asyncio.sleep(0.05)
        phone.key("9")
        await phone.end()
        assert len(phone.prompts) == prompts
        assert phone.steps[-1] == last


async def test_say_missing_sound_ends_the_dialplan(system: System) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run("[default]\nexten => s,1,Answer()\nsame => n,SayNumber(11)\nsame => n,NoOp(never)\n")
    assert phone.steps[-1] == "SayNumber(11)"
    assert log.texts(Level.WARNING)


async def test_what_is_spelled_passes_over_characters_without_a_recording(system: System) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run("[default]\nexten => s,1,Answer()\nsame => n,SayAlpha(1x2)\nsame => n,NoOp(on)\n")
    assert phone.prompts == ["digits/1", "digits/2"]
    assert phone.steps[-1] == "NoOp(on)"
    assert not log.texts(Level.WARNING)
    assert "letters/x" in log.texts(Level.NOTICE)[0]


async def test_say_unix_time(system: System, tmp_path: Path) -> None:
    sounds = tmp_path / "data" / "sounds" / "en" / "digits"
    for index, name in enumerate(("day-2", "h-5", "mon-2", "thousand", "20", "oclock", "p-m")):
        sound(sounds, name, noise(0.1, 200 + index))
    phone = await Phone(system).run(
        "[default]\nexten => s,1,Answer()\nsame => n,SayUnixTime(1709650845,UTC,ABdY 'digits/9' IMp)\n"
    )
    said = ["day-2", "mon-2", "h-5", "2", "thousand", "20", "4", "9", "3", "oclock", "p-m"]
    assert phone.prompts == [f"digits/{name}" for name in said]


async def test_date_time_says_the_same(system: System, tmp_path: Path) -> None:
    for index, name in enumerate(("day-2", "day-3")):
        sound(tmp_path / "data" / "sounds" / "en" / "digits", name, noise(2, 200 + index))
    for arguments, day in (("1709650845,UTC,A", "2"), ("1709650845,Asia/Tokyo,A", "3")):  # where the day has just begun
        phone = await Phone(system, name=f"Phone/{day}").run(
            f"[default]\nexten => s,1,DateTime({arguments})\nsame => n,NoOp(on)\n"
        )
        assert phone.prompts == [f"digits/day-{day}"]
        assert phone.answered_at is not None
        assert phone.steps[-1] == "NoOp(on)"
    phone = Phone(system, name="Phone/key").start(
        "[default]\nexten => s,1,DateTime(1709650845,UTC,AAA,j)\nexten => 4,1,NoOp(four)\n"
    )
    await phone.prompt("digits/day-2")
    phone.key("4")
    await phone.end()
    assert phone.steps[-1] == "NoOp(four)"


async def test_say_unix_time_j_takes_a_digit(system: System, tmp_path: Path) -> None:
    sound(tmp_path / "data" / "sounds" / "en" / "digits", "day-2", noise(2, 200))
    phone = Phone(system).start(
        "[default]\nexten => s,1,Answer()\nsame => n,SayUnixTime(1709650845,UTC,AAA,j)\nexten => 4,1,NoOp(four)\n"
    )
    await phone.prompt("digits/day-2")
    phone.key("4")
    await phone.end()
    assert phone.steps[-1] == "NoOp(four)"
    assert phone.prompts == ["digits/day-2"]
    assert phone.channel.get_variable("SAY_DTMF_INTERRUPT") is None  # what is said next is not stopped by keys
