"""When the machine is too full for another call: maxcalls, maxload and minmemfree of asterisk.conf."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("asterisk")

#: Load and memory are looked at so often at most, seconds.
_INTERVAL = 1.0
_MEMORY = Path("/proc/meminfo")


class Full(Enum):
    """Why there is no room."""

    CALLS = "maxcalls"
    LOAD = "maxload"
    MEMORY = "minmemfree"


def load_average() -> float:
    """The load average of the last minute; 0 where the system tells none."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return 0.0


def free_memory_mb() -> float:
    """Memory that could be had without swapping, MB; infinite where the system does not tell."""
    try:
        text = _MEMORY.read_text(encoding="ascii")
    except OSError:
        return float("inf")
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) / 1024
    return float("inf")


class Limits:
    """Says whether another call may come; a change is logged once, with the reason."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._looked_at = -_INTERVAL
        self._measured: tuple[Full, str] | None = None
        self._told: Full | None = None
        #: how often a call was refused for each reason
        self.refused = dict.fromkeys(Full, 0)
        self.load_average = load_average
        self.free_memory_mb = free_memory_mb

    def check(self, calls: int) -> Full | None:
        """Why there is no room beside ``calls`` calls; None if there is."""
        options = self._system.options
        found: tuple[Full, str] | None = None
        if options.maxcalls and calls >= options.maxcalls:
            found = Full.CALLS, f"there are {calls} calls, and maxcalls is {options.maxcalls}"
        elif options.maxload or options.minmemfree:
            now = self._system.now()
            if now - self._looked_at >= _INTERVAL:
                self._looked_at = now
                self._measured = self._measure()
            found = self._measured
        reason = found[0] if found is not None else None
        if reason is not self._told:
            self._told = reason
            if found is not None:
                logger.warning(f"calls are refused from now on: {found[1]}")
            else:
                logger.notice("calls are taken again")
        if reason is not None:
            self.refused[reason] += 1
        return reason

    def _measure(self) -> tuple[Full, str] | None:
        options = self._system.options
        if options.maxload:
            load = self.load_average()
            if load >= options.maxload:
                return Full.LOAD, f"the load average is {load:.2f}, and maxload is {options.maxload:g}"
        if options.minmemfree:
            free = self.free_memory_mb()
            if free < options.minmemfree:
                return Full.MEMORY, f"{free:.0f} MB of memory are free, and minmemfree is {options.minmemfree}"
        return None
