"""The real server as a child process: configuration in a temporary folder, CLI, logs, clean end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from globstar.interfaces.cli.client import ControlClient, ServerUnreachable
from tests.support.loopback import LEAST, wait_until

DIRECTORIES = (
    "astmoddir",
    "astetcdir",
    "astvarlibdir",
    "astdbdir",
    "astkeydir",
    "astdatadir",
    "astspooldir",
    "astrundir",
    "astlogdir",
)

LOGGER_CONF = """\
[general]
dateformat=%F %T.%3q
[logfiles]
full => notice,warning,error,verbose(3),debug
console => notice,warning,error
"""

_COMPLAINT = re.compile(r"WARNING|ERROR|Traceback")
_NOISE = re.compile(r"loader\.py: module|was discarded")

ENVIRONMENT = dict(os.environ)
"""What programs get that threads start, as pytest changes its own environment meanwhile (see globstar.base.programs)."""

PATIENCE = 60.0
"""Seconds for a command, and for the end of a server."""

SOUNDS = Path("/usr/share/asterisk/sounds")
"""Where Debian's packages put recorded prompts (languages are folders below)."""


def complaints(log: str) -> list[str]:
    """The lines of ``log`` that complain, without those of the watchdog, which tells that the machine is busy."""
    return [line for line in log.splitlines() if _COMPLAINT.search(line) and "watchdog" not in line]


class GlobstarProcess:
    """One running server; ``files`` maps names in the configuration folder to their text.

    ``asterisk.conf`` and ``logger.conf`` are written unless given, with every directory below ``directory``.
    ``prefix`` is a command that runs the server (in a network namespace).
    """

    def __init__(
        self,
        directory: Path,
        files: dict[str, str],
        *,
        boot_timeout: float = 150,
        environment: dict[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        sounds: Path | None = SOUNDS,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.directory = directory
        self.boot_timeout = boot_timeout
        self.expect_channels = 0
        directory.mkdir(parents=True, exist_ok=True)
        self.paths = {name: directory / name.removeprefix("ast").removesuffix("dir") for name in DIRECTORIES}
        for path in self.paths.values():
            path.mkdir(parents=True, exist_ok=True)
        self.config = self.paths["astetcdir"]
        self.control = self.paths["astrundir"] / "asterisk.ctl"
        if sounds is not None and sounds.is_dir():
            self.paths["astdatadir"].joinpath("sounds").symlink_to(sounds)
        everything = {"asterisk.conf": self._asterisk_conf(), "logger.conf": LOGGER_CONF, **files}
        for name, text in everything.items():
            (self.config / name).write_text(text)
        self._output = (directory / "output.txt").open("wb")
        environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "globstar", "-f", "-C", str(self.config / "asterisk.conf"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=directory,
        )

    def _asterisk_conf(self) -> str:
        lines = ["[directories]", *(f"{name} => {path}" for name, path in self.paths.items())]
        return "\n".join([*lines, "[options]", "verbose = 3", "debug = 1", ""])

    @property
    def pid(self) -> int:
        return self.process.pid

    def run_cli(self, command: str, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """``globstar -rx command`` as a user's script runs it."""
        return subprocess.run(
            [sys.executable, "-m", "globstar", "-C", str(self.config / "asterisk.conf"), "-rx", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=ENVIRONMENT,
        )

    def _ask(self, command: str, timeout: float) -> str:
        """The output of a CLI command, by the control socket itself: no program is started for it.

        Raises ServerUnreachable, and OSError (also when there is no answer in time).
        """
        client = ControlClient(self.control, timeout)
        try:
            return str(client.request(run=command)["output"])
        finally:
            client.close()

    def cli(self, command: str, timeout: float = PATIENCE) -> str:
        """The output of a CLI command; it is a failure if the command cannot be run."""
        try:
            return self._ask(command, timeout)
        except (ServerUnreachable, OSError) as error:
            raise AssertionError(f"{command!r} cannot be run: {error!r}") from error

    def wait_booted(self) -> None:
        """Until ``core waitfullybooted`` succeeds; fail with the log if the server ends or takes too long."""
        deadline = time.monotonic() + self.boot_timeout
        last = "no answer"
        while (left := deadline - time.monotonic()) > 0:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                last = self._ask("core waitfullybooted", max(0.5, left))
            except (ServerUnreachable, OSError) as error:
                last = repr(error)
            if "fully booted" in last:
                return
            time.sleep(0.02)  # between two looks
        raise AssertionError(f"not booted in {self.boot_timeout:g} s: {last}\n{self.log_tail()}")

    def channel_count(self) -> int:
        """Active channels as ``core show channels count`` says."""
        output = self.cli("core show channels count")
        for line in output.splitlines():
            words = line.split()
            if len(words) >= 3 and words[1] == "active" and words[2].startswith("channel"):
                return int(words[0])
        raise AssertionError(f"no count in {output!r}")

    def wait_idle(self, timeout: float = 10) -> None:
        """Until no channel is left."""
        wait_until(lambda: self.channel_count() == 0, timeout, "no channel left", interval=0.1)

    def log(self) -> str:
        """All that was logged, files and standard output."""
        logs = [self.directory / "output.txt", *sorted(self.paths["astlogdir"].glob("*"))]
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')}" for path in logs if path.is_file())

    def log_tail(self, lines: int = 120) -> str:
        """The last lines of the log, without what only fills it."""
        return "\n".join([line for line in self.log().splitlines() if not _NOISE.search(line)][-lines:])

    def complaints(self) -> list[str]:
        """What the log complains about."""
        return complaints(self.log())

    def wait_log(self, text: str, timeout: float = 10) -> None:
        """Until ``text`` is logged."""
        wait_until(lambda: text in self.log(), timeout, f"{text!r} in the log")

    def cpu_seconds(self) -> float:
        """CPU time of the whole process, user and system (proc(5), fields 14 and 15 of stat)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        """Open file descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def _channels_left(self) -> int:
        """How many channels stay: a call whose other side has been told of its end may be on its last step yet."""
        deadline = time.monotonic() + LEAST
        while (left := self.channel_count()) > self.expect_channels and time.monotonic() < deadline:
            time.sleep(0.1)  # between two looks
        return left

    def _stop(self) -> None:
        """Say ``core stop now``, whether there is time for an answer or not; raises OSError if there is none for long."""
        try:
            self._ask("core stop now", PATIENCE)
        except ServerUnreachable:
            return

    def finish(self) -> list[str]:
        """Stop and say what was wrong: channels left, an unclean end, a traceback in the log."""
        problems = []
        if self.process.poll() is None:
            try:
                left = self._channels_left()
                if left > self.expect_channels:
                    problems.append(f"{left} channels left: {self.cli('core show channels concise')}")
                self._stop()
            except (AssertionError, OSError) as error:
                problems.append(f"the server did not answer its CLI: {error}")
            try:
                code = self.process.wait(PATIENCE)
                if code != 0:
                    problems.append(f"the server ended with {code}")
            except subprocess.TimeoutExpired:
                problems.append(f"the server did not stop within {PATIENCE:g} s")
                self.process.send_signal(signal.SIGABRT)
                try:
                    self.process.wait(5)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
        else:
            problems.append(f"the server had ended with {self.process.returncode}")
        self._output.close()
        if "Traceback (most recent call last)" in "\n".join(
            path.read_text(errors="replace")
            for path in (self.directory / "output.txt", *self.paths["astlogdir"].glob("*"))
            if path.is_file()
        ):
            problems.append("the log holds a traceback")
        return problems


ServerFactory = Callable[..., GlobstarProcess]
