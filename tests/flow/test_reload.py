"""A dialplan reload: calls that run stay on the plan they entered with, new calls get the new one."""

from __future__ import annotations

import asyncio

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource, read_config
from globstar.config.errors import ConfigError
from globstar.core import events
from globstar.core.cli import run_command
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import LogCapture
from tests.support.testtech import World

OLD = """
[default]
exten => 1,1,NoOp(old 1)
 same => n,Wait(10)
 same => n,NoOp(old 2)
 same => n,Goto(other,1,1)
[other]
exten => 1,1,NoOp(old other)
 same => n,Hangup()
exten => h,1,NoOp(old h)
"""

NEW = OLD.replace("old", "new")


def _watch(system: System) -> list[str]:
    seen: list[str] = []

    def note(event: events.ApplicationStarted) -> None:
        if event.application == "NoOp":
            seen.append(event.data)

    system.bus.subscribe(events.ApplicationStarted, note)
    return seen


def _replace(system: System, text: str) -> None:
    system.configuration.source = MemorySource({"extensions.conf": text})


async def test_running_calls_keep_the_old_plan_until_they_leave() -> None:
    world = await World.start(OLD)
    system = world.system
    register_commands(system)
    seen = _watch(system)
    alice = world.phone("alice", "100", "Alice")
    first = alice.dials("1")
    await asyncio.sleep(5)
    assert seen == ["old 1"]
    _replace(system, NEW)
    assert await run_command(system, "dialplan reload") == "Dialplan reloaded.\n"
    second = alice.dials("1")
    await second.is_told("hangup 16")
    await first.is_told("hangup 16")
    assert sorted(seen) == sorted(["old 1", "old 2", "old other", "old h", "new 1", "new 2", "new other", "new h"])
    await world.stop()


async def test_a_broken_file_leaves_the_plan_in_force() -> None:
    world = await World.start(OLD)
    system = world.system
    register_commands(system)
    _replace(system, "[default\nexten => 1,1,NoOp(broken)\n")
    with LogCapture() as log:
        text = await run_command(system, "dialplan reload")
    assert "failed" in text
    assert log.texts(Level.ERROR) or log.texts(Level.WARNING)
    step = system.plan.find("default", "1", 1)
    assert step is not None
    assert step.data == "old 1"
    await world.stop()


def test_the_broken_file_is_a_configuration_error() -> None:
    """The reload above fails by this error, which names file and line."""
    with pytest.raises(ConfigError, match=r"extensions\.conf:1"):
        read_config("extensions.conf", MemorySource({"extensions.conf": "[default\n"}))


def _long_plan(version: str, count: int) -> str:
    """Many ways through two contexts, all of whose steps say which version they are of."""
    lines = ["[default]"]
    for number in range(count):
        lines += [
            f"exten => {number},1,NoOp({version} start)",
            f" same => n,Wait({10 + number % 7})",
            f" same => n,Gosub(sub,s{number % 3},1({version}))",
            " same => n,Wait(3)",
            f" same => n,Goto(other,{number % 5},1)",
        ]
    lines += [
        "[sub]",
        *(f"exten => s{name},1,NoOp({version} sub of ${{ARG1}})\n same => n,Wait(2)\n same => n,Return()" for name in range(3)),
    ]
    lines += ["[other]"]
    for number in range(5):
        lines += [f"exten => {number},1,NoOp({version} other)", " same => n,Wait(5)", f" same => n,NoOp({version} end)"]
    lines += [f"exten => h,1,NoOp({version} h)"]
    return "\n".join(lines) + "\n"


async def test_reloads_under_two_hundred_calls_lose_none_and_mix_no_two_versions() -> None:
    count = 200
    world = await World.start(_long_plan("v0", count))
    system = world.system
    register_commands(system)
    by_channel: dict[str, list[str]] = {}

    def note(event: events.ApplicationStarted) -> None:
        if event.application == "NoOp":
            by_channel.setdefault(event.channel.name, []).append(event.data)

    system.bus.subscribe(events.ApplicationStarted, note)
    alice = world.phone("alice", "100", "Alice")
    legs = []
    for number in range(count):
        legs.append(alice.dials(str(number)))
        await asyncio.sleep(0.02)
        if number % 20 == 19:
            version = f"v{number // 20 + 1}"
            _replace(system, _long_plan(version, count))
            assert await run_command(system, "dialplan reload") == "Dialplan reloaded.\n"
    assert len(system.channels) == count
    await world.all_gone()
    assert len(by_channel) == count
    versions = set()
    for leg in legs:
        steps = by_channel[leg.channel.name]
        (version,) = {step.split()[0] for step in steps}
        versions.add(version)
        assert steps == [
            f"{version} start", f"{version} sub of {version}", f"{version} other", f"{version} end", f"{version} h"
        ]  # fmt: skip
    assert versions == {f"v{number}" for number in range(10)}
    await world.stop()
