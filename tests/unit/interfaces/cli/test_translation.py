"""``core show translation`` in its three ways."""

from __future__ import annotations

from pathlib import Path

from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
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
        for wrong in ("recalc soon", "recalc 1 2", "perhaps"):
            assert (await run_command(system, f"core show translation {wrong}")).startswith("Usage: core show translation")
