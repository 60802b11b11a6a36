"""What can be wrong with a configuration file, with the place where it is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.base.errors import RemoteFault


class ConfigError(RemoteFault):
    """A configuration file cannot be used as a whole; `line` is 0 when no line is to blame."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(file, line, message)
        self.file = file
        self.line = line
        self.message = message

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class ConfigFileMissing(ConfigError):
    """The file that was asked for does not exist."""


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """Something to tell the administrator that does not keep the file from being used."""

    file: str
    line: int
    message: str
    level: str = "WARNING"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"
