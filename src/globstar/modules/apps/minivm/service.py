"""The service: accounts, their folders, counters, statistics."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.base.programs import run_program
from globstar.modules.apps.minivm.settings import Account, MinivmSettings, read_minivm, split_address

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("app_minivm")

SERVICE = "minivm"
#: How long externnotify may take, seconds.
NOTIFY_LIMIT = 30.0
_COUNTER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(slots=True)
class Statistics:
    """What happened since the last reload; times are UTC seconds."""

    reset_at: float
    messages: int = 0
    last_message_at: float = 0.0


class MinivmService:
    """All accounts of a system; service ``minivm``."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.settings = MinivmSettings()
        self.statistics = Statistics(system.wall_time())
        self.root = Path(system.directories.astspooldir) / "voicemail"
        self._lock = threading.Lock()

    def load(self) -> None:
        """Read minivm.conf. Raises ``ConfigError`` and changes nothing if it is broken."""
        self.settings = read_minivm(self.system.configuration.read("minivm.conf"))
        self.statistics = Statistics(self.system.wall_time())

    def folder(self, account: Account) -> Path:
        """Where the greetings and counters of an account are."""
        return self.root / account.domain / account.user

    def greeting(self, account: Account, kind: str) -> str | None:
        """The account's own sound ``temp``, ``busy``, ``unavail`` or ``greet`` (its name); None without one."""
        stem = str(self.folder(account) / kind)
        return stem if self.system.sounds.exists(stem) else None

    def received(self) -> None:
        """A message was recorded."""
        self.statistics.messages += 1
        self.statistics.last_message_at = self.system.wall_time()

    # -- counters: files that hold a number ----------------------------------------------------------------------------------

    def counter_file(self, owner: str, name: str) -> Path | None:
        """The file of a counter of an account (``user@domain``) or a domain; None if that is no such name."""
        if _COUNTER.fullmatch(name) is None:
            return None
        address = split_address(owner)
        if address is not None:
            user, domain = address
            return self.root / domain / user / f"{name}.counter"
        if _DOMAIN.fullmatch(owner) is None or ".." in owner:
            return None
        return self.root / owner / f"{name}.counter"

    def read_counter(self, file: Path) -> int:
        """The value of a counter, 0 for one that was never written. Reads the disk."""
        try:
            return int(file.read_text(encoding="ascii").strip() or 0)
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            logger.warning(f"counter {file}: {error}")
            return 0

    def change_counter(self, file: Path, value: int, operand: str) -> int:
        """Set a counter, or add to it (i), or take from it (d); the new value. Writes the disk. Raises OSError."""
        with self._lock:
            if operand != "s":
                value = self.read_counter(file) + (value if operand == "i" else -value)
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(".new")
            new.write_text(f"{value}\n", encoding="ascii")
            os.replace(new, file)
        return value

    # -- what is told to the outside -----------------------------------------------------------------------------------------

    def log(self, line: str) -> None:
        """Add a line to ``logfile``. Writes the disk."""
        name = self.settings.general.logfile
        if not name:
            return
        try:
            with open(name, "a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            logger.warning(f"logfile {name}: {error.strerror}")

    def run_externnotify(self, account: Account, *arguments: str) -> None:
        """Run ``externnotify`` of the account, else of all, with the address and ``arguments``. Waits for its end."""
        program = account.options.externnotify or self.settings.general.externnotify
        if not program:
            return
        command = [*shlex.split(program), account.address, *arguments]
        try:
            run_program(command, timeout=NOTIFY_LIMIT)
        except OSError as error:
            logger.warning(f"externnotify {program}: {error.strerror}")
        except subprocess.TimeoutExpired:
            logger.warning(f"externnotify {program} takes more than {NOTIFY_LIMIT:g} s and was ended")


def service_of(system: System) -> MinivmService:
    """The service of a system whose module is loaded."""
    service = system.service(SERVICE, MinivmService)
    assert service is not None
    return service
