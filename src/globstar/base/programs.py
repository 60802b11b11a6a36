"""Programs that worker threads run, and the environment that they get.

``os.environ`` is written to the C library's table, which moves when a variable is added. A thread that starts a program with
that table meanwhile gives it a broken one, or fails with EFAULT. So whoever changes a variable while calls run does it here, and
whoever starts a program in a thread gives it a copy made here.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from typing import Any

_changing = threading.Lock()


def environment() -> dict[str, str]:
    """A copy of the process's environment, whole, from any thread."""
    with _changing:
        return dict(os.environ)


def set_environment(name: str, value: str) -> None:
    """Set a variable of the process's environment, or remove it with an empty value. Raises ValueError for a zero byte."""
    with _changing:
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)


def run_program(words: Sequence[str | bytes], **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a program and wait for its end; ``options`` are those of :func:`subprocess.run`, and an exit status is no error.

    Blocks; raises OSError if there is no such program, subprocess.TimeoutExpired after ``timeout`` seconds.
    """
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    return subprocess.run(words, env=environment(), check=False, **options)


def run_shell(command: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell like :func:`run_program`."""
    return run_program(["/bin/sh", "-c", os.fsencode(command)], **options)
