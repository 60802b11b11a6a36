"""The table of Asterisk's module names that other modules of ours answer to."""

from __future__ import annotations

import csv
import pkgutil
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.core.loader import ModuleError, ModuleLoader, ModuleStatus
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from globstar.modules import builtin
from globstar.modules.channels.pjsip import PjsipDriver
from globstar.modules.channels.pjsip.supplement import discover
from globstar.modules.parts import PARTS
from tests.support.switch import LogCapture, running_system

PJSIP = "[global]\ntype=global\n"
OTHERS = {"res_pjsip_config_sangoma"}
"""A commercial binary."""
DISTRIBUTED = {"codec_opus_open_source"}
"""What distributions of Asterisk have beside its own modules."""


async def real_modules() -> set[str]:
    core = {f"builtin_{entry.name}" for entry in pkgutil.iter_modules(builtin.__path__)}
    return core | set(ModuleLoader(System()).discover())


async def test_every_pjsip_module_of_asterisk_is_a_module_or_a_part(shared: Path) -> None:
    with (shared / "compat" / "modules.tsv").open(encoding="utf-8", newline="") as lines:
        names = {row["module"] for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)}
    assert set(PARTS) - DISTRIBUTED <= names
    wanted = {name for name in names if name.startswith(("res_pjsip", "func_pjsip"))} - OTHERS
    assert wanted <= set(PARTS) | await real_modules()


async def test_no_part_hides_a_module_and_every_whole_exists() -> None:
    real = await real_modules()
    assert not set(PARTS) & real
    assert {part.whole for part in PARTS.values()} <= real


async def test_every_supplement_goes_by_a_name_that_modules_conf_knows() -> None:
    assert {cls.module for cls in discover()} <= set(PARTS) | await real_modules()


async def test_a_modules_conf_of_asterisk_loads_without_a_warning(tmp_path: Path) -> None:
    names = "".join(f"load => {name}.so\n" for name in PARTS)
    with LogCapture() as log:
        files = {"modules.conf": f"[modules]\nautoload=yes\n{names}", "pjsip.conf": PJSIP}
        async with running_system(tmp_path, files, prepare=register_commands) as system:
            shown = await run_command(system, "module show like pjsip")
            loaded = system.loader.modules
            for name, part in PARTS.items():
                whole = loaded.get(part.whole)
                if whole is None or whole.status is not ModuleStatus.RUNNING:
                    assert part.whole == "cdr_custom"  # which declines without its configuration
                    continue
                assert loaded[name].status is ModuleStatus.RUNNING
                assert f"{name}.so" in shown or "pjsip" not in name
            offers = [offer.split(" ", 2 if offer.startswith("cli") else 1) for part in PARTS.values() for offer in part.offers]
            for *kind, name in offers:
                assert system.registry(" ".join(kind)).get(name) is not None, name
    assert log.texts(Level.WARNING) == log.texts(Level.ERROR) == []


async def test_a_supplement_is_left_out_unloaded_and_loaded(tmp_path: Path) -> None:
    files = {"modules.conf": "[modules]\nautoload=yes\nnoload => res_pjsip_messaging.so\n", "pjsip.conf": PJSIP}
    async with running_system(tmp_path, files) as system:
        driver = system.service("pjsip", PjsipDriver)
        assert driver is not None

        def hooked() -> set[str]:
            return {type(one).module for one in driver.supplements}

        assert "res_pjsip_messaging" not in hooked()
        assert "res_pjsip_messaging" not in system.loader.modules
        await system.loader.load("res_pjsip_messaging")
        assert "res_pjsip_messaging" in hooked()
        before = driver.hooks.request_received
        await system.loader.unload("res_pjsip_messaging")
        assert "res_pjsip_messaging" not in hooked()
        assert len(driver.hooks.request_received) == len(before) - 1


async def test_a_body_generator_is_left_out_at_the_start_and_stays_so(tmp_path: Path) -> None:
    files = {"modules.conf": "[modules]\nautoload=yes\nnoload => res_pjsip_pidf_body_generator.so\n", "pjsip.conf": PJSIP}
    with LogCapture() as log:
        async with running_system(tmp_path, files) as system:
            assert "res_pjsip_pidf_body_generator" not in system.loader.modules
            with pytest.raises(ModuleError, match="cannot do without"):
                await system.loader.unload("res_pjsip_xpidf_body_generator")
    assert not [text for text in log.texts(Level.NOTICE) if "no effect" in text]
