"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad it is: an error cannot work, a warning is probably not meant, a note is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


#: Every kind of finding, and how bad it is.
KINDS: dict[str, Severity] = {
    "syntax": Severity.ERROR,
    "unknown-application": Severity.ERROR,
    "unknown-function": Severity.ERROR,
    "unknown-option": Severity.ERROR,
    "unknown-context": Severity.ERROR,
    "unknown-extension": Severity.ERROR,
    "unknown-label": Severity.ERROR,
    "unreachable": Severity.WARNING,
    "unset-variable": Severity.WARNING,
    "endless-loop": Severity.WARNING,
    "caller-controlled": Severity.WARNING,
    "not-here": Severity.NOTE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where. ``context`` and ``extension`` are empty where it is in no extension."""

    kind: str
    file: str
    line: int
    message: str
    context: str = ""
    extension: str = ""
    priority: int = 0

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return KINDS[self.kind]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity.value}: {self.message} [{self.kind}]"
