"""Compiled parts can be switched off, and those of other sources are."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from globstar.base.log import Level
from globstar.base.native import require_current, require_native
from globstar.base.sources import digest_of
from tests.support.switch import LogCapture


@pytest.mark.parametrize("value", ["no", "0", " Off ", "FALSE"])
def test_without_compiled_modules(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBSTAR_NATIVE", value)
    with pytest.raises(ImportError, match="GLOBSTAR_NATIVE"):
        require_native()


@pytest.mark.parametrize("value", ["", "yes", "1"])
def test_with_compiled_modules(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBSTAR_NATIVE", value)
    require_native()


def test_everything_that_has_a_twin_takes_it() -> None:
    code = (
        "from globstar.media import conference, native, libsrtp; from globstar.dsp import mixer, mixing\n"
        "assert not native.is_available() and not conference.is_available()\n"
        "assert libsrtp._native is None and mixer.decode is mixing.decode"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, env={**os.environ, "GLOBSTAR_NATIVE": "no"})


def built(folder: Path, sources: str) -> ModuleType:
    """A compiled module that lies beside its sources."""
    module = ModuleType("globstar.media._example")
    module.__file__ = str(folder / "_example.so")
    module.SOURCES = sources  # type: ignore[attr-defined]
    return module


def test_a_module_of_other_sources_is_not_used(tmp_path: Path) -> None:
    source = tmp_path / "_example.pyx"
    require_current(built(tmp_path, ""))  # without sources there is nothing to compare
    source.write_text("one\n")
    digest = digest_of(source)
    require_current(built(tmp_path, digest))
    with LogCapture() as log:
        for name in ("_example.pyx", "_example_parts.pxi", "_shared.h"):
            (tmp_path / name).write_text("two\n")
            with pytest.raises(ImportError, match="other sources"):
                require_current(built(tmp_path, digest))
            digest = digest_of(source)
            require_current(built(tmp_path, digest))
    (tmp_path / "_another.pyx").write_text("three\n")
    require_current(built(tmp_path, digest))
    (text,) = log.texts(Level.WARNING)
    assert text.startswith("globstar.media._example was built from other sources")


def test_what_is_built_here_is_current() -> None:
    for name in ("globstar.media._native", "globstar.media._conference", "globstar.dsp._mixing", "globstar.net._batch"):
        if importlib.util.find_spec(name) is not None:
            require_current(importlib.import_module(name))
