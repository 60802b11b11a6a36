"""Names of Asterisk's modules whose work another module does: what modules.conf and ``module ...`` do with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.core.loader import ModuleError, ModuleStatus
from globstar.core.parts import Part, Parts
from globstar.core.settings import ModulesConfig
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import LogCapture, running_system

WHOLE = '''
"""Does three things."""
from globstar.core.registry import function

calls = []

@function("WORD")
def word(channel, args):
    """A word."""
    return "word"

def switchable_parts():
    return {"res_hook"}

def load(system):
    calls.append("load")

def start_part(system, name):
    calls.append(f"start {name}")

def stop_part(system, name):
    calls.append(f"stop {name}")

def reload(system):
    calls.append("reload")
'''

TABLE = {
    "res_base": Part(whole="chan_whole", description="The base", is_essential=True),
    "res_fixed": Part(whole="chan_whole", description="Always there"),
    "res_hook": Part(whole="chan_whole", description="A feature", support_level="extended"),
    "func_word": Part(whole="chan_whole", description="A function", offers=("function WORD",)),
}


@asynccontextmanager
async def whole_system(root: Path, modules: str) -> AsyncIterator[System]:
    """A system with the module chan_whole and its parts."""
    (root / "modules").mkdir()
    (root / "modules" / "chan_whole.py").write_text(WHOLE)

    def prepare(system: System) -> None:
        system.loader.parts = Parts(TABLE)
        register_commands(system)

    autoload = "" if modules.startswith("autoload") else "autoload=yes\n"
    async with running_system(root, {"modules.conf": f"[modules]\n{autoload}{modules}"}, prepare=prepare) as system:
        yield system


def state(system: System) -> dict[str, bool]:
    """Which of the whole and its parts run; what nobody sees is left out."""
    modules = system.loader.modules
    return {name: modules[name].status is ModuleStatus.RUNNING for name in ("chan_whole", *TABLE) if name in modules}


def calls(system: System) -> list[str]:
    """What the whole was told."""
    return list(system.loader.modules["chan_whole"].code.calls)  # type: ignore[union-attr]


async def test_parts_run_with_their_whole_and_may_be_named_without_a_warning(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with whole_system(tmp_path, "load => res_hook.so\nload => res_base.so\nrequire => res_fixed\n") as system:
            assert state(system) == dict.fromkeys(("chan_whole", *TABLE), True)
            assert log.texts(Level.WARNING) == []
            assert "res_hook.so" in await run_command(system, "module show like res_hook")
            await system.loader.unload("chan_whole")
            assert not any(state(system).values())


async def test_noload_of_a_part_leaves_it_out(tmp_path: Path) -> None:
    async with whole_system(tmp_path, "noload => func_word.so\nnoload => res_hook.so\n") as system:
        assert state(system) == {"chan_whole": True, "res_base": True, "res_fixed": True}
        assert system.loader.parts.left_out == {"func_word", "res_hook"}
        assert system.function_registry.get("WORD") is None
        await system.loader.load("func_word.so")
        assert system.functions.read(None, "WORD", "") == "word"
        await system.loader.unload("func_word.so")
        assert system.function_registry.get("WORD") is None


async def test_noload_of_what_cannot_be_left_out_is_told(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with whole_system(tmp_path, "noload => res_fixed.so\n") as system:
            assert state(system)["res_fixed"]
        assert [text for text in log.texts(Level.NOTICE) if "res_fixed has no effect" in text]


@pytest.mark.parametrize("noload", ["chan_whole.so", "res_base.so"])
async def test_noload_of_the_whole_or_an_essential_part_leaves_all_out(tmp_path: Path, noload: str) -> None:
    with LogCapture() as log:
        async with whole_system(tmp_path, f"load => res_hook.so\nnoload => {noload}\n") as system:
            assert state(system) == {}
        assert log.texts(Level.WARNING) == []


async def test_without_autoload_the_parts_that_are_named_are_loaded(tmp_path: Path) -> None:
    async with whole_system(tmp_path, "autoload=no\nload => res_base.so\nload => func_word.so\n") as system:
        assert state(system) == {"chan_whole": True, "res_base": True, "res_fixed": True, "func_word": True}


async def test_without_autoload_the_whole_alone_brings_every_part(tmp_path: Path) -> None:
    async with whole_system(tmp_path, "autoload=no\nload => chan_whole.so\n") as system:
        assert all(state(system)[name] for name in TABLE)


async def test_a_part_is_unloaded_loaded_and_reloaded_by_its_whole(tmp_path: Path) -> None:
    async with whole_system(tmp_path, "") as system:
        assert await run_command(system, "module unload res_hook.so") == "Unloaded res_hook.so\n"
        assert not state(system)["res_hook"]
        with pytest.raises(ModuleError, match="not loaded"):
            await system.loader.unload("res_hook")
        assert await run_command(system, "module load res_hook.so") == "Loaded res_hook.so\n"
        with pytest.raises(ModuleError, match="already loaded"):
            await system.loader.load("res_hook")
        assert "reloaded successfully" in await run_command(system, "module reload res_hook.so")
        assert await system.loader.reload_all() == []
        assert calls(system) == ["load", "stop res_hook", "start res_hook", "reload", "reload"]


async def test_what_cannot_be_left_out_is_not_unloaded(tmp_path: Path) -> None:
    async with whole_system(tmp_path, "") as system:
        for name in ("res_base", "res_fixed"):
            with pytest.raises(ModuleError, match="cannot do without"):
                await system.loader.unload(name, force=True)
        with pytest.raises(ModuleError, match="refresh that"):
            await system.loader.refresh("res_hook")
        assert all(state(system).values())


async def test_a_part_brings_its_whole(tmp_path: Path) -> None:
    async with whole_system(tmp_path, "autoload=no\n") as system:
        assert state(system) == {}
        part = await system.loader.load("res_hook")
        assert part.name == "res_hook"
        assert all(state(system).values())


def test_what_modules_conf_names_decides_what_is_left_out() -> None:
    parts = Parts(TABLE)
    parts.choose([], {"func_word", "app_dial"}, ModulesConfig())
    assert parts.left_out == {"func_word"}
    parts.choose(["res_hook"], set(), ModulesConfig(autoload=False))
    assert parts.left_out == {"res_base", "res_fixed", "func_word"}
    parts.choose([], set(), ModulesConfig(autoload=False))
    assert parts.left_out == set()
    assert parts.of("chan_whole") == sorted(TABLE)
    assert parts.whole_of("app_dial") == "app_dial"
