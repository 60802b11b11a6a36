"""Fixtures of every kind of test: shared data, loops, leak checks, ports, the real server as a process."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import uvloop

from tests.support.compat_record import Recorder
from tests.support.loopback import free_port
from tests.support.server import GlobstarProcess, ServerFactory
from tests.support.virtual_loop import VirtualTimeLoop

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("GLOBSTAR_SHARED") or ROOT.parent / "shared")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

# Shared machines are slow, so no example has a deadline; CI tries the same examples every time.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=20_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if IN_CI else "default"))

_loops: list[asyncio.AbstractEventLoop] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "virtual_time: the test's loop runs on virtual time (all of tests/flow does)")
    config.addinivalue_line("markers", "leaks_threads: threads may outlive the test; say why beside the mark")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``--dist loadscope``: the interop tests are one unit of work, every other test is one of its own."""
    from xdist.scheduler import LoadScopeScheduling

    class SerialInterop(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return "interop" if nodeid.startswith("tests/interop/") else nodeid

        def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
            # All units that a worker was ever given are counted after each test: without those that are done the time for that
            # grows with the number of tests, not with its square.
            super().mark_test_complete(node, item_index, duration)
            units = self.assigned_work[node]
            scope = self._split_scope(self.registered_collections[node][item_index])
            if all(units[scope].values()):
                del units[scope]

    return SerialInterop(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Modules and tests stay until the end: the garbage collector need not go through them again and again.

    What tests make is visited as seldom as in the server (see globstar.interfaces.collector), the oldest generation more often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 5, 20)


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests in flow/ and those marked virtual_time run on virtual time, those of net/ on both loops the server may have."""

    def remembered(make: Callable[[], asyncio.AbstractEventLoop]) -> Callable[[], asyncio.AbstractEventLoop]:
        def factory() -> asyncio.AbstractEventLoop:
            loop = make()
            _loops.append(loop)
            return loop

        return factory

    if item.get_closest_marker("virtual_time") is not None or ROOT / "tests" / "flow" in item.path.parents:
        return {"virtual": remembered(VirtualTimeLoop)}
    real = {"real": remembered(asyncio.SelectorEventLoop)}
    if ROOT / "tests" / "unit" / "net" in item.path.parents:
        real["uvloop"] = remembered(uvloop.new_event_loop)
    return real


#: Tasks that a fixture's system has at any moment, and ends with itself: what waits for a backend is handed over.
_OF_SYSTEMS = (" outbox",)


def _open_tasks() -> dict[int, str]:
    _loops[:] = [loop for loop in _loops if not loop.is_closed()]
    tasks = {id(task): task.get_name() for loop in _loops for task in asyncio.all_tasks(loop)}
    return {key: name for key, name in tasks.items() if not name.endswith(_OF_SYSTEMS)}


def _last_steps() -> None:
    """Let tasks that only have their last steps before them take these: the test was told of the end of what they serve.

    Virtual time does not pass meanwhile.
    """
    for loop in [loop for loop in _loops if not loop.is_closed() and not loop.is_running()]:
        loop.run_until_complete(asyncio.sleep(0 if isinstance(loop, VirtualTimeLoop) else 0.02))


#: Threads of pools, which come when they are needed and stay as long as their pool.
_POOLS = ("asyncio_", "uvloop_", "ThreadPoolExecutor", "globstar-slow", "globstar-curl", "globstar-command")


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if not thread.name.startswith(_POOLS)}


_recorder: Recorder | None = None
if "GLOBSTAR_COMPAT_RECORD" in os.environ:
    _recorder = Recorder(Path(os.environ["GLOBSTAR_COMPAT_RECORD"]))
    _recorder.install()


def pytest_runtest_logstart(nodeid: str, location: object) -> None:
    if _recorder is not None:
        _recorder.begin(nodeid.partition("[")[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that leaves a task or a thread behind which was not there when its body began."""
    tasks, threads = _open_tasks(), _threads()
    yield
    deadline = time.monotonic() + 5
    while (open_tasks := _open_tasks()).keys() - tasks.keys() and time.monotonic() < deadline:
        _last_steps()
    leaked = [f"task {name}" for key, name in open_tasks.items() if key not in tasks]
    if item.get_closest_marker("leaks_threads") is None:
        deadline = time.monotonic() + 10
        while (late := _threads() - threads) and time.monotonic() < deadline:
            min(late, key=id).join(0.05)
        leaked += [f"thread {thread.name}" for thread in late]
    if leaked:
        pytest.fail("the test leaked " + ", ".join(sorted(leaked)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI nothing is skipped: a missing tool fails the run."""
    skipped = terminalreporter.stats.get("skipped", [])
    if IN_CI and skipped:
        terminalreporter.section("skipped although CI skips nothing", red=True)
        for report in skipped:
            terminalreporter.line(f"{report.nodeid}: {report.longrepr}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _recorder is not None:
        _recorder.write()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter is not None and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of compatibility data and golden vectors that stands beside the repository."""
    if not SHARED.is_dir():
        missing = f"no shared data at {SHARED}; set GLOBSTAR_SHARED"
        if IN_CI:
            pytest.fail(missing)
        pytest.skip(missing)
    return SHARED


@pytest.fixture
def port() -> Callable[..., int]:
    """``port()`` is a free loopback port, ``port(n)`` the first of n consecutive ones."""
    return free_port


@pytest.fixture
def globstar_process(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ServerFactory]:
    """Start the real server: ``server = globstar_process({"extensions.conf": "...", "pjsip.conf": "..."})``.

    At the end each server must stop cleanly by ``core stop now`` with no channel left; its log is shown when the test
    fails.
    """
    started: list[GlobstarProcess] = []

    def start(files: dict[str, str], **options: object) -> GlobstarProcess:
        directory = tmp_path / f"server{len(started)}" if started else tmp_path / "server"
        server = GlobstarProcess(directory, files, **options)  # type: ignore[arg-type]
        started.append(server)
        server.wait_booted()
        return server

    try:
        yield start
    finally:
        problems = [problem for server in started for problem in server.finish()]
        for server in started:
            request.node.add_report_section("teardown", f"log of {server.directory.name}", server.log_tail())
    assert not problems, "; ".join(problems)
