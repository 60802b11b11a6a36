"""The cel commands, against the recorded texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time


async def test_cel_show_status(shared: Path, tmp_path: Path) -> None:
    calls = shared / "vectors" / "calls"
    observed = json.loads((calls / "g10_misc_idle.json").read_text())["observed"]
    recorded = {entry["command"]: entry["output"] for entry in observed["cli"]}
    files = {name: (calls / "config" / name).read_text() for name in ("cel.conf", "cel_custom.conf")}
    async with await World.start("", files=files, root=tmp_path) as w:
        assert await run_command(w.system, "cel show status") == recorded["cel show status"]
        assert "cel_custom" in await run_command(w.system, "cel show backends")
        assert "Usage" in await run_command(w.system, "cel show status now")
        w.files["cel.conf"] = "[general]\nenable=yes\nevents=ANSWER,CHAN_START\napps=park,dial\n"
        await w.system.loader.reload("cel")
        assert (await run_command(w.system, "cel show status")).splitlines()[1:] == [
            "CEL Tracking Event: CHAN_START",
            "CEL Tracking Event: ANSWER",
            "CEL Tracking Application: park",
            "CEL Tracking Application: dial",
            "CEL Event Subscriber: CEL Custom CSV Logging",
        ]
        w.files["cel.conf"] = "[general]\nenable=no\n"
        await w.system.loader.reload("cel")
        assert await run_command(w.system, "cel show status") == "CEL Logging: Disabled\n"
