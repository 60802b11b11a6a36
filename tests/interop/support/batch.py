"""SIPp scenarios as tests: each builds its scripts, and all that were selected run side by side against few servers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.interop.support.script import Moment, Script
from tests.interop.support.sipp import Sipp
from tests.support.loopback import free_port, wait_until
from tests.support.server import GlobstarProcess

WORKERS = 5
PATIENCE = 90.0
"""Seconds that a party gets for its script."""
SIPP_TRANSPORTS = {"udp": "u1", "tcp": "t1", "tls": "t1", "ws": "t1", "wss": "t1"}
"""SIPp itself speaks UDP and TCP; the others go through a relay (``tests/interop/support/relay.py``)."""


@dataclass
class Call:
    """What a scenario is built from: the scripts of its parties, called ones first."""

    transport: str
    scripts: list[Script] = field(default_factory=list)
    first: list[Script] = field(default_factory=list)
    """Run to their end before the others begin."""
    check: Callable[[list[Sipp]], None] | None = None
    """Looks at what every party received, in the order of ``scripts``."""

    def callee(self, name: str = "callee") -> Script:
        """A party that is called; ``{port}`` of a caller's number is its port."""
        transport = self.transport if self.transport in ("udp", "tcp") else "udp"
        script = Script(f"{name}{len(self.scripts)}", port=free_port(2), transport=transport)
        script.user = name
        self.scripts.append(script)
        return script

    def before(self, user: str) -> Script:
        """A party whose requests are answered before the others begin: who registers, as a rule."""
        script = Script(f"before{len(self.first)}", port=free_port(2), number=user, transport=self.transport)
        script.user = user
        self.first.append(script)
        return script

    def caller(self, user: str = "alice", number: str = "100", to: Script | None = None) -> Script:
        """A party that sends the first request."""
        if to is not None:
            protocol = "tcp" if to.transport == "tcp" else "udp"
            number = f"to*{to.user}*{to.port}*{protocol}"
        script = Script(f"{user}{len(self.scripts)}", port=free_port(2), number=number, transport=self.transport)
        script.user = user
        self.scripts.append(script)
        return script


class Helper(Protocol):
    """Something beside a server that ends with it: a relay, a name server."""

    def close(self) -> None: ...


Build = Callable[[Call], None]
Start = Callable[[Path], tuple[GlobstarProcess, dict[str, int], Sequence[Helper]]]
"""Starts a server in a folder; the port of each of its transports, and what ends with the server."""


def scenario(on: str = "udp", server: str = "main") -> Callable[[Build], Callable[..., None]]:
    """Make a test of a function that builds the scripts; it runs once on each of the transports ``on``."""

    def decorate(build: Build) -> Callable[..., None]:
        @pytest.mark.parametrize("transport", on.split())
        def run(batch: Batch, transport: str) -> None:
            batch.passed(build, transport, _server_for(server, transport))

        run.__name__, run.__doc__, run.__module__ = build.__name__, build.__doc__, build.__module__
        run.scenario = (build, server)  # type: ignore[attr-defined]
        return run

    return decorate


def _server_for(server: str, transport: str) -> str:
    """The other transports have a server of their own, whose endpoints are reached by the connections that they made."""
    return "secure" if server == "main" and transport in ("tls", "ws", "wss") else server


class Batch:
    """Runs the scenarios of all selected tests, some at a time, and gives each test its result."""

    def __init__(self, directory: Path, servers: Mapping[str, Start]) -> None:
        self.directory = directory
        self._make = servers
        self._servers: dict[str, tuple[GlobstarProcess, dict[str, int], Sequence[Helper]]] = {}
        self._starting = threading.Lock()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="ThreadPoolExecutor-sipp")
        self._results: dict[tuple[str, str], Future[None]] = {}

    def select(self, items: list[Any]) -> None:
        """Begin with everything that will be asked for."""
        for item in items:
            found = getattr(getattr(item, "function", None), "scenario", None)
            if found is not None:
                transport = item.callspec.params["transport"]
                self._begin(found[0], transport, _server_for(found[1], transport))

    def _begin(self, build: Build, transport: str, server: str) -> Future[None]:
        key = (f"{build.__module__}.{build.__name__}", transport)
        if key not in self._results:
            self._results[key] = self._pool.submit(self._run, build, transport, server)
        return self._results[key]

    def passed(self, build: Build, transport: str, server: str) -> None:
        """Fail unless the scenario went as written."""
        try:
            self._begin(build, transport, server).result()
        except AssertionError as failed:
            pytest.fail(str(failed), pytrace=False)

    def _server(self, name: str) -> tuple[GlobstarProcess, dict[str, int], Sequence[Helper]]:
        with self._starting:
            if name not in self._servers:
                self._servers[name] = self._make[name](self.directory / name)
            return self._servers[name]

    def process(self, server: str) -> GlobstarProcess:
        """A server, for its CLI."""
        return self._server(server)[0]

    def port(self, server: str, transport: str) -> int:
        """Where a server listens, for a test that speaks to it without SIPp."""
        return self._server(server)[1][transport]

    def _run(self, build: Build, transport: str, server_name: str) -> None:
        listening = self._server(server_name)[1]
        call = Call(transport)
        build(call)
        directory = self.directory / "runs" / f"{build.__module__.rpartition('.')[2]}.{build.__name__}.{transport}"
        running: list[Sipp] = []
        of_script: dict[int, Sipp] = {}

        def wait_for(other: Script, pattern: str, times: int = 1, *, copies: bool = False) -> None:
            sipp = of_script[id(other)]
            wait_until(lambda: sipp.saw(pattern, times, copies=copies), PATIENCE, f"{pattern!r} at {sipp.directory.name}")

        def go_on(script: Script, moment: Moment) -> None:
            wait_for(moment.script, moment.pattern, moment.times, copies=moment.copies)
            of_script[id(script)].go_on()

        def start(script: Script) -> Sipp:
            sipp = Sipp(
                script,
                directory,
                remote=None if script.number == "service" else listening[script.transport],
                number=script.number,
                port=script.port,
                transport=SIPP_TRANSPORTS[script.transport],
                timeout=PATIENCE,
                control=free_port(2),
            )
            running.append(sipp)
            of_script[id(script)] = sipp
            return sipp

        try:
            for script in call.first:
                start(script).passed()
            running.clear()
            try:
                for script in call.scripts:
                    if script.begins is not None:
                        wait_for(*script.begins)
                    start(script)
                for script in call.scripts:
                    for moment in script.moments:
                        go_on(script, moment)
                for sipp in reversed(running):
                    sipp.passed()
                if call.check is not None:
                    call.check(running)
            except AssertionError as failed:
                reports = "\n".join(f"===== {sipp.directory.name}\n{sipp.report()}" for sipp in running)
                raise AssertionError(f"{failed}\n{reports}") from None
        finally:
            for sipp in running:
                sipp.__exit__()

    def close(self) -> list[str]:
        """End the servers; what was wrong with them."""
        self._pool.shutdown(cancel_futures=True)
        problems = []
        for name, (server, _, helpers) in self._servers.items():
            with contextlib.suppress(AssertionError):  # finish() says which channels are left
                server.wait_idle(15)
            for helper in helpers:
                helper.close()
            problems += [f"{name}: {problem}" for problem in server.finish()]
            problems += [f"{name}: {line}" for line in server.log().splitlines() if "Traceback" in line]
        return problems
