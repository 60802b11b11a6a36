"""Compiled parts can be switched off."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from globstar.base.native import require_native


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
