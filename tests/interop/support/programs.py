"""The programs of other projects that the tests drive, and what to do when one is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
SOUNDS = Path("/usr/share/asterisk/sounds/en")


def _missing(what: str, package: str) -> NoReturn:
    message = f"{what} is missing: apt-get install {package} (make test-tools)"
    if IN_CI:
        pytest.fail(message)
    pytest.skip(message)


def require(program: str) -> str:
    """The program's path; without it the test is skipped, in CI it fails."""
    path = shutil.which(program)
    if path is None:
        _missing(program, {"sipp": "sip-tester", "baresip": "baresip-core"}.get(program, program))
    return path


def require_sounds() -> Path:
    """The folder of recorded English prompts."""
    if not (SOUNDS / "demo-congrats.wav").is_file():
        _missing("the recorded prompts", "asterisk-core-sounds-en-wav asterisk-core-sounds-en-gsm")
    return SOUNDS


def can_capture() -> bool:
    """Whether packets can be captured here: tshark is there and the user is root."""
    return shutil.which("tshark") is not None and os.geteuid() == 0
