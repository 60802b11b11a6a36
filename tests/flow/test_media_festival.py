"""Festival: what the server is asked and what of its answers is heard; keys, cache, what can be wrong."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.system import System
from globstar.modules.apps.festival import FestivalFault, FestivalOptions, command_of, to_linear
from tests.interop.support.audio import find
from tests.support.phone import Phone, Samples, companded, media_system, noise
from tests.support.switch import LogCapture

SPEECH = noise(0.5, 77)


def nist(samples: Samples, rate: int = 8000, order: str = "01") -> bytes:
    head = f"NIST_1A\n   1024\nsample_rate -i {rate}\nsample_byte_format -s2 {order}\nend_head\n".encode()
    return head.ljust(1024, b"\0") + samples.astype("<i2" if order == "01" else ">i2").tobytes()


def riff(samples: Samples) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


class Server:
    """A Festival server that answers what it is told to."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.stays_open = False

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readline()).decode())
        if self.answer is not None:
            writer.write(self.answer)
            await writer.drain()
        if self.stays_open:
            await reader.read()
        writer.close()


def whole(data: bytes) -> bytes:
    return b"WV\n" + data.replace(b"ft_StUfF_key", b"ft_StUfF_keyX") + b"ft_StUfF_keyLP\nNILft_StUfF_keyOK\n"


@pytest.fixture
def more() -> str:
    return ""


@pytest.fixture
def server() -> Server:
    return Server(whole(nist(SPEECH)))


@pytest.fixture
async def system(tmp_path: Path, server: Server, more: str) -> AsyncIterator[System]:
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    conf = f"[general]\nhost=127.0.0.1\nport={listening.sockets[0].getsockname()[1]}\ncachedir={tmp_path}/cache\n{more}"
    async with media_system(tmp_path, {"festival.conf": conf}, ["app_festival"]) as system:
        yield system
    listening.close()
    await listening.wait_closed()


def dial(system: System, arguments: str = "Hello there") -> Phone:
    phone = Phone(system, extension="1")
    plan = f"[default]\nexten => 1,1,Answer(,i)\nsame => n,Festival({arguments})\nsame => n,NoOp(on)\n"
    plan += "exten => 55,1,NoOp(fifty-five)\n"
    return phone.start(plan)


async def test_a_text_is_said(system: System, server: Server) -> None:
    phone = await dial(system, '"Say ""hello"" to\\\\ us"').end()
    assert phone.steps[-1] == "NoOp(on)"
    assert find(phone.samples, companded(SPEECH)) is not None
    [asked] = server.asked
    assert asked.startswith('(tts_textasterisk "Say hello to')
    assert asked.endswith("'file)(quit)\n")


def test_the_text_cannot_leave_its_string() -> None:
    options = FestivalOptions()
    assert command_of(options, 'a") (system "rm') == b'(tts_textasterisk "a\\") (system \\"rm" \'file)(quit)\n'
    assert command_of(options, 'a\\") (b') == b'(tts_textasterisk "a\\\\\\") (b" \'file)(quit)\n'
    assert command_of(options, "a\nb") == b'(tts_textasterisk "a b" \'file)(quit)\n'


async def test_a_key_ends_it_and_is_dialled(system: System) -> None:
    phone = dial(system, "Hello,any")
    while not phone.voice:
        await phone.after(0.02)
    await phone.press("5")
    await phone.press("5")
    await phone.end()
    assert phone.steps[-1] == "NoOp(fifty-five)"
    assert len(phone.samples) < len(SPEECH)


async def test_other_keys_do_nothing(system: System) -> None:
    phone = dial(system, "Hello,12")
    while not phone.voice:
        await phone.after(0.02)
    await phone.press("5")
    await phone.end()
    assert phone.steps[-1] == "NoOp(on)"


async def test_a_caller_who_hangs_up(system: System) -> None:
    phone = dial(system)
    while not phone.voice:
        await phone.after(0.02)
    phone.hang_up()
    await phone.end()
    assert "NoOp(on)" not in phone.steps


@pytest.mark.parametrize("more", ["usecache=yes"])
async def test_what_was_said_is_kept(system: System, server: Server, tmp_path: Path) -> None:
    await dial(system).end()
    server.answer = None
    phone = await dial(system).end()
    assert find(phone.samples, companded(SPEECH)) is not None
    assert len(server.asked) == 1
    assert len(await asyncio.to_thread(lambda: list((tmp_path / "cache").iterdir()))) == 1


@pytest.mark.parametrize("more", ["festivalcommand=(SayText %s)\\n"])
async def test_a_server_that_stays_connected(system: System, server: Server) -> None:
    server.answer, server.stays_open = b"OK\nWV\n" + nist(SPEECH) + b"ft_StUfF_key", True
    phone = await dial(system).end()
    assert server.asked == ["(SayText Hello there)\n"]
    assert find(phone.samples, companded(SPEECH)) is not None


@pytest.mark.parametrize(
    "answer",
    [b"", None, b"ER\n", b"WV\nabc", b"HTTP/1.1 400\r\n", whole(b"NIST_1A\n  xx\n"), whole(b"RIFFxxxx"), b"x" * 3_000_000],
)
async def test_answers_that_make_no_sense(system: System, server: Server, answer: bytes | None) -> None:
    server.answer = answer
    with LogCapture() as log:
        phone = await dial(system).end()
    assert len(log.texts(Level.ERROR)) == 1
    assert "NoOp(on)" not in phone.steps


async def test_no_server_and_no_text(tmp_path: Path) -> None:
    async with media_system(tmp_path, {"festival.conf": "[general]\nport=1\nprt=2\n"}, ["app_festival"]) as system:
        with LogCapture() as log:
            for arguments in ("Hello", ""):
                assert "NoOp(on)" not in (await dial(system, arguments).end()).steps
        assert (len(log.texts(Level.ERROR)), len(log.texts(Level.WARNING))) == (1, 1)


def test_sound_files() -> None:
    expected = SPEECH.astype("<i2").tobytes()
    for data in (expected, expected + b"x", nist(SPEECH), nist(SPEECH, order="10"), riff(SPEECH)):
        assert to_linear(data) == expected
    tone = (8000 * np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000)).astype(np.int16)
    assert abs(len(to_linear(nist(tone, 16000))) - 16000) < 200
    with pytest.raises(FestivalFault):
        to_linear(nist(tone, 1))


def test_the_end_may_stand_in_the_sound() -> None:
    async def read() -> bytes:
        from globstar.modules.apps.festival import _data

        reader = asyncio.StreamReader()
        reader.feed_data(b"abft_StUfF_keyXcdft_StUfF_keyOK\n")
        reader.feed_eof()
        return await _data(reader)

    assert asyncio.run(read()) == b"abft_StUfF_keycd"
