"""Programs in Node.js with packages of npm, which are installed once into a folder of the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.conftest import IN_CI

FOLDER = Path(__file__).parent.parent / "node"


def packages() -> Path:
    """The folder with the packages of package.json. The test is skipped without npm or network, but not in CI."""
    if shutil.which("npm") is None:
        if IN_CI:
            raise FileNotFoundError("npm")
        pytest.skip("npm is not installed")  # in CI a skip fails the run
    wanted = (FOLDER / "package.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "globstar-tests"
    folder = cache / f"node-{hashlib.sha256(wanted).hexdigest()[:12]}"
    if not (folder / "node_modules").is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        # into a folder of our own, which gets its name when it is complete: other runs of the tests may be at it, too
        with tempfile.TemporaryDirectory(dir=cache) as name:
            being_made = Path(name) / "node"
            being_made.mkdir()
            (being_made / "package.json").write_bytes(wanted)
            command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=being_made, capture_output=True, text=True, timeout=240, check=False)
            if done.returncode:
                if IN_CI:
                    raise RuntimeError(done.stderr)
                # without a registry there is no browser's library to test with; in CI that is the failure above
                pytest.skip(f"npm cannot install the packages: {done.stderr[-200:]}")
            if folder.is_dir() and not (folder / "node_modules").is_dir():
                shutil.rmtree(folder)
            with contextlib.suppress(OSError):  # another run was quicker
                being_made.rename(folder)
    return folder / "node_modules"


def run_node(script: str, *arguments: str, timeout: float = 90) -> str:
    """What a script of ``tests/interop/node`` prints. Raises if it fails."""
    environment = {**os.environ, "NODE_PATH": str(packages())}
    command = ["node", str(FOLDER / script), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout
