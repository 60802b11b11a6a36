"""What packages hold is looked up once, but packages that are installed meanwhile are found."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import sys
from pathlib import Path

import pytest

import globstar.modules.funcs
from globstar.base.packages import installed, is_installed, submodules


def test_the_modules_of_a_package():
    expected = tuple(entry.name for entry in pkgutil.iter_modules(globstar.modules.funcs.__path__))
    assert submodules(globstar.modules.funcs) == expected == tuple(sorted(expected))
    assert submodules(globstar.modules.funcs) is submodules(globstar.modules.funcs)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    os.utime(folder, (1_000_000_000, 1_000_000_000))
    monkeypatch.syspath_prepend(str(folder))
    return folder


def install(site: Path, name: str) -> Path:
    information = site / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[globstar.tests]\n{name} = {name}_code\n")
    return information


def test_packages_come_and_go_while_the_process_runs(site: Path):
    assert installed("globstar.tests") == ()
    acme = install(site, "acme")
    assert [(point.name, point.value) for point in installed("globstar.tests")] == [("acme", "acme_code")]
    assert installed("globstar.tests") is installed("globstar.tests")  # nothing has changed
    os.utime(site, (1_000_000_001, 1_000_000_001))  # two changes within one tick of the clock would be one
    install(site, "zeta")
    assert sorted(point.name for point in installed("globstar.tests")) == ["acme", "zeta"]
    os.utime(site, (1_000_000_002, 1_000_000_002))
    shutil.rmtree(acme)
    assert [point.name for point in installed("globstar.tests")] == ["zeta"]
    assert installed("globstar.nobody") == ()


def test_what_is_no_folder_in_the_path_of_python_is_no_matter(site: Path, monkeypatch: pytest.MonkeyPatch):
    install(site, "acme")
    monkeypatch.syspath_prepend(str(site / "gone"))
    assert [point.name for point in installed("globstar.tests")] == ["acme"]


def test_what_could_be_imported(site: Path, monkeypatch: pytest.MonkeyPatch):
    assert not is_installed("acme_code")
    (site / "acme_code.py").write_text("raise AssertionError('it is imported')\n")
    importlib.invalidate_caches()
    assert is_installed("acme_code")
    os.utime(site, (1_000_000_001, 1_000_000_001))  # two changes within one tick of the clock would be one
    (site / "acme_code.py").unlink()
    importlib.invalidate_caches()
    assert not is_installed("acme_code")
    assert is_installed("pytest")
    monkeypatch.setitem(sys.modules, "pytest", None)
    assert not is_installed("pytest")


def test_a_folder_that_joins_the_path_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    later = tmp_path / "later"
    later.mkdir()
    install(later, "acme")
    assert installed("globstar.tests") == ()
    monkeypatch.syspath_prepend(str(later))
    assert [point.name for point in installed("globstar.tests")] == ["acme"]
