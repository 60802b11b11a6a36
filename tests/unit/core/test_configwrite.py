"""Configuration files that the server writes itself: whole, with their permissions, and locked where that is asked for."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from globstar.core import configwrite
from globstar.core.configwrite import locked_folder, replace_config
from globstar.core.settings import Options


@pytest.mark.parametrize("options", [Options(), Options(lockconfdir=True), Options(lockconfdir=True, lockmode="flock")])
def test_a_file_is_replaced(tmp_path: Path, options: Options) -> None:
    target = tmp_path / "x.conf"
    target.write_text("old")
    target.chmod(0o640)
    replace_config(target, "new", options)
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} <= {"x.conf", ".lock"}
    replace_config(tmp_path / "y.conf", "first", options)
    assert (tmp_path / "y.conf").read_text() == "first"


@pytest.mark.parametrize("mode", ["flock", "lockfile"])
def test_a_folder_that_another_holds_stays_as_it_is(tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configwrite, "PATIENCE", 0.0)
    target = tmp_path / "x.conf"
    target.write_text("old")
    with (tmp_path / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match="held by another program"):
            replace_config(target, "new", Options(lockconfdir=True, lockmode=mode))
        assert target.read_text() == "old"
        replace_config(target, "without a lock", Options())
    assert {path.name for path in tmp_path.iterdir()} == {"x.conf", ".lock"}


@pytest.mark.parametrize("mode", ["flock", "lockfile"])
def test_the_lock_is_given_back_after_a_failure(tmp_path: Path, mode: str) -> None:
    with pytest.raises(ZeroDivisionError), locked_folder(tmp_path, mode):
        raise ZeroDivisionError
    with locked_folder(tmp_path, mode):
        assert (tmp_path / ".lock").exists()
