"""The module loader: what is loaded, in which order, and how it is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core.cli import run_command
from globstar.core.loader import ModuleError, ModuleStatus, normalise
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import running_system

USER_MODULE = '''
"""A module of the user's own."""
from globstar.core.registry import application, function

@application("Hello")
def hello(channel):
    """Say hello."""

@function("TWICE")
def twice(channel, args):
    """Say it twice."""
    return args * 2

reloads = []

def reload(system):
    reloads.append(1)
'''


def test_normalise_takes_asterisks_names() -> None:
    assert normalise("app_dial.so") == normalise(" app_dial ") == "app_dial"


async def test_what_belongs_to_the_core_is_found_by_its_plain_name(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"modules.conf": "[modules]\nautoload=no\n"}) as system:
        found = system.loader.find("features")
        assert found is not None
        assert found.is_builtin
        await system.loader.reload("features")
        assert system.loader.find("nothing") is None


async def test_user_module_is_registered_and_taken_back(tmp_path: Path) -> None:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "app_hello.py").write_text(USER_MODULE)
    async with running_system(tmp_path) as system:
        assert system.loader.modules["app_hello"].status is ModuleStatus.RUNNING
        assert system.applications.get("hello") is not None
        assert system.functions.read(None, "TWICE", "ab") == "abab"
        await system.loader.unload("app_hello.so")
        assert system.applications.get("Hello") is None
        await system.loader.load("app_hello")
        assert system.applications.get("Hello") is not None


async def test_module_in_use_is_not_unloaded_unless_forced(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        system.loader.modules["app_echo"].use_count = 1
        with pytest.raises(ModuleError, match="in use"):
            await system.loader.unload("app_echo")
        await system.loader.unload("app_echo", force=True)
        assert system.applications.get("Echo") is None


async def test_refresh_reads_the_code_anew(tmp_path: Path) -> None:
    folder = tmp_path / "modules"
    folder.mkdir()
    file = folder / "func_mine.py"
    template = (
        'from globstar.core.registry import function\n@function("MINE")\n'
        'def mine(channel, args):\n    """Mine."""\n    return "{}"\n'
    )
    file.write_text(template.format("one"))
    async with running_system(tmp_path) as system:
        assert system.functions.read(None, "MINE", "") == "one"
        file.write_text(template.format("second"))
        await system.loader.refresh("func_mine")
        assert system.functions.read(None, "MINE", "") == "second"


async def test_autoload_off_loads_only_what_is_named(tmp_path: Path) -> None:
    files = {"modules.conf": "[modules]\nautoload=no\nload=app_echo.so\npreload=func_missing.so\n"}
    async with running_system(tmp_path, files) as system:
        running = [m.name for m in system.loader.running() if not m.is_builtin]
        assert running == ["app_echo"]
        assert system.applications.get("Answer") is not None  # the core's own are always there


async def test_refresh_with_the_modules_that_need_it(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    function = '@function("{name}")\ndef value(channel, args):\n    """Mine."""\n    return "{text}"\n'
    head = "from globstar.core.registry import function\n"
    file = tmp_path / "modules" / "func_below.py"
    file.write_text(head + function.format(name="BELOW", text="old"))
    above = tmp_path / "modules" / "func_above.py"
    above.write_text(f'{head}REQUIRES = ("func_below",)\n' + function.format(name="ABOVE", text="old"))
    async with running_system(tmp_path, prepare=register_commands) as system:
        for path, name in ((file, "BELOW"), (above, "ABOVE")):
            path.write_text(path.read_text().replace('"old"', '"newer"'))
            assert system.functions.read(None, name, "") == "old"
        with pytest.raises(ModuleError, match="needed by func_above"):
            await system.loader.refresh("func_below")
        system.loader.modules["func_above"].use_count += 1
        with pytest.raises(ModuleError, match="func_above is in use"):
            await system.loader.refresh("func_below", recursively=True)
        system.loader.modules["func_above"].use_count -= 1
        assert await run_command(system, "module refresh func_below.so recursively") == "Unloaded and loaded func_below.so\n"
        assert [system.functions.read(None, name, "") for name in ("BELOW", "ABOVE")] == ["newer", "newer"]
        assert [m.name for m in system.loader.running() if m.name in ("func_below", "func_above")] == ["func_above", "func_below"]


async def test_noload_leaves_out(tmp_path: Path) -> None:
    files = {"modules.conf": "[modules]\nautoload=yes\nnoload=app_echo.so\n"}
    async with running_system(tmp_path, files) as system:
        assert "app_echo" not in system.loader.modules
        assert system.applications.get("Echo") is None


async def test_noload_counts_for_what_another_module_needs(tmp_path: Path) -> None:
    files = {"modules.conf": "[modules]\nautoload=yes\nnoload=res_mwi_external.so\n"}
    async with running_system(tmp_path, files) as system:
        assert "res_mwi_external" not in system.loader.modules
        left_out = system.loader.modules["res_mwi_external_ami"]
        assert left_out.status is ModuleStatus.DECLINED
        assert left_out.reason == "it needs res_mwi_external, which modules.conf leaves out"
        await system.loader.load("res_mwi_external_ami")
        assert [system.loader.modules[name].status for name in ("res_mwi_external", "res_mwi_external_ami")] == [
            ModuleStatus.RUNNING, ModuleStatus.RUNNING,
        ]  # fmt: skip


async def test_missing_required_module_stops_the_start(tmp_path: Path) -> None:
    files = {"modules.conf": "[modules]\nautoload=no\nrequire=app_nothing.so\n"}
    with pytest.raises(ModuleError, match="app_nothing"):
        async with running_system(tmp_path, files):
            pass


async def test_broken_module_leaves_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "app_broken.py").write_text("raise RuntimeError('no')\n")
    async with running_system(tmp_path) as system:
        assert system.loader.modules["app_broken"].status is ModuleStatus.FAILED
        assert system.applications.get("Echo") is not None


async def test_second_registration_of_a_name_fails_its_module_only(tmp_path: Path) -> None:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "app_second.py").write_text(
        'from globstar.core.registry import application\n@application("Echo")\ndef echo(channel):\n    """Mine."""\n'
    )
    async with running_system(tmp_path) as system:
        assert system.loader.modules["app_second"].status is ModuleStatus.FAILED
        spec = system.applications.get("Echo")
        assert spec is not None
        assert spec.module == "app_echo"


async def test_two_systems_in_one_process(tmp_path: Path) -> None:
    async with running_system(tmp_path / "a") as one, running_system(tmp_path / "b") as two:
        await one.loader.unload("app_echo")
        assert one.applications.get("Echo") is None
        assert two.applications.get("Echo") is not None


async def test_installed_packages_add_modules_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "acme_globstar.py"
    package.parent.mkdir()
    package.write_text(
        '"""Acme."""\nfrom globstar.core.registry import application\n@application("Acme")\ndef acme(channel):\n    """Acme."""\n'
    )
    information = package.parent / "acme-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[globstar.modules]\napp_acme = acme_globstar\n")
    monkeypatch.syspath_prepend(str(package.parent))
    async with running_system(tmp_path) as system:
        assert system.loader.modules["app_acme"].status is ModuleStatus.RUNNING
        assert system.applications.get("Acme") is not None
