"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without plugins that happen to be installed, unless they are named."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT / "src")}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "globstar.testing.plugin", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize(
    "others", [(), ("-p", "pytest_asyncio", "-o", "asyncio_mode=auto")], ids=["alone", "with pytest-asyncio"]
)
def test_the_example_project_passes(others: tuple[str, ...]):
    done = run_pytest(ROOT / "examples" / "tested-office", *others)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout


def test_a_test_that_fails_says_why(tmp_path: Path):
    (tmp_path / "extensions.conf").write_text("[default]\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nglobstar_config = .\n")
    (tmp_path / "test_it.py").write_text(
        "import asyncio\n\n\nasync def test_wrong(office):\n    assert await office.cli('dialplan show') == 'x'\n\n\n"
        "async def test_stuck(office):\n    office.system.ticker.close()\n    await asyncio.Event().wait()\n\n\n"
        "def test_plain(office):\n    assert office.configuration.is_dir()\n"
    )
    done = run_pytest(tmp_path)
    assert "1 passed" in done.stdout
    assert "2 failed" in done.stdout
    assert "test_wrong" in done.stdout
    assert "Deadlock" in done.stdout or "nothing is scheduled" in done.stdout


def test_no_directory_is_an_error_that_tells_what_to_do(tmp_path: Path):
    (tmp_path / "test_it.py").write_text("async def test_it(office):\n    pass\n")
    done = run_pytest(tmp_path)
    assert done.returncode != 0
    assert "globstar_config" in done.stdout
