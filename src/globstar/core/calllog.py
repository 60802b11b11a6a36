"""The log lines of single calls, kept in memory: of the last calls, as many as their bounds allow."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Record, hub
from globstar.core import events

if TYPE_CHECKING:
    from globstar.core.system import System

#: Calls that are remembered, lines of each (the first and the last ones are kept), and names of channels that are gone.
MOST_CALLS, FIRST_LINES, LAST_LINES, MOST_NAMES = 256, 100, 200, 1024
#: Lines of all calls together.
MOST_LINES = 20_000
#: How much of a log file is searched from its end, bytes, and how many lines are shown at the most.
FILE_TAIL, MOST_SHOWN = 64 * 1024 * 1024, 5000


class _Lines:
    """The lines of one call."""

    __slots__ = ("dropped", "first", "last")

    def __init__(self) -> None:
        self.first: list[tuple[float, Record]] = []
        self.last: deque[tuple[float, Record]] = deque(maxlen=LAST_LINES)
        self.dropped = 0

    def __len__(self) -> int:
        return len(self.first) + len(self.last)

    def add(self, wall: float, record: Record) -> int:
        """Keep a line; by how many there are more now."""
        if len(self.first) < FIRST_LINES:
            self.first.append((wall, record))
            return 1
        is_full = len(self.last) == LAST_LINES
        self.dropped += is_full
        self.last.append((wall, record))
        return int(not is_full)


class CallLog:
    """Service ``call log``: listens to the log between :meth:`start` and :meth:`stop`. It makes no line be logged."""

    def __init__(self, system: System, wall_time: Callable[[], float] = time.time) -> None:
        self._system = system
        self._wall_time = wall_time
        self._calls: OrderedDict[str, _Lines] = OrderedDict()
        self._total = 0
        #: call ids of channels that are gone, by unique id and by name
        self._names: OrderedDict[str, str] = OrderedDict()
        self._undo: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to listen."""
        hub.observe(self._take)
        self._undo = self._system.bus.subscribe(events.ChannelHungUp, self._gone)

    def stop(self) -> None:
        """Stop and forget."""
        hub.stop_observing(self._take)
        self._undo()
        self._calls.clear()
        self._total = 0
        self._names.clear()

    def _take(self, record: Record) -> None:
        call = record.call_id
        if not call:
            return
        lines = self._calls.get(call)
        if lines is None:
            lines = self._calls[call] = _Lines()
        self._total += lines.add(self._wall_time(), record)
        while len(self._calls) > MOST_CALLS or (self._total > MOST_LINES and len(self._calls) > 1):
            _, oldest = self._calls.popitem(last=False)
            self._total -= len(oldest)

    def _gone(self, event: events.ChannelHungUp) -> None:
        channel = event.channel
        if channel.call_id:
            for name in (channel.unique_id, channel.name):
                self._names[name] = channel.call_id
                self._names.move_to_end(name)
            while len(self._names) > MOST_NAMES:
                self._names.popitem(last=False)

    def call_of(self, text: str) -> str:
        """The call id of a channel (its unique id or name, alive or gone lately), or of a call id itself; "" if unknown."""
        channel = self._system.channels_by_id.get(text) or self._system.channels.get(text)
        if channel is not None:
            return channel.call_id
        plain = text.strip("[]")
        return self._names.get(text, "") or (f"C-{plain[2:].lower()}" if _is_call_id(plain) else "")

    def lines(self, call: str) -> tuple[list[tuple[float, Record]], int]:
        """The lines of a call in order, with their times, and how many between the first and the last ones were dropped."""
        found = self._calls.get(call)
        return ([*found.first, *found.last], found.dropped) if found is not None else ([], 0)


def _is_call_id(text: str) -> bool:
    return text[:2].upper() == "C-" and len(text) == 10 and all(digit in "0123456789abcdefABCDEF" for digit in text[2:])


def search_files(paths: Iterable[Path], call: str) -> list[str]:
    """The lines of a call in log files, which slow disks may have: call it off the loop."""
    wanted, found = f"[{call}]".encode(), []
    in_json = f'"callid": "{call}"'.encode()
    for path in paths:
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - FILE_TAIL))
                for line in file:
                    if wanted in line or in_json in line:
                        found.append(line.decode(errors="replace").rstrip("\n"))
                        if len(found) >= MOST_SHOWN:
                            return found
        except OSError:  # rotated away meanwhile, or not readable any more: the other files may have it
            continue
        if found:
            return found
    return found
