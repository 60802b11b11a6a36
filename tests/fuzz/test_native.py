"""Invariants of the native packet and mixing paths, tried under sanitizers for FUZZ_SECONDS seconds each (3 unless set).

They are at the top of each file in ``native``. clang's libFuzzer steers by coverage; with another compiler a
driver of our own mutates by chance (``native/fuzz.h``).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

from tests.conftest import IN_CI

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).parent / "native"
SECONDS = float(os.environ.get("FUZZ_SECONDS") or 3)
#: By target how many inputs a run of three seconds tries at least: some work more with each than others.
TARGETS = {"relay": 2000, "mixing": 2000, "conference": 2000, "ilbc": 100}
INCLUDES = [f"-I{ROOT / 'src' / 'globstar' / package}" for package in ("media", "dsp")]
FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fno-sanitize-recover=all"]

_RUNS = re.compile(r"^stat::number_of_executed_units: +(\d+)", re.MULTILINE)


def _compiles(command: list[str], folder: Path) -> bool:
    source = folder / "probe.c"
    source.write_text("#include <stddef.h>\nint LLVMFuzzerTestOneInput(const char *data, size_t size) { return data && size; }\n")
    if "-fsanitize=fuzzer,address,undefined" not in command:
        source.write_text("int main(void) { return 0; }\n")
    done = subprocess.run([*command, str(source), "-o", str(folder / "probe")], capture_output=True, check=False)
    return done.returncode == 0


@lru_cache
def compiler(folder: Path) -> tuple[str, ...]:
    """The command that compiles with sanitizers; empty without one."""
    ways = (
        ["clang", "-DLIBFUZZER", "-fsanitize=fuzzer,address,undefined"],
        ["gcc", "-fsanitize=address,undefined"],
        ["cc", "-fsanitize=address,undefined"],
    )
    for way in ways:
        if shutil.which(way[0]) and _compiles(way, folder):
            return tuple(way)
    return ()


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    found = compiler(tmp_path_factory.mktemp("probe"))
    if not found:
        assert not IN_CI, "no compiler with sanitizers"
        # optional on a developer's machine; in CI a skip fails the run
        pytest.skip("there is no compiler with address and undefined-behaviour sanitizers")
    return [*found, *FLAGS, *INCLUDES]


def fuzz(command: list[str], name: str, folder: Path, seconds: float, *more: str) -> subprocess.CompletedProcess[str]:
    """Compile and run one target; what libFuzzer finds lies in ``folder``."""
    program = folder / name
    subprocess.run([*command, *more, str(SOURCES / f"{name}.c"), "-o", str(program), "-lm"], check=True)
    options = [f"-max_total_time={max(1, round(seconds))}", "-seed=1", "-max_len=4096", "-print_final_stats=1"]
    return subprocess.run(
        [str(program), *options, f"-artifact_prefix={folder}/found-"],
        capture_output=True, text=True, errors="backslashreplace", timeout=seconds * 2 + 240, check=False,
    )  # fmt: skip


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", TARGETS)
def test_any_input_keeps_the_invariants(command: list[str], name: str, tmp_path: Path) -> None:
    for seconds in (SECONDS, 5 * SECONDS, 25 * SECONDS):  # a busy machine takes longer for as many inputs
        done = fuzz(command, name, tmp_path, seconds)
        found = [f"{path.name}: {path.read_bytes()!r}" for path in tmp_path.glob("found-*")]
        assert done.returncode == 0, "\n".join([*found, done.stderr[-6000:]])
        runs = _RUNS.search(done.stderr)
        assert runs is not None
        if int(runs[1]) >= TARGETS[name]:
            break
    assert int(runs[1]) >= TARGETS[name]


@pytest.mark.parametrize("name", TARGETS)
def test_a_write_beyond_the_buffer_is_seen(command: list[str], name: str, tmp_path: Path) -> None:
    """The harness gets as far as packets that are sent on, and the sanitizers are at work."""
    done = fuzz(command, name, tmp_path, 60, "-DSELF_TEST")  # it ends with the first
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr or "insufficient space" in done.stderr
