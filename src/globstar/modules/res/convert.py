"""File format conversion CLI command."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.soundfile import SoundFault
from globstar.core.soundstore import SoundStore
from globstar.core.soundstore import load as load_sound
from globstar.core.system import System

#: So many frames are read before the writer's thread has to have written them.
_FRAMES_AT_ONCE = 1000


@cli_command("file convert", usage="file convert <file_in> <file_out>")
async def file_convert(system: System, args: list[str]) -> str:
    """Convert a sound file to another format.

    The formats are known by the endings of the names: ``file convert tt-weasels.gsm tt-weasels.ulaw``. Names that do not
    begin with a slash are relative to the folder of the sounds.
    """
    if len(args) != 2 or not all(args):
        raise CliUsage
    began = time.monotonic()
    try:
        await system.run_blocking(_convert, system, args[0], args[1])
    except (SoundFault, OSError) as error:
        raise CliFailure(f"Unable to convert {args[0]}: {error}") from error
    return f"Converted {args[0]} to {args[1]} in {round((time.monotonic() - began) * 1000)}ms"


def _convert(system: System, source: str, destination: str) -> None:
    sounds = system.sounds
    name, _, ending = source.rpartition(".")
    name_out, _, ending_out = destination.rpartition(".")
    if not name or sounds.format_for(ending) is None:
        raise SoundFault(f"'{ending}' is no known ending of a sound file")
    made = sounds.format_for(ending_out)
    if not name_out or made is None:
        raise SoundFault(f"'{ending_out}' is no known ending of a sound file")
    found = next((sound for sound in sounds.find_all(name) if sound.path.suffix == f".{ending}"), None)
    if found is None:
        raise SoundFault("there is no such file")
    _, _, data = load_sound(found)
    if found.path == _path(sounds, destination):
        raise SoundFault("both names are those of the same file")
    path = None
    if data.format.codec is not made.format.codec:
        path = system.translation.build_path(data.format, made.format)
        if path is None:
            raise SoundFault(f"no translators lead from {data.format} to {made.format}")
    writer = sounds.create(name_out, ending_out)
    try:
        reader = data.open()
        for number in count(1):
            frame = reader.next_frame()
            if frame is None:
                break
            translated = path.translate(frame) if path is not None else frame
            if translated is not None:
                writer.write(translated)
            if number % _FRAMES_AT_ONCE == 0:  # reading is faster than writing
                writer.flush()
    finally:
        writer.close()


def _path(sounds: SoundStore, name: str) -> Path:
    return Path(name if name.startswith("/") else f"{sounds.root}/{name}")
