"""Recording what a caller says: the file holds it exactly, and ends for the reason that is told."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.format import Format, alaw, g729, slin, ulaw
from globstar.core.soundfile import SoundFault
from globstar.core.system import System
from globstar.dsp.g711 import alaw_to_linear, ulaw_to_linear
from tests.interop.support.audio import find
from tests.support.phone import Phone, Samples, companded, media_system, noise, sound
from tests.support.switch import LogCapture

SPEECH = noise(1.5, 11)
BEEP = noise(0.1, 12)
SILENCE = np.zeros(8000, np.int16)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sound(tmp_path / "data" / "sounds" / "en", "beep", BEEP)
    async with media_system(tmp_path) as system:
        yield system


def read(path: Path) -> Samples:
    """A recording as samples; the header of a wav file must be right."""
    data = path.read_bytes()
    if path.suffix == ".wav":
        with wave.open(str(path)) as file:
            assert file.getparams()[:3] == (1, 2, 8000)
            assert len(data) == 44 + 2 * file.getnframes()
            data = file.readframes(file.getnframes())
    elif path.suffix == ".ulaw":
        data = ulaw_to_linear(data)
    elif path.suffix == ".alaw":
        data = alaw_to_linear(data)
    return np.frombuffer(data, "<i2")


async def talk(phone: Phone, *what: Samples | str) -> None:
    """Begin to speak when the recording began, which is when the beep is over."""
    await asyncio.sleep(0.02)
    for part in what:
        if isinstance(part, str):
            phone.key(part)
        else:
            await phone.speak(part)


async def record(system: System, arguments: str, *what: Samples | str, format: Format = ulaw, hang_up: bool = False) -> Phone:
    """One call that records without a beep, and what the caller says and presses."""
    phone = Phone(system, format=format, name=f"Phone/{system.now()}")
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Record({arguments})\nsame => n,NoOp(on)\n")
    await talk(phone, *what)
    if hang_up:
        phone.hang_up()
    else:
        phone.meanwhile(phone.keep_silent())
    return await phone.end()


@pytest.mark.parametrize("extension", ["wav", "sln", "ulaw", "alaw"])
@pytest.mark.parametrize("format", [ulaw, alaw, slin], ids=str)
async def test_recording_holds_what_was_said(system: System, tmp_path: Path, format: Format, extension: str) -> None:
    phone = await record(system, f"{tmp_path}/said.{extension},0,0,q", SPEECH, "#", format=format)
    recorded = read(tmp_path / f"said.{extension}")
    assert len(recorded) == len(SPEECH)
    if extension in ("wav", "sln"):
        assert np.array_equal(recorded, companded(SPEECH, format))
    elif format.name == extension or format is slin:
        assert np.array_equal(recorded, companded(SPEECH, ulaw if extension == "ulaw" else alaw))
    else:
        assert find(recorded, SPEECH).correlation > 0.999
    assert phone.variables == {"RECORDED_FILE": f"{tmp_path}/said", "RECORD_STATUS": "DTMF"}
    assert phone.steps[-1] == "NoOp(on)"


async def test_record_answers_beeps_and_then_listens(system: System, tmp_path: Path) -> None:
    phone = Phone(system).start(f"[default]\nexten => s,1,Record({tmp_path}/said.wav,0,1)\n")
    speaking = phone.meanwhile(phone.speak(noise(4, 13)))
    await phone.end()
    assert speaking.done()
    assert phone.answered_at == 0
    assert np.array_equal(phone.samples, companded(BEEP))
    recorded = read(tmp_path / "said.wav")
    assert len(recorded) in (7840, 8000)  # one second, as asked, to the packet
    began = find(companded(noise(4, 13)), recorded)
    assert began.correlation == pytest.approx(1.0)
    # what was said during the beep is not there, what follows it is
    assert began.offset == pytest.approx(phone.voice[-1][0] * 8000 + 160, abs=160)
    assert phone.variables["RECORD_STATUS"] == "TIMEOUT"


async def test_silence_ends_it_and_is_cut_off(system: System, tmp_path: Path) -> None:
    phone = await record(system, f"{tmp_path}/said.wav,2,0,q", SPEECH, SILENCE, SPEECH, SILENCE, SILENCE, SILENCE)
    assert np.array_equal(read(tmp_path / "said.wav"), companded(np.concatenate((SPEECH, SILENCE, SPEECH))))
    assert phone.variables["RECORD_STATUS"] == "SILENCE"


@pytest.mark.parametrize("options", ["q", "qu"])
async def test_who_sends_nothing_is_silent(system: System, tmp_path: Path, options: str) -> None:
    """An endpoint that suppresses silence, or is muted: nothing is cut off of what it has said."""
    phone = Phone(system)
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Record({tmp_path}/said.wav,2,0,{options})\n")
    await talk(phone, SPEECH)
    await phone.after(1.5)  # a pause that is shorter than the silence which ends it
    await talk(phone, SPEECH)
    quiet_from = phone.clock
    await phone.end()
    assert phone.variables["RECORD_STATUS"] == "SILENCE"
    assert phone.clock == pytest.approx(quiet_from + 2, abs=0.05)
    assert np.array_equal(read(tmp_path / "said.wav"), companded(np.concatenate((SPEECH, SPEECH))))


async def test_silence_that_is_partly_sent_is_cut_as_far_as_it_was_written(system: System, tmp_path: Path) -> None:
    phone = Phone(system)
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Record({tmp_path}/said.wav,3,0,q)\n")
    await talk(phone, SPEECH)
    quiet_from = phone.clock
    await phone.after(1)
    await talk(phone, SILENCE)
    await phone.end()
    assert phone.variables["RECORD_STATUS"] == "SILENCE"
    assert phone.clock == pytest.approx(quiet_from + 3, abs=0.05)
    assert np.array_equal(read(tmp_path / "said.wav"), companded(SPEECH))


async def test_the_time_limit_of_who_sends_nothing(system: System, tmp_path: Path) -> None:
    phone = await Phone(system).run(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Record({tmp_path}/said.wav,5,2,q)\n")
    assert phone.variables["RECORD_STATUS"] == "TIMEOUT"
    assert phone.clock == pytest.approx(2, abs=0.05)


async def test_option_u_keeps_the_silence(system: System, tmp_path: Path) -> None:
    await record(system, f"{tmp_path}/said.wav,1,0,qu", SPEECH, SILENCE, SILENCE)
    assert np.array_equal(read(tmp_path / "said.wav"), companded(np.concatenate((SPEECH, SILENCE))))


async def test_silence_before_a_key_stays(system: System, tmp_path: Path) -> None:
    await record(system, f"{tmp_path}/said.wav,3,0,q", SPEECH, SILENCE, "#")
    assert np.array_equal(read(tmp_path / "said.wav"), companded(np.concatenate((SPEECH, SILENCE))))


@pytest.mark.parametrize(
    ("options", "keys", "status", "seconds"),
    [
        ("q", "5#", "DTMF", 3.0),  # another key is no end
        ("qt", "#*", "DTMF", 3.0),
        ("qy", "5", "DTMF", 1.5),
        ("qo", "0", "OPERATOR", 1.5),
        ("qo", "#", "DTMF", 1.5),
        ("qx", "#*", "TIMEOUT", 4.0),
    ],
)
async def test_keys(system: System, tmp_path: Path, options: str, keys: str, status: str, seconds: float) -> None:
    what: list[Samples | str] = []
    for key in keys:
        what += [SPEECH, key]
    phone = await record(system, f"{tmp_path}/said.wav,0,4,{options}", *what)
    assert phone.variables["RECORD_STATUS"] == status
    assert len(read(tmp_path / "said.wav")) == pytest.approx(seconds * 8000, abs=320)


@pytest.mark.parametrize(("options", "kept"), [("q", False), ("qk", True), ("qa", True)])
async def test_hang_up_removes_the_file_unless_k(system: System, tmp_path: Path, options: str, kept: bool) -> None:
    phone = await record(system, f"{tmp_path}/said.wav,0,0,{options}", SPEECH, hang_up=True)
    assert phone.variables["RECORD_STATUS"] == "HANGUP"
    assert phone.steps[-1].startswith("Record")
    assert (tmp_path / "said.wav").exists() is kept
    if kept:
        assert np.array_equal(read(tmp_path / "said.wav"), companded(SPEECH))


async def test_append_and_numbering(system: System, tmp_path: Path) -> None:
    for options in ("qa", "qa"):
        await record(system, f"{tmp_path}/said.wav,0,0,{options}", SPEECH, "#")
    assert np.array_equal(read(tmp_path / "said.wav"), companded(np.concatenate((SPEECH, SPEECH))))
    names = [(await record(system, f"{tmp_path}/n%d.wav,0,0,q", SPEECH, "#")).variables["RECORDED_FILE"] for _ in range(3)]
    assert names == [f"{tmp_path}/n{number}" for number in range(3)]


async def test_relative_names_are_below_the_sounds(system: System, tmp_path: Path) -> None:
    await record(system, "greetings/said.wav,0,0,q", SPEECH, "#")
    assert (tmp_path / "data" / "sounds" / "greetings" / "said.wav").is_file()
    phone = await Phone(system).run("[default]\nexten => s,1,Playback(greetings/said)\n")
    assert np.array_equal(phone.samples, companded(SPEECH))


async def test_unanswered_calls(system: System, tmp_path: Path) -> None:
    phone = await Phone(system).run(f"[default]\nexten => s,1,Record({tmp_path}/said.wav,0,1,sq)\nsame => n,NoOp(on)\n")
    assert phone.variables["RECORD_STATUS"] == "SKIP"
    assert phone.steps[-1] == "NoOp(on)"
    early = await Phone(system, name="Phone/2").run(f"[default]\nexten => s,1,Record({tmp_path}/said.wav,0,1,nq)\n")
    assert early.answered_at is None
    assert early.variables["RECORD_STATUS"] == "TIMEOUT"


@pytest.mark.parametrize("arguments", ["", "noformat", ".wav"])
async def test_no_file_name_ends_the_dialplan(system: System, arguments: str) -> None:
    with LogCapture() as log:
        phone = await Phone(system).run(f"[default]\nexten => s,1,Record({arguments})\nsame => n,NoOp(on)\n")
    assert phone.variables["RECORD_STATUS"] == "ERROR"
    assert len(phone.steps) == 1
    assert log.texts(Level.WARNING)


async def test_unknown_format_or_unwritable_place_is_an_error(system: System, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for target in (f"{tmp_path}/said.nosuch", f"{tmp_path}/file/said.wav"):
        with LogCapture() as log:
            phone = await record(system, f"{target},0,1,q", SPEECH)
        assert phone.variables["RECORD_STATUS"] == "ERROR"
        assert phone.steps[-1] == "NoOp(on)"
        assert log.texts(Level.WARNING)


async def test_no_translator_to_the_files_format_is_an_error(system: System, tmp_path: Path) -> None:
    with LogCapture() as log:
        phone = await record(system, f"{tmp_path}/said.wav,0,1,q", format=g729)
    assert phone.variables["RECORD_STATUS"] == "ERROR"
    assert log.texts(Level.ERROR)


async def test_a_full_disk_ends_the_recording(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise SoundFault("no space left on device")

    monkeypatch.setattr("globstar.core.soundfile.SoundWriter.write", full)
    with LogCapture() as log:
        phone = await record(system, f"{tmp_path}/said.wav,0,0,q", SPEECH)
    assert phone.variables["RECORD_STATUS"] == "ERROR"
    assert "no space left" in log.texts(Level.ERROR)[0]


async def test_the_length_of_a_recording_can_be_asked(system: System, tmp_path: Path) -> None:
    """RECORDING_INFO(duration), also in the h extension; nothing where nothing was recorded."""
    phone = Phone(system, name="Phone/info")
    assert system.functions.read(phone.channel, "RECORDING_INFO", "duration") == ""
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Record({tmp_path}/info.wav,0,2,q)\nsame => n,Wait(1)\n")
    phone.meanwhile(phone.speak(noise(3.0, 77)))
    await phone.after(2.5)
    assert 1980 <= int(system.functions.read(phone.channel, "RECORDING_INFO", "duration")) <= 2020
    with LogCapture() as log:
        assert system.functions.read(phone.channel, "RECORDING_INFO", "size") == ""
    assert len(log.records) == 1
    await phone.end()


async def test_recordings_that_begin_together_get_numbers_of_their_own(system: System, tmp_path: Path) -> None:
    dialplan = f"[default]\nexten => s,1,Answer(,i)\nsame => n,Record({tmp_path}/n%d.wav,0,1)\n"
    phones = [Phone(system, name=f"Phone/{number}").start(dialplan) for number in range(3)]
    said = [noise(2.0, 80 + number) for number in range(3)]
    for phone, samples in zip(phones, said, strict=True):
        phone.meanwhile(phone.speak(samples))
    for phone in phones:
        await phone.end()
    names = [phone.variables["RECORDED_FILE"] for phone in phones]
    assert sorted(names) == [f"{tmp_path}/n{number}" for number in range(3)]
    for name, samples in zip(names, said, strict=True):
        assert find(companded(samples), read(Path(f"{name}.wav"))).correlation > 0.99


async def test_who_hangs_up_before_it_begins_has_the_status_of_that(system: System, tmp_path: Path) -> None:
    phone = Phone(system).start(f"[default]\nexten => s,1,Record({tmp_path}/said.wav,0,1,q)\nexten => h,1,NoOp(h)\n")
    await phone.after(0.2)  # it is being answered
    phone.hang_up()
    await phone.end()
    assert phone.variables["RECORD_STATUS"] == "HANGUP"
    assert phone.steps[-1] == "NoOp(h)"
    assert not (tmp_path / "said.wav").exists()


@pytest.mark.parametrize(
    ("there", "name", "expected"),
    [
        (["n0.wav", "n1.gsm", "n2.txt"], "{folder}/n%d.wav", "{folder}/n2"),
        (["n1.wav"], "{folder}/n%d.wav", "{folder}/n0"),
        (["0/a.wav", "1/a.ulaw"], "{folder}/%d/a.wav", "{folder}/2/a"),
        (["0-0.wav"], "{folder}/%d-%d.sln", "{folder}/1-1"),
        ([], "{folder}/none/n%d.wav", "{folder}/none/n0"),
        (["../data/sounds/n0.wav", "../data/sounds/en/n1.wav"], "n%d.wav", "n2"),
    ],
)
async def test_which_number_is_next(system: System, tmp_path: Path, there: list[str], name: str, expected: str) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    for file in there:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"")
    phone = Phone(system)
    await phone.run(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Record({name.format(folder=folder)},0,1,q)\n")
    assert phone.variables["RECORDED_FILE"] == expected.format(folder=folder)
