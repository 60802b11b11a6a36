"""The tests of the native modules once more, with the modules compiled under sanitizers: no race, no access out of bounds.

Compiling and running takes a minute or two for each sanitizer, so it is a part of ``make fuzz`` only (FUZZ_SECONDS of 30 and
more).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import IN_CI

ROOT = Path(__file__).resolve().parents[2]
IS_LONG = float(os.environ.get("FUZZ_SECONDS") or 0) >= 30
#: What is watched, and the library that has to be loaded first.
SANITIZERS = {"thread": ("libtsan.so",), "address,undefined": ("libasan.so", "libubsan.so")}
TESTS = [
    "tests/unit/media/test_native.py", "tests/unit/media/test_native_ring.py", "tests/unit/media/test_native_feedback.py",
    "tests/unit/media/test_srtp.py",    "tests/unit/media/test_sockets.py",
    "tests/unit/net/test_batch.py", "tests/unit/dsp/test_mixer.py", "tests/unit/modules/bridges/test_softmix_native.py",
    "tests/unit/dsp/test_ilbc.py",
]  # fmt: skip
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=0:exitcode=66",  # the interpreter keeps what it has at its end
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "exitcode=66",
    "PYTHONMALLOC": "malloc",
    "OPENBLAS_NUM_THREADS": "1",  # its threads are none of ours, and are not instrumented
}


def _copy(folder: Path) -> Path:
    """The repository without what is built."""
    root = folder / "repository"
    left_out = shutil.ignore_patterns(".*", "*.so", "build", "var", "__pycache__", "*.egg-info", "_*.c")
    shutil.copytree(ROOT, root, ignore=left_out)
    return root


def _compile(root: Path, sanitizer: str) -> None:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for source in sorted(root.glob("src/globstar/*/_*.pyx")):
        written = source.with_suffix(".c")
        subprocess.run([sys.executable, "-m", "cython", "-3", str(source), "-o", str(written)], check=True, cwd=root / "src")
        flags = ["-shared", "-fPIC", "-O1", "-g", "-fno-omit-frame-pointer", f"-fsanitize={sanitizer}"]
        folders = [f"-I{sysconfig.get_path('include')}", f"-I{source.parent}"]
        subprocess.run(["gcc", *flags, *folders, str(written), "-o", str(source.with_suffix(suffix)), "-lm"], check=True)


def _libraries(names: tuple[str, ...]) -> str:
    found = [subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip() for name in names]
    return ":".join(path for path in found if "/" in path)


if IS_LONG:

    @pytest.mark.timeout(0)
    @pytest.mark.parametrize("sanitizer", SANITIZERS)
    def test_the_native_modules_are_clean(sanitizer: str, tmp_path: Path) -> None:
        if shutil.which("gcc") is None or not _libraries(SANITIZERS[sanitizer]):
            assert not IN_CI, "no compiler with sanitizers"
            # optional on a developer's machine; in CI a skip fails the run
            pytest.skip("there is no gcc with sanitizers")
        pytest.importorskip("Cython", reason="Cython is not installed (extra 'dev')")
        root = _copy(tmp_path)
        _compile(root, sanitizer)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", *TESTS],
            cwd=root,
            env={**os.environ, **ENVIRONMENT, "LD_PRELOAD": _libraries(SANITIZERS[sanitizer]), "PYTHONPATH": str(root / "src")},
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
        )
        output = done.stdout[-8000:] + done.stderr[-8000:]
        assert done.returncode == 0, output
        assert "native module was not built" not in output
        assert "Sanitizer" not in output
        assert "runtime error" not in output
