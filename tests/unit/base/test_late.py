"""Modules that are loaded when they are wanted, and those that an idle server must not load."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from globstar.base.late import LateModule, preload

#: Each takes megabytes, and few servers use it.
HEAVY = ("aiohttp", "cryptography", "icalendar", "OpenSSL", "pylibsrtp", "sqlalchemy")

LOAD_ALL = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("ignore")
import globstar.modules
for module in pkgutil.walk_packages(globstar.modules.__path__, "globstar.modules."):
    if module.name.count(".") <= 3:  # as the loader does: what a module needs it imports itself
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            print(module.name, error, file=sys.stderr)
print(*(name for name in sys.argv[1:] if name in sys.modules))
"""


def test_a_late_module_is_loaded_when_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "globstar_late.py").write_text("class Fault(Exception): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    late = LateModule("globstar_late")
    assert "globstar_late" not in sys.modules
    with pytest.raises(late.Fault):
        raise late.Fault
    with pytest.raises(AttributeError):
        late.nothing  # noqa: B018 - asking is the test
    monkeypatch.delitem(sys.modules, "globstar_late")
    with pytest.raises(ImportError):
        LateModule("globstar_nowhere").anything  # noqa: B018 - as above


async def test_it_is_loaded_in_another_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "globstar_preloaded.py").write_text("import threading\nwhere = threading.get_ident()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    await preload("globstar_preloaded")
    import globstar_preloaded  # type: ignore[import-not-found]

    assert globstar_preloaded.where != threading.get_ident()
    await preload("globstar_preloaded")
    monkeypatch.delitem(sys.modules, "globstar_preloaded")


async def test_what_is_not_there_is_told() -> None:
    with pytest.raises(ImportError, match="globstar_nowhere"):
        await preload("globstar_nowhere")


def test_no_module_loads_by_itself_what_few_servers_use() -> None:
    command = [sys.executable, "-c", LOAD_ALL, *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
