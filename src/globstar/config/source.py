"""Where configuration text comes from: the file system, or a dictionary in a test."""

from __future__ import annotations

import fnmatch
import glob
import os
import posixpath
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from globstar.base.programs import run_shell


class ConfigSource(Protocol):
    """Access to configuration text by name; a relative name is relative to the configuration directory."""

    @property
    def exec_enabled(self) -> bool:
        """Whether `#exec` may run commands (asterisk.conf: execincludes)."""
        ...

    def read(self, name: str) -> str:
        """Return the text of a file (bytes that are not UTF-8 as surrogates); raises OSError."""
        ...

    def glob(self, pattern: str) -> Sequence[str]:
        """Return the names of existing files that match `pattern`, sorted; [] when there is none."""
        ...

    def exec(self, command: str) -> str:
        """Run a shell command and return what it printed; raises OSError."""
        ...


class FileSource:
    """Files under a root directory of the operating system."""

    EXEC_TIMEOUT_S = 30.0

    def __init__(self, root: str | os.PathLike[str], exec_enabled: bool = False) -> None:
        self.root = Path(root)
        self._exec_enabled = exec_enabled

    @property
    def exec_enabled(self) -> bool:
        return self._exec_enabled

    def path(self, name: str) -> Path:
        """Return the path of a configuration file; an absolute name is taken as it is."""
        return self.root / name

    def read(self, name: str) -> str:
        return self.path(name).read_bytes().decode("utf-8", "surrogateescape")

    def glob(self, pattern: str) -> Sequence[str]:
        if not glob.has_magic(pattern):
            return [pattern] if self.path(pattern).is_file() else []
        found = glob.glob(pattern, root_dir=self.root)
        return sorted(name for name in found if self.path(name).is_file())

    def exec(self, command: str) -> str:
        try:
            done = run_shell(command, cwd=self.root, capture_output=True, timeout=self.EXEC_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"no end after {error.timeout:g} s") from error
        if done.returncode != 0:
            raise ChildProcessError(f"exit status {done.returncode}")
        return done.stdout.decode("utf-8", "surrogateescape")


class MemorySource:
    """Texts in a dictionary; `commands` answers `#exec` when it is given."""

    def __init__(self, files: Mapping[str, str], commands: Mapping[str, str] | None = None) -> None:
        self.files = files
        self.commands = commands

    @property
    def exec_enabled(self) -> bool:
        return self.commands is not None

    def read(self, name: str) -> str:
        try:
            return self.files[name]
        except KeyError:
            raise FileNotFoundError(name) from None

    def glob(self, pattern: str) -> Sequence[str]:
        if not glob.has_magic(pattern):
            return [pattern] if pattern in self.files else []
        folder = posixpath.dirname(pattern)
        return sorted(name for name in self.files if fnmatch.fnmatchcase(name, pattern) and posixpath.dirname(name) == folder)

    def exec(self, command: str) -> str:
        if self.commands is None or command not in self.commands:
            raise FileNotFoundError(command)
        return self.commands[command]
