"""Applications that run programs or keep files: ExternalIVR, MP3Player, Dictate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from globstar.base.log import Level
from globstar.core.format import slin
from globstar.core.system import System
from tests.interop.support.audio import find, sine, tone_share
from tests.support.phone import Phone, companded, media_system, noise, sound
from tests.support.switch import LogCapture
from tests.support.virtual_loop import VirtualTimeLoop

pytestmark = pytest.mark.virtual_time

FIRST, SECOND = noise(0.4, 61), noise(0.4, 62)
PROMPTS = (
    "forhelp play_help record_help both_help paused playback record playback_mode record_mode truncating_audio enter_filename"
).split()


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sounds = tmp_path / "data" / "sounds" / "en"
    sound(sounds, "first", FIRST)
    sound(sounds, "second", SECOND)
    for name in PROMPTS:
        sound(sounds, f"dictate/{name}", noise(0.1, 63))
    async with media_system(tmp_path, modules=["app_externalivr", "app_mp3", "app_dictate"]) as system:
        yield system


async def settle() -> None:
    """Wait until the programs of calls that are over have ended."""
    parts = ("of ExternalIVR", "of MP3Player")
    tasks = [task for task in asyncio.all_tasks() if any(part in task.get_name() for part in parts)]
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    with loop.real_time():  # a process that ends sets no timer
        await asyncio.gather(*tasks, return_exceptions=True)


class IvrServer:
    """The server of ExternalIVR: says commands, keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.writer: asyncio.StreamWriter | None = None
        self.connected = asyncio.Event()
        self._heard = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.connected.set()
        async for line in reader:
            tag, stamp, *data = line.decode().rstrip("\n").split(",", 2)
            assert stamp.isdecimal()
            self.lines.append(",".join([tag, *data]))
            self._heard.set()
        writer.close()

    def say(self, *commands: str) -> None:
        assert self.writer is not None
        for command in commands:
            self.writer.write(command.encode() + b"\n")

    async def told(self, line: str) -> None:
        """Wait until the server was told ``line``."""
        async with asyncio.timeout(60):
            while line not in self.lines:
                self._heard.clear()
                await self._heard.wait()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        if self.writer is not None:
            self.writer.close()


@pytest.fixture
async def server() -> AsyncIterator[IvrServer]:
    server = IvrServer()
    yield server
    await server.close()


async def connect(system: System, server: IvrServer, options: str = "") -> Phone:
    port = await server.open()
    phone = Phone(system)
    phone.start(
        f"[default]\nexten => s,1,Set(COLOUR=red)\nsame => n,ExternalIVR(ivr://127.0.0.1:{port}(one,two),{options})\n"
        "same => n,NoOp(on)\nexten => h,1,NoOp(over)\n"
    )
    await server.connected.wait()
    return phone


async def test_ivr_sounds_variables_and_keys(system: System, server: IvrServer) -> None:
    phone = await connect(system, server)
    server.say("P", "G,COLOUR,NONE", "V,SIZE=big,SHAPE=round", "A,nosuch", "A,first", "A,second", "what", "O,colour")
    await server.told("F,second")
    assert find(phone.samples, companded(FIRST)[400:2800]).correlation > 0.99
    assert find(phone.samples, companded(SECOND)[400:2800]).correlation > 0.99
    for digit in "5#":
        phone.key(digit)
    await server.told("#")
    server.say("E,done")
    await phone.end()
    await server.told("E")
    target = server.lines[0].split(",")[1]
    assert server.lines[0] == f"P,{target},one,two"
    assert server.lines[1:] == ["G,COLOUR=red,NONE=", "Z,nosuch", "Z,what", "Z,colour", "F,first", "F,second", "5", "#", "E"]
    assert (phone.variables["SIZE"], phone.variables["SHAPE"]) == ("big", "round")
    assert "NoOp(on)" in phone.steps
    assert phone.answered_at is not None


async def test_ivr_interruptions(system: System, server: IvrServer) -> None:
    phone = await connect(system, server)
    server.say("A,first", "A,second", "S,second", "I", "O,autoclear", "A,first", "G,COLOUR")
    await server.told("G,COLOUR=red")
    phone.key("7")
    await server.told("D,first")
    server.say("H,bye")
    await phone.end()
    interrupted = [line for line in server.lines if line[0] in "TD7"]
    assert interrupted == ["T", "D,first", "D,second", "T", "D,second", "7", "T", "D,first"]
    assert "NoOp(on)" not in phone.steps


@pytest.mark.parametrize(("options", "told"), [("", "H"), ("i", "I,HANGUP")])
async def test_ivr_is_told_of_the_hang_up(system: System, server: IvrServer, options: str, told: str) -> None:
    phone = await connect(system, server, options)
    server.say("L,hello")
    await phone.after(0.1)
    phone.hang_up()
    await server.told(told)
    if options:
        assert not phone.channel.is_hung_up
        server.say("E")
    await phone.end()
    assert phone.steps[-1] == "NoOp(over)"


async def test_ivr_server_gone_or_not_there(system: System, server: IvrServer) -> None:
    phone = await connect(system, server, "n")
    assert phone.answered_at is None
    server.say("T", "G,COLOUR")
    await server.told("G,COLOUR=red")
    assert phone.answered_at is not None
    with LogCapture() as log:
        assert server.writer is not None
        server.writer.close()
        await phone.end()
    assert any("the other side is gone" in text for text in log.texts(Level.WARNING))
    assert "NoOp(on)" not in phone.steps
    await server.close()
    for target in ("ivr://127.0.0.1:1", "ivr://", "/no/such/program", ""):
        with LogCapture() as log:
            await Phone(system, name=f"Phone/{target or 'none'}").run(f"[default]\nexten => s,1,ExternalIVR({target})\n")
        assert log.texts(Level.WARNING) + log.texts(Level.ERROR), target


@pytest.mark.parametrize(("options", "runs"), [("d", True), ("", False), ("i", False)])
async def test_ivr_d_runs_after_the_hang_up(system: System, server: IvrServer, options: str, runs: bool) -> None:
    port = await server.open()
    phone = Phone(system).start(
        "[default]\nexten => s,1,Set(COLOUR=red)\nsame => n,Wait(60)\n"
        f"exten => h,1,ExternalIVR(ivr://127.0.0.1:{port},{options})\nsame => n,NoOp(after)\n"
    )
    await phone.after(0.1)
    phone.hang_up()
    if runs:
        await server.connected.wait()
        server.say("G,COLOUR", "V,SIZE=big", "E")
        await server.told("G,COLOUR=red")
    await phone.end()
    assert server.connected.is_set() is runs
    assert (phone.variables.get("SIZE") == "big") is runs
    assert (phone.steps[-1] == "NoOp(after)") is runs


async def test_ivr_program(system: System, tmp_path: Path) -> None:
    program = tmp_path / "ivr"
    program.write_text(
        "#!/bin/sh\necho \"V,ARGS=$1/$2\"\necho A,first\necho 'a word' >&2\n"
        'while read -r line; do case "$line" in F,*) echo E,done; exit;; esac; done\n'
    )
    program.chmod(0o755)
    with LogCapture(Level.NOTICE) as log:
        phone = await Phone(system).run(f"[default]\nexten => s,1,ExternalIVR({program}(one,two))\nsame => n,NoOp(on)\n")
        await settle()
        assert "stderr: a word" in log.texts(Level.NOTICE)
    assert phone.variables["ARGS"] == "one/two"
    assert phone.steps[-1] == "NoOp(on)"
    assert find(phone.samples, companded(FIRST)[400:2800]).correlation > 0.99


async def test_mp3(system: System, tmp_path: Path) -> None:
    file = tmp_path / "data" / "sounds" / "tone.mp3"
    soundfile.write(file, np.tile(sine(700, 1.5)[:, None], (1, 2)), 8000, format="MP3")
    phone = await Phone(system).run("[default]\nexten => s,1,Answer(,i)\nsame => n,MP3Player(tone.mp3)\nsame => n,NoOp(on)\n")
    assert phone.steps[-1] == "NoOp(on)"
    heard = phone.samples
    loud = heard[np.abs(heard) > 0]
    assert 1.3 <= len(loud) / 8000 <= 1.8
    assert tone_share(loud, 700, 30) > 0.85
    phone = Phone(system, name="Phone/2").start(
        f"[default]\nexten => s,1,Answer(,i)\nsame => n,MP3Player({file})\nsame => n,NoOp(on)\n"
    )
    await phone.after(0.2)
    phone.key("1")
    await phone.end()
    assert phone.steps[-1] == "NoOp(on)"
    assert len(phone.samples) < 8000
    await settle()
    with LogCapture() as log:
        for location in ("", "nosuch.mp3"):
            await Phone(system, name=f"Phone/{location}").run(f"[default]\nexten => s,1,MP3Player({location})\n")
    assert len(log.texts(Level.WARNING)) == 2


async def press(phone: Phone, keys: str) -> None:
    """Keys, with time for what is said after each."""
    for key in keys:
        phone.key(key)
        await phone.after(0.5)


async def test_dictation(system: System, tmp_path: Path) -> None:
    said, more = noise(1.0, 64), noise(0.5, 65)
    phone = Phone(system, format=slin)
    phone.start(f"[default]\nexten => s,1,Dictate({tmp_path}/notes)\nsame => n,NoOp(on)\n")
    await phone.prompt("dictate/enter_filename")
    await phone.press("42#", pause=0.3)
    await phone.prompt("dictate/forhelp")
    await phone.after(0.3)
    await press(phone, "1*")
    await phone.speak(said)
    await press(phone, "*")
    await phone.speak(noise(0.3, 66))  # while it is paused
    await press(phone, "*")
    await phone.speak(more)
    await press(phone, "1")
    file = tmp_path / "notes" / "42.raw"
    recorded = np.frombuffer(file.read_bytes(), "<i2")
    assert find(recorded, said).correlation > 0.999
    assert find(recorded, more).correlation > 0.999
    assert len(recorded) == len(said) + len(more)
    before = len(phone.samples)
    await phone.after(2.0)  # it plays, since it was not paused
    heard = phone.samples[before - 4000 :]
    assert find(heard, said[800:6000]).correlation > 0.99
    assert phone.prompts[-1] == "dictate/paused"
    await press(phone, "220*")
    fast = len(phone.samples)
    await phone.after(1.0)
    assert len(phone.samples) - fast < 6000
    await press(phone, "18")
    assert not file.exists()
    assert phone.prompts[-2:] == ["dictate/record_mode", "dictate/truncating_audio"]
    await press(phone, "#")
    assert phone.prompts[-1] == "dictate/enter_filename"
    await phone.end()
    assert phone.steps[-1] == "NoOp(on)"


async def test_a_key_ends_a_prompt_of_the_dictation_and_is_obeyed(system: System, tmp_path: Path) -> None:
    for name in ("forhelp", "play_help", "both_help", "record_mode", "record", "paused", "enter_filename"):
        sound(tmp_path / "data" / "sounds" / "en" / "dictate", name, noise(5.0, 68))
    phone = Phone(system, format=slin)
    phone.start(f"[default]\nexten => s,1,Dictate({tmp_path}/notes,9)\n")
    await phone.prompt("dictate/forhelp")
    began = phone.clock
    await press(phone, "01*")
    said = noise(0.4, 69)
    phone.key("D")  # means nothing, and ends the prompt
    await phone.after(0.1)
    await phone.speak(said)
    await press(phone, "*#")
    assert phone.clock - began < 4
    assert phone.prompts == [
        f"dictate/{name}" for name in ("forhelp", "play_help", "record_mode", "record", "paused", "enter_filename")
    ]
    recorded = np.frombuffer((tmp_path / "notes" / "9.raw").read_bytes(), "<i2")
    assert find(recorded, said).correlation > 0.999
    phone.hang_up()
    await phone.end()


async def test_dictation_goes_on_with_a_file_and_refuses_bad_names(system: System, tmp_path: Path) -> None:
    for _ in range(2):
        phone = Phone(system, format=slin, name=f"Phone/{system.now()}")
        phone.start("[default]\nexten => s,1,Dictate(,letter)\n")
        await phone.prompt("dictate/forhelp")
        await phone.after(0.3)
        await press(phone, "1*")
        await phone.speak(noise(0.5, 67))
        phone.hang_up()
        await phone.end()
    file = Path(system.directories.astspooldir) / "dictate" / "letter.raw"
    assert file.stat().st_size == 2 * 2 * 4000
    with LogCapture() as log:
        await Phone(system, name="Phone/bad").run("[default]\nexten => s,1,Dictate(,../etc)\n")
    assert any("no name of a file" in text for text in log.texts(Level.WARNING))
