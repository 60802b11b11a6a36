"""features.conf in a running system, and ``features show`` against the recorded text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from globstar.core.features import settings_of
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time


async def test_features_show(shared: Path) -> None:
    calls = shared / "vectors" / "calls"
    observed = json.loads((calls / "g10_misc_idle.json").read_text())["observed"]
    texts = {entry["command"]: entry["output"] for entry in observed["cli"] if "command" in entry}
    files = {"features.conf": (calls / "config" / "features.conf").read_text()}
    async with await World.start("", files=files) as world:
        assert await run_command(world.system, "features show") == texts["features show"]


async def test_without_a_file_the_defaults_are_in_force() -> None:
    async with await World.start("") as world:
        settings = settings_of(world.system)
        assert (settings.blindxfer, settings.disconnect, settings.feature_digit_timeout) == ("#", "*", 1.0)
        assert "Dynamic Feature" in await run_command(world.system, "features show")
        await world.system.loader.unload("builtin_features", force=True)
        assert settings_of(world.system).blindxfer == "#"
        await world.system.loader.load("builtin_features")
