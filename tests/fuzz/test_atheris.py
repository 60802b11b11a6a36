"""Invariant: for any bytes, a parser gives a value or raises the remote's fault (``RemoteFault``), never anything else,

and no input costs more than a second of CPU; what was parsed can be written out and read again where the format is ours.

atheris steers mutations of recorded messages by coverage. It owns its process, hence one process per target, for
FUZZ_SECONDS seconds each (3 unless set). An input that breaks the invariant is printed and fails the test.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from globstar.base.errors import RemoteFault
from tests.fuzz.targets import BROKEN, ROOT, SELF_TESTS, SLOWEST, TARGETS, write_seeds

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 3)

_RUNS = re.compile(r"^stat::number_of_executed_units: +(\d+)", re.MULTILINE)
_COVERAGE = re.compile(r"^#\d+\s+(?:INITED|DONE)\s+cov: (\d+)", re.MULTILINE)


def fuzz(name: str, folder: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run one target with its seeds; what it found lies in ``folder``."""
    pytest.importorskip("atheris", reason="atheris is not installed (extra 'test')")
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    assert write_seeds((TARGETS | SELF_TESTS)[name], corpus) > 0
    options = [
        "-seed=1",
        f"-max_total_time={max(1, round(seconds))}",
        "-timeout=120",  # seconds by the clock; what an input costs is measured in CPU by the target
        "-print_final_stats=1",
        "-rss_limit_mb=1024",
    ]
    return subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-m",
            "tests.fuzz.targets",
            name,
            str(corpus),
            *options,
            f"-artifact_prefix={folder}/found-",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=seconds * 2 + 240,
        check=False,
    )


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_give_a_value_or_the_remotes_fault(name: str, tmp_path: Path) -> None:
    for seconds in (SECONDS, 5 * SECONDS, 25 * SECONDS):  # a busy machine takes longer for as many inputs
        folder = tmp_path / f"{seconds:g}"
        done = fuzz(name, folder, seconds)
        found = [f"{path.name}: {path.read_bytes()!r}" for path in folder.glob("found-*")]
        assert done.returncode == 0, "\n".join([*found, done.stderr[-6000:]])
        assert not found
        runs, coverage = _RUNS.search(done.stderr), _COVERAGE.findall(done.stderr)
        assert runs is not None
        if int(runs[1]) >= TARGETS[name].least_runs:
            break
    assert int(runs[1]) >= TARGETS[name].least_runs
    assert coverage, "nothing was instrumented"
    assert int(coverage[-1]) >= 40


@pytest.mark.parametrize(("name", "why"), [("raising", "ValueError: not a remote fault"), ("slow", "s of CPU for one input")])
def test_a_broken_invariant_ends_the_run_and_prints_the_input(name: str, why: str, tmp_path: Path) -> None:
    done = fuzz(name, tmp_path, 5)
    assert done.returncode == BROKEN
    assert "input: b'no'" in done.stderr
    assert why in done.stderr


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_keeps_the_invariant(name: str) -> None:
    """The recorded inputs themselves, whole and each cut off in the middle, without atheris."""
    check = TARGETS[name].make()
    for seed in TARGETS[name].seeds():
        check(seed)
        check(seed[: len(seed) // 2])


REPEATED = (
    b"a", b" ", b",", b";", b"<", b"(", b"[", b'"', b"\\", b"\n", b"\r\n ", b"a:b\r\n", b"Via: x\r\n", b",<sip:a>", b";a=b", b"%",
    b"\r\n", b"a=rtpmap:0 x/8000\r\n", b"m=audio 1 RTP/AVP 0\r\n", b"[a]\n", b"x=y\n", b"x+=y\n", b";--", b"--;", b"${", b"$[",
    b"${a", b"}", b"1+", b"(1", b"!", b"-", b"a?b:", b":", b"a*", b"same => n,NoOp\n", b"exten => _X!,1,NoOp\n",
    b"include => a\n", b"\x80\x00", b"\xff",
)  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
def test_long_repetition_takes_bounded_time(name: str) -> None:
    """16 kB of one thing after a good beginning, or alone: nothing grows worse than the bound allows."""
    target = TARGETS[name]
    check = target.make()
    beginning = next(iter(target.seeds()))
    for unit in REPEATED:
        for data in (unit * (16384 // len(unit)), beginning + unit * (16384 // len(unit))):
            started = time.process_time()
            try:
                check(data)
            except RemoteFault as fault:
                pytest.fail(f"the check of {name} let {fault!r} through for {unit!r}")
            used = time.process_time() - started
            assert used < SLOWEST, f"{name}: {unit!r} repeated takes {used:.2f} s"
