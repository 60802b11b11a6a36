"""core show sounds, core show sound, core show image formats."""

from __future__ import annotations

import os
from pathlib import Path

from globstar.core.cli import CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.system import System


def _index(root: Path, extensions: dict[str, str]) -> dict[str, dict[str, set[str]]]:
    """The sounds below ``root``: name, language, formats. What lies in no folder of a language is of none.

    ``extensions`` has the format's name for each ending.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for folder, _, files in os.walk(root, followlinks=True):
        inside = Path(folder).relative_to(root)
        language = inside.parts[0] if inside.parts else ""
        place = Path(*inside.parts[1:]) if inside.parts else inside
        for file in files:
            stem, _, ending = file.rpartition(".")
            if stem and ending in extensions:
                found.setdefault(str(place / stem), {}).setdefault(language, set()).add(extensions[ending])
    return found


async def _sounds(system: System) -> dict[str, dict[str, set[str]]]:
    extensions = {ending: spec.format.name for ending, spec in system.sounds.extensions().items()}
    return await system.run_blocking(_index, Path(system.directories.astdatadir) / "sounds", extensions)


@cli_command("core show sounds")
async def show_sounds(system: System, args: list[str]) -> str:
    """List the sounds that are installed, in any language."""
    if args:
        raise CliUsage
    names = sorted(await _sounds(system))
    return CliText("\n".join(["Available audio files:", *names]), names)


@cli_command("core show sound", usage="core show sound <soundid>")
async def show_sound(system: System, args: list[str]) -> str:
    """Show in which languages and formats a sound is there."""
    if len(args) != 1:
        raise CliUsage
    found = (await _sounds(system)).get(args[0])
    if found is None:
        return f"ERROR: File {args[0]} not found in index"
    lines = [f"Indexed Information for {args[0]}:"]
    for language, formats in sorted(found.items()):
        lines += [f"  Language {language}:", *(f"    Format: {name}" for name in sorted(formats))]
    return CliText("\n".join(lines), {language: sorted(formats) for language, formats in found.items()})


@cli_command("core show image formats")
def show_image_formats(system: System, args: list[str]) -> str:
    """List the formats in which pictures can be sent; no channel of this server takes any."""
    if args:
        raise CliUsage
    heads = f"{'Name':>10} {'Extensions':<10} {'Description':>50} {'Format':>10}"
    rules = f"{'----':>10} {'----------':<10} {'-----------':>50} {'------':>10}"
    return CliText(f"{heads}\n{rules}\n\n0 image formats registered.", [])
