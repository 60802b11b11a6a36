"""A test that leaks a task or a thread fails; proven on a small suite run inside pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[3]

SUITE = """
import asyncio, threading, pytest

async def test_leaks_a_task():
    asyncio.get_running_loop().create_task(asyncio.sleep(60), name="runaway")

async def test_clean():
    task = asyncio.get_running_loop().create_task(asyncio.sleep(60))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

def test_leaks_a_thread():
    threading.Thread(target=threading.Event().wait, args=(60,), name="stray", daemon=True).start()
"""


def test_leaks_fail_the_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'src'}")
    pytester.makeini("[pytest]\nasyncio_mode = auto\n")
    pytester.makeconftest("from tests.conftest import *\nfrom tests.conftest import pytest_runtest_call\n")
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*the test leaked task runaway*", "*the test leaked thread stray*"])
