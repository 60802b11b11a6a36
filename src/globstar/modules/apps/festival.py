"""Simple Festival Interface: speech by a Festival server (festival.conf)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, integer, string
from globstar.core.channel import Channel
from globstar.core.digits import ALL_DIGITS
from globstar.core.format import slin
from globstar.core.frame import Frame, FrameType
from globstar.core.playback import FilePlayer
from globstar.core.registry import application
from globstar.core.soundfile import whole_blocks
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments
from globstar.dsp.resample import Resampler

logger = Logger("app_festival")

_OPTIONS = "festival options"
#: What ends data in the protocol of the server, what stands in the data for it, and the answers.
_END, _MASKED_END = b"ft_StUfF_key", b"ft_StUfF_keyX"
_WAVE, _LISP, _OK, _ERROR = b"WV\n", b"LP\n", b"OK\n", b"ER\n"
#: How long the server may take, seconds, and the most that it may send (ten minutes).
TIME_LIMIT, SIZE_LIMIT = 30.0, 600 * 16000
#: How long a key may stand at the end of what came before it is taken for the end, seconds.
LAST_WAIT = 0.3
_COMMAND = '(tts_textasterisk "%s" \'file)(quit)\\n'


class FestivalOptions(Options):
    """``[general]`` of festival.conf."""

    host: str = option(string, "localhost", help="Where the server is.")
    port = option(integer(1, 65535), 1314, help="Its port.")
    usecache = option(boolean, False, help="Keep what was said in files.")
    cachedir: str = option(string, "", help="Their folder.")
    festivalcommand: str = option(string, _COMMAND, help="What the server is sent; %s is the text.")


class FestivalFault(GlobstarError):
    """The server cannot be reached, or does not speak."""


def load(system: System) -> None:
    """Read festival.conf."""
    config = system.configuration.read("festival.conf")
    report = Report()
    options = FestivalOptions()
    for category in config or ():
        if category.name.lower() == "general":
            options = FestivalOptions.read(category, report)
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    system.services[_OPTIONS] = options


def reload(system: System) -> None:
    """Read festival.conf again."""
    load(system)


def unload(system: System) -> None:
    """Forget it."""
    system.services.pop(_OPTIONS, None)


@application("Festival", syntax="Festival(text[,intkeys])")
async def festival(channel: Channel, data: str) -> int | str:
    """Say a text by the Festival server of festival.conf.

    A key of ``intkeys`` (``any`` for all) ends it; the dialplan goes on as if it had been dialled.
    """
    arguments = split_arguments(data)
    text, keys = argument(arguments, 0), argument(arguments, 1).strip()
    if not text:
        logger.warning("Festival requires an argument (text)")
        return -1
    options = channel.system.service(_OPTIONS, FestivalOptions) or FestivalOptions()
    keys = ALL_DIGITS if keys.lower() == "any" else keys
    await channel.answer()
    try:
        sound = await speech(channel.system, options, text)
    except FestivalFault as fault:
        logger.error(f"Festival: {fault}")
        return -1
    return await _say(channel, sound, keys) or 0


async def _say(channel: Channel, sound: bytes, keys: str) -> str | None:
    """Play signed linear of 8 kHz; the key that ended it."""
    ended: asyncio.Future[None] = channel.system.loop.create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    def press(frame: Frame) -> str | None:
        return frame.digit if frame.type is FrameType.DTMF_END and frame.digit in keys else None

    player = FilePlayer(whole_blocks(slin, sound).open(), end)
    channel.start_generator(player)
    try:
        digit: str | None = await channel.wait_for(ended, press)
        return digit
    finally:
        if channel.generator is player:
            channel.stop_generator()


async def speech(system: System, options: FestivalOptions, text: str) -> bytes:
    """The text as signed linear of 8 kHz, from the cache if it is there. Raises :class:`FestivalFault`."""
    file: Path | None = None
    if options.usecache and options.cachedir:
        key = hashlib.sha256(f"{options.festivalcommand}\n{text}".encode("utf-8", "surrogateescape")).hexdigest()
        file = Path(options.cachedir) / f"{key}.sln"
        kept = await system.run_blocking(_read, file)
        if kept is not None:
            return kept
    try:
        wave = await asyncio.wait_for(_ask(options, text), TIME_LIMIT)
    except TimeoutError as error:
        raise FestivalFault(f"{options.host}:{options.port} takes more than {TIME_LIMIT:g} s") from error
    except OSError as error:
        raise FestivalFault(f"{options.host}:{options.port}: {error}") from error
    sound = await system.run_blocking(to_linear, wave)
    if file is not None:
        await system.run_blocking(_keep, file, sound)
    return sound


def command_of(options: FestivalOptions, text: str) -> bytes:
    """What the server is sent: the text as a string of Scheme."""
    quoted = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    command = options.festivalcommand.replace("\\n", "\n").replace("%s", quoted)
    return command.encode("utf-8", "surrogateescape")


async def _ask(options: FestivalOptions, text: str) -> bytes:
    """The sound file that the server makes. Raises OSError and :class:`FestivalFault`."""
    reader, writer = await asyncio.open_connection(options.host, options.port, limit=1 << 20)
    try:
        writer.write(command_of(options, text))
        await writer.drain()
        while True:
            kind = await reader.readline()
            if kind == _WAVE:
                return await _data(reader)
            if kind == _LISP:
                await _data(reader)
            elif kind == _ERROR:
                raise FestivalFault("the server reports an error in the command")
            elif not kind:
                raise FestivalFault("the server sent no sound")
            elif kind != _OK:
                raise FestivalFault(f"the server answered {kind[:20]!r}")
    except asyncio.LimitOverrunError as error:
        raise FestivalFault("the server answered nonsense") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _data(reader: asyncio.StreamReader) -> bytes:
    """What comes up to the key that ends it."""
    found = bytearray()
    while True:
        at = 0
        while (at := found.find(_END, at)) >= 0:
            if found[at : at + len(_MASKED_END)] == _MASKED_END:
                at += len(_MASKED_END)
            elif len(found) > at + len(_END) or not await _more(reader, found, LAST_WAIT):
                return bytes(found[:at]).replace(_MASKED_END, _END)
        if len(found) > SIZE_LIMIT:
            raise FestivalFault("the server sends too much")
        if not await _more(reader, found):
            raise FestivalFault("the server's answer has no end")


async def _more(reader: asyncio.StreamReader, found: bytearray, seconds: float | None = None) -> bool:
    """Read more; False at the end, and if nothing comes for ``seconds``."""
    try:
        data = await asyncio.wait_for(reader.read(65536), seconds)
    except TimeoutError:
        return False
    found += data
    return bool(data)


@dataclass(frozen=True, slots=True)
class _Nist:
    """The header of a NIST sphere file."""

    size: int
    rate: int
    is_big: bool


def _nist(data: bytes) -> _Nist | None:
    if not data.startswith(b"NIST_1A\n"):
        return None
    try:
        size = int(data[8:16])
        fields = {
            parts[0]: parts[2]
            for line in data[16:size].decode("ascii", "replace").splitlines()
            if len(parts := line.split()) == 3
        }
        return _Nist(size, int(fields.get("sample_rate", "8000")), fields.get("sample_byte_format", "01") == "10")
    except ValueError as error:
        raise FestivalFault("the server's sound file cannot be read") from error


def to_linear(data: bytes) -> bytes:
    """A sound file as Festival makes it (NIST, RIFF, or raw samples of 8 kHz) as signed linear of 8 kHz.

    Raises :class:`FestivalFault`.
    """
    import numpy as np

    header = _nist(data)
    if header is not None:
        samples = np.frombuffer(data[header.size : len(data) - (len(data) - header.size) % 2], ">i2" if header.is_big else "<i2")
        rate = header.rate
    elif data.startswith((b"RIFF", b".snd", b"FORM")):
        import soundfile

        try:
            read, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
        except RuntimeError as error:
            raise FestivalFault(f"the server's sound file cannot be read: {error}") from error
        samples = read[:, 0]
    else:
        samples, rate = np.frombuffer(data[: len(data) & ~1], "<i2"), 8000
    if not 4000 <= rate <= 96000:
        raise FestivalFault(f"the server's sound file has {rate} Hz")
    linear = samples.astype("<i2").tobytes()
    return linear if rate == 8000 else Resampler(rate, 8000)(linear)


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _keep(file: Path, sound: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_bytes(sound)
        new.replace(file)
    except OSError as error:
        logger.warning(f"Festival: {file.parent}: {error.strerror}")
