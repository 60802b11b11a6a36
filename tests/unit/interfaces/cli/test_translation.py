"""``core show translation`` in its three ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
from globstar.modules.codecs import ilbc
from tests.support.switch import running_system

MODULES = {"modules.conf": "[modules]\nautoload=no\nload=codec_ulaw\nload=codec_alaw\nload=codec_a_mu\nload=codec_resample\n"}


async def test_asterisk_core_show_translation_recalc(tmp_path: Path) -> None:
    async with running_system(tmp_path, MODULES) as system:
        register_commands(system)
        plain = (await run_command(system, "core show translation")).split("\n")
        measured = (await run_command(system, "core show translation recalc 1")).split("\n")
        assert measured[0] == "         Recalculating Codec Translation (number of sample seconds: 1)"
        assert measured[1] == ""
        assert [line.split()[:1] for line in measured[2:]] == [line.split()[:1] for line in plain]
        assert measured[3:5] == plain[1:3]
        paths = await run_command(system, "core show translation paths alaw 8000")
        assert "(alaw@8000)->(ulaw@8000)" in paths
        for wrong in ("recalc soon", "recalc 1 2", "recalc \u00b2", "perhaps"):
            assert (await run_command(system, f"core show translation {wrong}")).startswith("Usage: core show translation")


@pytest.mark.parametrize(
    ("codec", "rate"),
    [("slin 8000", 8000), ("slin 44100", 44100), ("slin16", 16000), ("speex 32000", 32000), ("g722 16000", 16000)],
)
async def test_a_codec_at_a_rate(tmp_path: Path, codec: str, rate: int) -> None:
    async with running_system(tmp_path, MODULES) as system:
        register_commands(system)
        shown = await run_command(system, f"core show translation paths {codec}")
        assert shown.split("\n")[0].endswith(f"sample rate {rate} ---")


@pytest.mark.parametrize("codec", ["slin 7000", "ulaw 16000", "slin x", "slin \u0661", f"slin {'9' * 5000}"])
async def test_a_codec_that_has_no_such_rate(tmp_path: Path, codec: str) -> None:
    async with running_system(tmp_path, MODULES) as system:
        register_commands(system)
        shown = await run_command(system, f"core show translation paths {codec}")
        assert shown == f'Codec "{codec.partition(" ")[0]}" not found\n'


#: What was loaded when Asterisk was asked.
RECORDED = ("ulaw", "alaw", "a_mu", "resample", "codec2", "gsm", "g722", "g726", "adpcm", "lpc10", "speex", "ilbc", "opus")


def outputs(recorded: Any) -> Iterator[str]:
    """The answers of all commands in a recording."""
    if isinstance(recorded, dict):
        if isinstance(recorded.get("output"), str):
            yield recorded["output"]
        for value in recorded.values():
            yield from outputs(value)
    elif isinstance(recorded, list):
        for value in recorded:
            yield from outputs(value)


@pytest.mark.skipif(ilbc.library() is None, reason="the native module was not built")
@pytest.mark.parametrize(
    ("command", "title"),
    [("core show translation", "Translation times"), ("core show translation paths ulaw", "--- Translation paths")],
)
async def test_asterisk_costs_and_paths_of_all_codecs(tmp_path: Path, shared: Path, command: str, title: str) -> None:
    recording = json.loads((shared / "vectors" / "calls" / "g10_misc_idle.json").read_text())
    theirs = next(text for text in outputs(recording) if text.lstrip().startswith(title))
    modules = "[modules]\nautoload=no\n" + "".join(f"load=codec_{name}\n" for name in RECORDED)
    async with running_system(tmp_path, {"modules.conf": modules}) as system:
        register_commands(system)
        ours = await run_command(system, command)
    assert [line.rstrip() for line in ours.split("\n")] == [line.rstrip() for line in theirs.split("\n")]
