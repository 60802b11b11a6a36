"""What happened, as lines that are the same in two runs, and their hash."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from operator import attrgetter
from typing import Any

from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.channel import Channel

#: Lines that are kept; the hash counts all.
KEPT_LINES = 100_000
#: Stands for the folder of the run's files.
FOLDER = "/office"
#: Events of the machinery that a real clock or the machine has a part in.
_LEFT_OUT = frozenset({"RtcpSent", "RtcpReceived"})


def _text(value: object) -> str:
    kind = value.__class__
    if kind is str:
        return value  # type: ignore[return-value]
    if kind is int or kind is float or kind is bool or value is None:
        return repr(value)
    if isinstance(value, Channel):
        return value.name
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Bridge):
        return value.unique_id
    if isinstance(value, BridgeMember):
        return value.channel.name
    if isinstance(value, tuple | list):
        return f"({' '.join(map(_text, value))})"
    if isinstance(value, Mapping):
        return f"({' '.join(f'{_text(key)}={_text(item)}' for key, item in value.items())})"
    return kind.__name__


#: Lines that are hashed at a time.
_BATCH = 512


class Story:
    """Takes events; ``lines`` are ``seconds event name=value ...``, seconds counted from the beginning.

    ``folder`` is where this run keeps its files, whose name differs from run to run: it is told as :data:`FOLDER`.
    """

    def __init__(self, now: Callable[[], float], folder: str = "") -> None:
        self._now = now
        self._folder = folder
        self._start = now()
        self._hash = hashlib.sha256()
        self._fresh: list[str] = []
        self._shapes: dict[type, _Shape] = {}
        self.count = 0
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)

    def take(self, event: Any) -> None:
        """Note an event."""
        kind = type(event)
        shape = self._shapes.get(kind)
        if shape is None:
            shape = self._shapes[kind] = _Shape(kind)
        if shape.is_left_out:
            return
        values = shape.read(event)
        told = [
            value if value.__class__ is str else value.name if value.__class__ is Channel else _text(value) for value in values
        ]
        self._fresh.append(f"{self._now() - self._start:.3f} " + shape.words % tuple(told))
        self.count += 1
        if len(self._fresh) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        lines, self._fresh = self._fresh, []
        text = "".join(f"{line}\n" for line in lines)
        if self._folder and self._folder in text:
            lines = [line.replace(self._folder, FOLDER) for line in lines]
            text = text.replace(self._folder, FOLDER)
        self.lines.extend(lines)
        self._hash.update(text.encode("utf-8", "replace"))

    def told(self) -> list[str]:
        """The lines that are kept: the last hundred thousand."""
        self._flush()
        return list(self.lines)

    def digest(self) -> str:
        """The hash of all lines so far."""
        self._flush()
        return self._hash.hexdigest()


class _Shape:
    """How events of one type are told: ``words`` with a place for each value that ``read`` gives."""

    __slots__ = ("is_left_out", "read", "words")

    def __init__(self, kind: type) -> None:
        fields = [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
        self.words = " ".join([kind.__name__, *(f"{field}=%s" for field in fields)])
        self.is_left_out = kind.__name__ in _LEFT_OUT
        self.read: Callable[[Any], tuple[Any, ...]]
        if len(fields) > 1:
            self.read = attrgetter(*fields)
        elif fields:
            get = attrgetter(fields[0])
            self.read = lambda event: (get(event),)
        else:
            self.read = lambda event: ()
