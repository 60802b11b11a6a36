"""Commands about the machine, its threads, sounds, configuration and the event bus."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.cli import run_command
from globstar.core.logfiles import LogSetup
from globstar.core.system import System
from globstar.core.workers import Workers
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import LogCapture, running_system


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    files = {
        "modules.conf": "[modules]\nautoload=no\nload=format_pcm\nload=format_sln\nload=func_groupcount\nload=res_musiconhold\n",
        "http.conf": "[general]\nenabled=no\n",
        "logger.conf": "[general]\nqueue_log=no\n",  # its writer would come and go while tests run
    }
    async with running_system(tmp_path, files, prepare=register_commands) as system:
        yield system


async def test_sysinfo(system: System) -> None:
    text = await run_command(system, "core show sysinfo")
    assert re.fullmatch(
        r"\nSystem Statistics\n-----------------\n  System Uptime:             \d+ hours\n  Total RAM:                 \d+ KiB\n"
        r"  Free RAM:                  \d+ KiB\n  Buffer RAM:                \d+ KiB\n  Total Swap Space:          \d+ KiB\n"
        r"  Free Swap Space:           \d+ KiB\n\n  Number of Processes:       \d+ \n\n",
        text,
    )
    assert json.loads(await run_command(system, "core show sysinfo --json"))["Number of Processes"] > 0


async def test_threads_and_descriptors(system: System) -> None:
    await system.run_blocking(int)
    text = await run_command(system, "core show threads")
    assert text.splitlines()[-1] == f"{threading.active_count()} threads listed."
    assert re.search(r"^0x[0-9a-f]+ \d+ globstar-slow_0 +started at \[ +\d+\] thread\.py _worker\(\)$", text, re.MULTILINE)
    assert re.search(r"^ +0 /", await run_command(system, "core show fd"), re.MULTILINE)


async def test_taskprocessors(system: System) -> None:
    await run_command(system, "core reset taskprocessors")
    for _ in range(3):
        await system.run_blocking(int)
    lines = (await run_command(system, "core show taskprocessors like SLOW")).splitlines()
    assert lines[1] == (
        "Processor                                                               "
        "Processed   In Queue  Max Depth  Low water High water Low time(us) High time(us)"
    )
    assert lines[2].split()[:3] == ["globstar-slow", "3", "0"]
    assert len(lines[1]) == len(lines[2])
    assert lines[4] == "1 taskprocessor"
    assert "0 taskprocessors" in await run_command(system, "core show taskprocessors like nothing")
    rows = json.loads(await run_command(system, "core show taskprocessor name globstar-slow --json"))
    assert rows[0]["Processed"] == 3
    assert "ping time" in await run_command(system, "core ping taskprocessor globstar-slow")
    assert (await run_command(system, "core ping taskprocessor nobody")).endswith("failed.\n")
    await run_command(system, "core reset taskprocessor globstar-slow")
    assert system.executor.processed == 0
    assert "0 subsystems in alert" in await run_command(system, "core show taskprocessor alerted subsystems")


async def test_the_threads_of_commands_are_counted_apart(system: System) -> None:
    gate = threading.Event()
    waiting = [system.commands.submit(gate.wait) for _ in range(70)]
    row = json.loads(await run_command(system, "core show taskprocessor name globstar-command --json"))[0]
    assert (row["In Queue"], row["Max Depth"]) == (6, 6)
    assert await asyncio.wait_for(system.run_blocking(int), 5) == 0  # what is slow only does not wait for them
    gate.set()
    for future in waiting:
        future.result(10)
    assert await system.run_command(int) == 0
    row = json.loads(await run_command(system, "core show taskprocessor name globstar-command --json"))[0]
    assert (row["Processed"], row["In Queue"]) == (71, 0)


async def test_a_pool_with_too_much_to_do_is_alerted(system: System) -> None:
    gate, pool = threading.Event(), Workers(1, "busy")
    system.services["worker pools"] = [pool]
    for _ in range(600):
        pool.submit(gate.wait)
    assert "1 busy" in await run_command(system, "core show taskprocessor alerted subsystems")
    gate.set()
    pool.submit(int).result(10)
    assert "0 subsystems in alert" in await run_command(system, "core show taskprocessor alerted subsystems")
    assert pool.max_depth >= 500
    pool.shutdown()


async def test_timing(system: System) -> None:
    text = await run_command(system, "timing test 100")
    assert text.startswith("Attempting to test a timer with 100 ticks per second.\nUsing the '")
    assert re.search(r"It has been \d+ milliseconds, and we got 100 timer ticks\n$", text)
    assert (await run_command(system, "timing test many")).startswith("Usage: timing test")


async def test_sounds(system: System, tmp_path: Path) -> None:
    root = Path(system.directories.astdatadir) / "sounds"
    for name in ("en/beep.ulaw", "en/beep.sln", "de/beep.ulaw", "en/digits/1.ulaw", "en/readme.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert await run_command(system, "core show sounds") == "Available audio files:\nbeep\ndigits/1\n"
    assert await run_command(system, "core show sound beep") == (
        "Indexed Information for beep:\n  Language de:\n    Format: ulaw\n  Language en:\n    Format: slin\n    Format: ulaw\n"
    )
    assert "not found" in await run_command(system, "core show sound nothing")
    assert json.loads(await run_command(system, "core show sounds --json")) == ["beep", "digits/1"]


async def test_modules_of_the_core(system: System) -> None:
    """What Asterisk lists of its core is listed, without .so; it can be reloaded, too."""
    names = [row["module"] for row in json.loads(await run_command(system, "module show --json"))]
    assert {"http", "cdr", "features", "acl", "udptl"} <= set(names)
    assert names == sorted(names)
    assert "logger" not in names  # this system has none
    assert "acl  " in await run_command(system, "module show like acl")
    for name in ("http", "acl", "features"):
        assert await run_command(system, f"module reload {name}") == f"Module '{name}' reloaded successfully.\n"
    assert await run_command(system, "module reload logger") == "No such module 'logger'\n"


async def test_logger_and_manager_are_reloaded_with_the_rest(system: System, tmp_path: Path) -> None:
    log = LogSetup(tmp_path / "log")
    system.services["log"] = log
    assert "logger  " in await run_command(system, "module show like logger")
    files = system.configuration.source.files  # type: ignore[attr-defined]
    files["logger.conf"] = "[general]\nqueue_log=no\n[logfiles]\nfull => notice\n"
    assert await run_command(system, "module reload logger") == "Module 'logger' reloaded successfully.\n"
    assert [channel.name for channel in log.channels] == ["full"]
    files["logger.conf"] = "[logfiles\n"
    assert "reported a reload failure: logger.conf:1" in await run_command(system, "module reload logger")
    files["musiconhold.conf"] = "[new]\nmode=files\n"
    # one broken file does not keep the others from being read
    assert await run_command(system, "core reload") == "Module 'logger' reported a reload failure\n"
    assert "Class: new" in await run_command(system, "moh show classes")
    assert [channel.name for channel in log.channels] == ["full"]
    log.close()


async def test_names_of_asterisk_s_modules_that_are_parts_of_others(tmp_path: Path) -> None:
    """A modules.conf that names them is followed without complaint."""
    names = ("res_timing_timerfd", "res_format_attr_opus", "bridge_builtin_features", "res_clioriginate", "res_security_log")
    conf = "[modules]\nautoload=no\n" + "".join(f"require={name}.so\n" for name in names)
    with LogCapture() as log:
        async with running_system(tmp_path, {"modules.conf": conf}, prepare=register_commands) as system:
            shown = {row["module"]: row["status"] for row in json.loads(await run_command(system, "module show --json"))}
    assert all(shown[f"{name}.so"] == "Running" for name in names)
    assert [record.message for record in log.records] == []


async def test_parts_of_a_module_are_reloaded_once(tmp_path: Path) -> None:
    files = {"modules.conf": "[modules]\nautoload=no\nload=chan_pjsip\nload=res_rtp_asterisk\n", "pjsip.conf": "[a]\ntype=aor\n"}
    async with running_system(tmp_path, files, prepare=register_commands) as system:
        reloads: list[events.Reloaded] = []
        undo = system.bus.subscribe(events.Reloaded, reloads.append)
        printed = await run_command(system, "module reload res_pjsip.so res_pjsip_mwi.so chan_pjsip.so")
        undo()
        assert printed.count("reloaded successfully.") == 3
        assert len(reloads) == 1
        system.configuration.source.files["pjsip.conf"] = "[a\n"  # type: ignore[attr-defined]
        assert (await run_command(system, "module reload res_pjsip.so chan_pjsip.so")).count("pjsip.conf:1") == 2


async def test_texts(system: System) -> None:
    assert "Apache License" in await run_command(system, "core show license")
    assert "WITHOUT WARRANTIES" in await run_command(system, "core show warranty")
    assert "memory" in await run_command(system, "malloc trim")


async def test_config_list_and_reload(system: System) -> None:
    root = system.directories.astetcdir
    lines = (await run_command(system, "config list")).splitlines()
    assert f"{'http':<20} {root + '/http.conf':<50}" in lines
    assert f"{'core':<20} {root + '/asterisk.conf':<50}" in lines
    assert not any("musiconhold" in line for line in lines)  # there is none
    assert await run_command(system, "config reload http.conf") == "Reloaded 'http.conf' of http\n"
    assert await run_command(system, f"config reload {root}/http.conf") != ""
    assert (await run_command(system, "config reload nothing.conf")).startswith("No module uses")
    assert "at the start only" in await run_command(system, "config reload modules.conf")


async def test_config_help(system: System) -> None:
    assert "\tres_musiconhold" in await run_command(system, "config show help")
    assert "\tclass: One class" in await run_command(system, "config show help res_musiconhold")
    assert "mode" in await run_command(system, "config show help res_musiconhold class")
    one = json.loads(await run_command(system, "config show help http http bindport --json"))
    assert (one["Option"], one["Default"]) == ("bindport", "8088")
    assert "not found" in await run_command(system, "config show help res_nothing")
    assert "Unknown configuration type" in await run_command(system, "config show help http nothing")
    assert "Unknown configuration option" in await run_command(system, "config show help http http nothing")


async def test_the_event_bus(system: System) -> None:
    heard: list[object] = []

    class Something:
        """It happened."""

    undo = system.bus.subscribe(Something, heard.append)
    system.bus.publish(Something())
    system.bus.publish(Something())
    assert re.search(r"^Something +1$", await run_command(system, "stasis show topics"), re.MULTILINE)
    shown = await run_command(system, "stasis show topic Something")
    assert "Detail: It happened.\nNumber of subscribers: 1\n" in shown
    assert re.search(r"^Something +1 +2$", await run_command(system, "stasis statistics show topics"), re.MULTILINE)
    assert "published: 2" in await run_command(system, "stasis statistics show topic Something")
    assert (await run_command(system, "stasis show topic Nothing")).endswith("failed.\n")
    assert re.search(r"^Something +2$", await run_command(system, "stasis statistics show messages"), re.MULTILINE)
    shown = await run_command(system, "stasis statistics show subscriptions")
    name = next(line.split()[0] for line in shown.splitlines() if "append" in line)
    one = json.loads(await run_command(system, f"stasis statistics show subscription {name} --json"))
    assert one == {"subscription": name, "topics": {"Something": 2}}
    assert (await run_command(system, "stasis statistics show subscription nobody")).endswith("failed.\n")
    undo()


async def test_nobody_there(system: System) -> None:
    assert await run_command(system, "group show channels") == (
        "Channel                    Group                 Category            \n0 active channels\n"
    )
    assert await run_command(system, "local show channels") == "No local channels in use\n"
    assert (await run_command(system, "core show hanguphandlers nobody")).endswith("failed.\n")
    assert json.loads(await run_command(system, "group show channels --json")) == []


@pytest.mark.parametrize(
    "line",
    [
        "core show sysinfo now", "core show fd 1", "core show threads x", "core show taskprocessors x", "core ping taskprocessor",
        "core reset taskprocessors now", "malloc trim x", "core show license x", "core show warranty x", "core show sounds x",
        "core show sound", "core show image formats x", "group show channels a b", "local show channels x",
        "core show hanguphandlers", "core show hanguphandlers all x", "config list x", "config reload", "stasis show topics x",
        "stasis show topic", "stasis statistics show topics x", "stasis statistics show messages x", "cli show permissions x",
        "cli check permissions", "cli reload permissions x",
    ],
)  # fmt: skip
async def test_words_that_make_no_sense_show_the_usage(system: System, line: str) -> None:
    assert (await run_command(system, line)).startswith("Usage: ")


async def test_noload_of_a_name_of_the_core_is_no_matter(tmp_path: Path) -> None:
    conf = "[modules]\nautoload=no\nload=res_timing_timerfd.so\nnoload=res_timing_pthread.so\n"
    with LogCapture() as log:
        async with running_system(tmp_path, {"modules.conf": conf}, prepare=register_commands) as system:
            names = [row["module"] for row in json.loads(await run_command(system, "module show like timing --json"))]
            assert names == ["res_timing_timerfd.so"]
            assert await run_command(system, "module load res_timing_pthread.so") == "Loaded res_timing_pthread.so\n"
    assert [record.message for record in log.records] == []
