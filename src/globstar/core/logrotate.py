"""Rotating log files by the strategies of logger.conf."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

STRATEGIES = ("sequential", "rotate", "timestamp", "none")


def rotate_file(path: Path, strategy: str, wall: float) -> Path | None:
    """Move ``path`` away as ``strategy`` says; where it is now, None when it stays. Raises ``OSError``."""
    if strategy == "none" or not path.exists():
        return None
    if strategy == "timestamp":
        target = path.with_name(f"{path.name}.{int(wall)}")
        number = 1
        while target.exists():  # two rotations within a second
            target = path.with_name(f"{path.name}.{int(wall)}-{number}")
            number += 1
    elif strategy == "rotate":
        for number in sorted(_numbers(path), reverse=True):
            for ending in _ENDINGS:
                old = path.with_name(f"{path.name}.{number}{ending}")
                if old.exists():
                    old.rename(path.with_name(f"{path.name}.{number + 1}{ending}"))
        target = path.with_name(f"{path.name}.0")
    else:
        target = path.with_name(f"{path.name}.{max(_numbers(path), default=-1) + 1}")
    path.rename(target)
    return target


_ENDINGS = ("", ".gz", ".bz2", ".xz", ".zst")


def _numbers(path: Path) -> Iterable[int]:
    for sibling in path.parent.glob(f"{path.name}.*"):
        text = sibling.name[len(path.name) + 1 :]
        for ending in _ENDINGS[1:]:
            text = text.removesuffix(ending)
        if text.isdigit():
            yield int(text)
