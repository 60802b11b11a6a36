"""Recordings in Ogg Vorbis: by Record, MixMonitor and voicemail, heard again as what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from globstar.base.log import Level
from globstar.core.system import System
from globstar.modules.formats.ogg_vorbis import OGG_VORBIS
from tests.interop.support.audio import find
from tests.support.phone import Phone, Samples, media_system, noise
from tests.support.switch import LogCapture
from tests.support.voicemail import leave, spool, write_prompts

SPEECH = noise(1.5, 31)
SILENCE = np.zeros(24_000, np.int16)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    write_prompts(tmp_path / "data" / "sounds" / "en")
    config = "[general]\nformat=ogg|wav\nmaxsilence=2\n[default]\n100 => 1234,Alice\n"
    async with media_system(tmp_path, {"voicemail.conf": config}, modules=["app_mixmonitor", "format_ogg_vorbis"]) as system:
        yield system


def heard(path: Path) -> Samples:
    return np.frombuffer(OGG_VORBIS.parse(path.read_bytes()).open().read_rest(), "<i2")


def is_said_at(recording: Samples, place: int) -> bool:
    """Whether what was said is there; of noise the coder leaves most."""
    found = find(recording[place:], SPEECH[800:8800])
    return found.correlation > 0.7 and abs(found.offset - 800) < 4


async def record(system: System, arguments: str, *what: Samples | str) -> Phone:
    phone = Phone(system, name=f"Phone/{system.now()}")
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Record({arguments})\n")
    await phone.after(0.02)
    for part in what:
        if isinstance(part, str):
            phone.key(part)
        else:
            await phone.speak(part)
    return await phone.end()


async def test_record_makes_a_file_cuts_silence_off_and_adds(system: System, tmp_path: Path) -> None:
    path = tmp_path / "said.ogg"
    phone = await record(system, f"{path},0,0,q", SPEECH, "#")
    assert phone.variables["RECORD_STATUS"] == "DTMF"
    assert len(heard(path)) == 12_000
    assert is_said_at(heard(path), 0)
    phone = await record(system, f"{path},2,0,qa", SPEECH, SILENCE)
    assert phone.variables["RECORD_STATUS"] == "SILENCE"
    assert len(heard(path)) == 24_000
    assert is_said_at(heard(path), 12_000)
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("OGG", "VORBIS", 8000, 1)


async def test_a_file_of_another_kind_is_kept_and_told(system: System, tmp_path: Path) -> None:
    path = tmp_path / "said.ogg"
    path.write_bytes(b"no sound at all")
    with LogCapture() as log:
        phone = await record(system, f"{path},0,0,qa", SPEECH, "#")
    assert phone.variables["RECORD_STATUS"] == "ERROR"
    assert any("cannot append to" in text and "said.ogg" in text for text in log.texts(Level.WARNING))
    assert path.read_bytes() == b"no sound at all"


async def test_mixmonitor(system: System) -> None:
    phone = Phone(system)
    phone.start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(call.ogg)\nsame => n,Wait(1.6)\nsame => n,StopMixMonitor()\n"
    )
    phone.meanwhile(phone.speak(SPEECH))
    await phone.end()
    path = Path(phone.variables["MIXMONITOR_FILENAME"])
    assert path.suffix == ".ogg"
    recording = heard(path)
    assert find(recording, SPEECH[800:8800]).correlation > 0.7
    assert 11_000 <= len(recording) <= 13_000


async def test_voicemail(system: System, tmp_path: Path) -> None:
    await leave(system, what=SPEECH)
    inbox = spool(tmp_path) / "default" / "100" / "INBOX"
    assert sorted(path.name for path in inbox.iterdir()) == ["msg0000.ogg", "msg0000.txt", "msg0000.wav"]
    assert len(heard(inbox / "msg0000.ogg")) == soundfile.info(inbox / "msg0000.wav").frames
    assert is_said_at(heard(inbox / "msg0000.ogg"), 0)
