"""Files whose frames differ in length, or last longer than a tick: G.723.1 and Speex in Ogg, in calls and on the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.channel import ChannelState
from globstar.core.cli import run_command
from globstar.core.format import g723, speex, ulaw
from globstar.core.frame import voice
from globstar.core.recording import RecordEnd, record
from globstar.core.system import System
from globstar.dsp.tones import tone
from globstar.interfaces.cli.commands import register_commands
from globstar.modules.codecs.speex import Encoder, library
from tests.support.phone import Phone, media_system
from tests.support.switch import LogCapture
from tests.unit.modules.formats.test_g723 import FRAMES
from tests.unit.modules.formats.test_ogg_speex import file_of, header

MODULES = ("codec_speex", "format_g723", "format_ogg_speex", "res_convert", "res_musiconhold")


def speech(frames: int) -> list[bytes]:
    """A second of a tone, as packets of so many frames."""
    encode, size = Encoder(0), 320 * frames
    audio = tone("440").render(8000)
    return [encode(audio[at : at + size]) for at in range(0, len(audio) - size + 1, size)]


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sounds = tmp_path / "data" / "sounds" / "en"
    sounds.mkdir(parents=True)
    if library() is not None:
        for frames in (1, 2):
            (sounds / f"tone{frames}.spx").write_bytes(file_of(header(frames=frames), speech(frames)))
    (sounds / "low.g723").write_bytes(b"".join(FRAMES) * 4)
    (sounds / "wide.spx").write_bytes(file_of(header(16000, 1), [b"audio"]))
    async with media_system(tmp_path, modules=MODULES) as system:
        register_commands(system)
        yield system


@pytest.mark.parametrize("frames", [1, 2])
async def test_speex_is_played_to_a_phone_that_speaks_another_codec(system: System, frames: int) -> None:
    if library() is None:
        pytest.skip("libspeex is needed: tools/install-test-tools")  # in CI a skip fails the run
    phone = await Phone(system).run(f"[default]\nexten => s,1,Playback(tone{frames})\n")
    assert phone.variables["PLAYBACKSTATUS"] == "SUCCESS"
    assert abs(len(phone.samples) - 8000) <= 320
    assert phone.voice[-1][0] - phone.voice[0][0] == pytest.approx(1 - 0.02 * frames, abs=0.03)
    heard = phone.samples[1000:7000].astype(float)
    assert abs(np.abs(np.fft.rfft(heard * np.hanning(6000))).argmax() * 8000 / 6000 - 440) < 2


async def test_speex_is_played_as_it_is_to_a_phone_that_knows_it(system: System) -> None:
    if library() is None:
        pytest.skip("libspeex is needed: tools/install-test-tools")  # in CI a skip fails the run
    phone = await Phone(system, format=speex).run("[default]\nexten => s,1,Playback(tone2)\n")
    assert [frame.data for _, frame in phone.voice] == speech(2)
    assert phone.gaps == {0.04}


async def test_g723_is_played_at_its_pace(system: System) -> None:
    phone = await Phone(system, format=g723).run("[default]\nexten => s,1,Playback(low)\n")
    assert [frame.data for _, frame in phone.voice] == FRAMES * 4
    assert phone.gaps == {0.02, 0.04}  # 30 ms each, on the tick of 20
    assert phone.voice[-1][0] - phone.voice[0][0] == pytest.approx(19 * 0.03, abs=0.02)


async def test_g723_is_recorded_and_goes_on_where_it_ended(system: System, tmp_path: Path) -> None:
    phone = Phone(system, format=g723)

    async def talk() -> None:
        while not phone.channel.is_hung_up:
            for frame in FRAMES:
                phone.channel.deliver(voice(g723, frame, 240))
                await phone.after(0.03)

    phone.meanwhile(talk())
    record = f"Record({tmp_path}/said.g723,,3,aqx)"
    await phone.run(f"[default]\nexten => s,1,{record}\n same => n,{record}\n")
    assert phone.variables["RECORD_STATUS"] == "TIMEOUT"
    (tmp_path / "said.g723").rename(tmp_path / "data" / "sounds" / "en" / "said.g723")
    again = await Phone(system, format=g723, name="Phone/2").run("[default]\nexten => s,1,Playback(said)\n")
    assert len(again.voice) == pytest.approx(200, abs=3)
    assert {frame.data for _, frame in again.voice} == set(FRAMES)


async def test_what_cannot_be_played_is_told_with_its_reason(system: System) -> None:
    with LogCapture(Level.WARNING) as log:
        phone = await Phone(system).run("[default]\nexten => s,1,Playback(wide)\n")
    assert phone.variables["PLAYBACKSTATUS"] == "FAILED"
    assert any("wide.spx" in line and ".spx16" in line for line in log.texts(Level.WARNING))


async def test_speex_becomes_other_files_and_none_become_speex(system: System, tmp_path: Path) -> None:
    if library() is None:
        pytest.skip("libspeex is needed: tools/install-test-tools")  # in CI a skip fails the run
    sounds = tmp_path / "data" / "sounds"
    assert "Converted" in await run_command(system, "file convert en/tone2.spx en/tone.ulaw")
    assert abs((sounds / "en" / "tone.ulaw").stat().st_size - ulaw.bytes_for(1000)) <= 320
    assert "can only be read" in await run_command(system, "file convert en/tone.ulaw en/tone.spx")
    assert "no translators lead from g723" in await run_command(system, "file convert en/low.g723 en/low.ulaw")
    assert "Converted" in await run_command(system, "file convert en/low.g723 en/copy.g723sf")
    assert (sounds / "en" / "copy.g723sf").read_bytes() == b"".join(FRAMES) * 4


async def test_they_stand_in_the_list_of_formats(system: System) -> None:
    listed = {tuple(line.split()) for line in (await run_command(system, "core show file formats")).splitlines()}
    assert {
        ("g723", "g723sf", "g723|g723sf"), ("speex", "ogg_speex", "spx"), ("speex16", "ogg_speex16", "spx16"),
        ("speex32", "ogg_speex32", "spx32"),
    } <= listed  # fmt: skip


def recordings(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("said.*"))


async def test_a_format_to_which_no_translators_lead_is_left_out_of_several(system: System, tmp_path: Path) -> None:
    """As with format=g723sf|wav of voicemail.conf."""
    phone = Phone(system, state=ChannelState.UP)
    phone.meanwhile(phone.keep_silent())
    stem = str(tmp_path / "said")
    with LogCapture(Level.ERROR) as log:
        writers = [system.sounds.create(stem, "g723"), system.sounds.create(stem, "wav")]
        result = await record(phone.channel, writers, maximum_seconds=1)
    assert (result.end, result.duration_ms) == (RecordEnd.TIMEOUT, pytest.approx(1000, abs=40))
    assert recordings(tmp_path) == ["said.wav"]
    assert [line.count("said.g723 cannot be recorded") for line in log.texts(Level.ERROR)] == [1]
    with LogCapture(Level.ERROR):
        result = await record(phone.channel, [system.sounds.create(stem, "g723")], maximum_seconds=1)
    assert result.end is RecordEnd.FAILED
    phone.hang_up()
    await phone.stop_background()
    phone.channel.hangup()
