"""Whole configuration files that stand in tables: as text, so that they are read as any file is."""

from __future__ import annotations

import glob
from collections.abc import Sequence

from globstar.base.log import Logger
from globstar.config.source import ConfigSource
from globstar.core.realtime.engine import StaticLine

logger = Logger("config")


def render(lines: Sequence[StaticLine], name: str) -> str:
    """The text of a file whose variables are ``lines``; a category begins anew where its name or metric changes."""
    text: list[str] = []
    last: tuple[str, int] | None = None
    for line in lines:
        if line.name.strip().lower() in ("#include", "#tryinclude", "#exec"):
            text.append(f"{line.name.strip().lower()} {_clean(line.value)}")
            last = None
            continue
        if "]" in line.category or not line.category or not line.name.strip():
            logger.warning(f"{name}: a row with category '{line.category}' and name '{line.name}' is left out")
            continue
        if (line.category, line.metric) != last:
            text.append(f"[{_clean(line.category)}]")
            last = (line.category, line.metric)
        text.append(f"{_clean(line.name)} = {_clean(line.value)}")
    return "\n".join(text) + "\n"


def _clean(text: str) -> str:
    """Text that the reader of files takes as it is: one line, and its semicolons no comments."""
    return text.replace("\r", " ").replace("\n", " ").replace(";", "\\;")


class OverlaidSource:
    """A source in which some files come from elsewhere; ``texts`` has them, with None for one that cannot be had now."""

    def __init__(self, below: ConfigSource) -> None:
        self.below = below
        self.texts: dict[str, str | None] = {}

    @property
    def exec_enabled(self) -> bool:
        """As the source below."""
        return self.below.exec_enabled

    def read(self, name: str) -> str:
        """The text of a file. Raises OSError."""
        if name not in self.texts:
            return self.below.read(name)
        text = self.texts[name]
        if text is None:
            raise OSError(f"{name} is in a database that cannot be read")
        return text

    def glob(self, pattern: str) -> Sequence[str]:
        """As the source below, and the files that come from elsewhere by their names."""
        if not glob.has_magic(pattern) and pattern in self.texts:
            return [pattern]
        return self.below.glob(pattern)

    def exec(self, command: str) -> str:
        """As the source below."""
        return self.below.exec(command)
