"""The cdr commands, against the recorded texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = "[main]\nexten => 201,1,Dial(PJSIP/bob)\nexten => 300,1,Answer()\nsame => n,Wait(9)\n"


def recorded(shared: Path, scenario: str) -> dict[str, str]:
    """The outputs of a recorded scenario by command."""
    observed = json.loads((shared / "vectors" / "calls" / f"{scenario}.json").read_text())["observed"]
    return {entry["command"]: entry["output"] for entry in observed["cli"] if "command" in entry}


def config(shared: Path, *names: str) -> dict[str, str]:
    return {name: (shared / "vectors" / "calls" / "config" / name).read_text() for name in names}


async def world(files: dict[str, str]) -> World:
    world = await World.start(PLAN, files=files, tech_name="PJSIP", context="main")
    world.phone("alice", "100", "Alice Example")
    world.phone("bob", "101", "Bob Example")
    return world


async def test_cdr_show_status(shared: Path) -> None:
    async with await world(config(shared, "cdr.conf", "cdr_custom.conf")) as w:
        assert await run_command(w.system, "cdr show status") == recorded(shared, "g10_misc_idle")["cdr show status"]


async def test_cdr_show_status_in_batch_mode_and_disabled() -> None:
    async with await world({"cdr.conf": "[general]\nenable=yes\nbatch=yes\nsize=1\ntime=30\n"}) as w:
        status = await run_command(w.system, "cdr show status")
        assert "  Mode:                       Batch\n" in status
        assert "  Maximum batch size:         1 record\n" in status
        assert "  Maximum batch time:         30 seconds\n" in status
        assert "    (none)\n" in status
        assert "Submitted CDRs" in await run_command(w.system, "cdr submit")
        w.files["cdr.conf"] = "[general]\nenable=no\n"
        await w.system.loader.reload("cdr")
        assert "Registered" not in await run_command(w.system, "cdr show status")
        assert await run_command(w.system, "cdr submit") == "Cannot submit CDR batch: CDR engine disabled.\n"


async def test_cdr_submit_and_debug(shared: Path) -> None:
    texts = recorded(shared, "g10_pjsip_set_and_send")
    async with await world(config(shared, "cdr.conf")) as w:
        for command in ("cdr submit", "cdr set debug on", "cdr set debug off"):
            assert await run_command(w.system, command) == texts[command]
        assert await run_command(w.system, "cdr set debug off") == "CDR debugging already disabled\n"


async def test_cdr_show_active(shared: Path) -> None:
    texts = recorded(shared, "g10_core_live_bridged_call")
    async with await world(config(shared, "cdr.conf")) as w:
        waiting = w.tech.phones["alice"].dials("300", "main")
        await w.settle(0.1)
        waiting.hangs_up()
        await w.all_gone()
        call = w.tech.phones["alice"].dials("201", "main")
        leg = await w.tech.phones["bob"].is_called()
        leg.answers()
        await call.is_told("answer")
        await w.settle(1)
        for command in ("cdr show active", "cdr show active PJSIP/alice-00000001"):
            ours, theirs = (text.splitlines() for text in (await run_command(w.system, command), texts[command]))
            assert ours[:-1] == theirs[:-1]
            # the row without its clock times
            columns = theirs[-1].index("20:43:00")
            assert ours[-1][:columns] == theirs[-1][:columns]
            assert ours[-1][-8:] == theirs[-1][-8:]
        assert await run_command(w.system, "cdr show active nobody") == "Unknown channel: nobody\n"
        call.hangs_up()
        await w.all_gone()
