"""Names any callback that holds the event loop longer than it may."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import threading
import time

from globstar.base.log import Logger

logger = Logger("watchdog")


class LoopWatchdog:
    """A thread that looks whether the loop still turns.

    Every ``limit`` seconds it looks whether the loop's thread sleeps until something happens (the kernel tells); if not, it asks
    the loop for a sign. When none comes for ``limit`` seconds it takes the stack of the loop's thread, so that the report names
    what held it. Reports are counted in ``stalls`` and ``worst_ms`` (as long as was surely seen); the log line comes from the
    loop once it turns again. Time in which the loop's thread was ready but got no processor, as the kernel counts it, is
    nobody's fault here and is not reported, nor that in which this thread got none: it may have had Python's lock meanwhile, for
    which the loop's thread waits asleep. A loop that does nothing is left asleep.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, limit: float = 0.05) -> None:
        self._loop = loop
        self.limit = limit
        self.stalls = 0
        self.worst_ms = 0
        self.last_report = ""
        #: when the loop was asked for a sign; None while it owes none
        self._asked_at: float | None = None
        self._suspect = ""
        self._thread: threading.Thread | None = None
        #: closing the second one ends the thread: 20 times a second, to wait for a pipe costs three fifths of what an Event does
        self._ends = (-1, -1)
        self._loop_thread = 0
        self._schedstats: list[int] = []
        self._wchan = -1
        self._waited = 0.0

    def start(self) -> None:
        """Begin to watch; call it on the loop's thread."""
        self._loop_thread = threading.get_ident()
        self._follow_processor()
        with contextlib.suppress(OSError):  # not Linux: the loop is asked whatever it does
            self._wchan = os.open(f"/proc/self/task/{threading.get_native_id()}/wchan", os.O_RDONLY | os.O_CLOEXEC)
        self._ends = os.pipe()
        self._thread = threading.Thread(target=self._watch, name="globstar-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        if self._thread is not None:
            os.close(self._ends[1])
            self._thread.join()
            self._thread = None
            os.close(self._ends[0])
        for file in (*self._schedstats, self._wchan):
            if file >= 0:
                os.close(file)
        self._schedstats = []
        self._wchan = -1

    def _follow_processor(self) -> None:
        """Count the time that the calling thread waits for a processor, too."""
        with contextlib.suppress(OSError):  # not Linux: every delay is reported
            name = f"/proc/self/task/{threading.get_native_id()}/schedstat"
            self._schedstats.append(os.open(name, os.O_RDONLY | os.O_CLOEXEC))

    def _time_without_processor(self) -> float:
        """Seconds that both threads have waited for a processor so far (second number of the kernel's schedstat)."""
        return sum(int(os.pread(file, 128, 0).split()[1]) for file in self._schedstats) / 1e9

    def late(self) -> float:
        """Seconds for which the loop owes a sign that it turns, without those in which it could not have given one."""
        asked_at = self._asked_at
        return 0.0 if asked_at is None else time.monotonic() - asked_at - (self._time_without_processor() - self._waited)

    def _is_asleep(self) -> bool:
        """Whether the loop's thread waits for events, by the kernel's function that it sleeps in."""
        return self._wchan >= 0 and os.pread(self._wchan, 128, 0).startswith((b"do_epoll", b"ep_poll"))

    def _watch(self) -> None:
        self._follow_processor()
        stop, milliseconds = select.poll(), self.limit * 1000
        stop.register(self._ends[0], 0)  # nothing but the end of the other side
        while not stop.poll(milliseconds):
            if self._asked_at is None:
                if not self._is_asleep():
                    self._suspect = ""
                    self._waited = self._time_without_processor()
                    self._asked_at = time.monotonic()
                    self._loop.call_soon_threadsafe(self._turned)
            elif not self._suspect:
                self._suspect = self._what_runs()

    def _turned(self) -> None:
        """The sign: the loop turns."""
        suspect = self._suspect
        if self._asked_at is None or self._thread is None:
            return
        late = self.late()
        if suspect and late > self.limit:
            self.stalls += 1
            self.worst_ms = max(self.worst_ms, round(late * 1000))
            self.last_report = suspect
            logger.warning(f"the event loop was held for {late * 1000:.0f} ms by {suspect}")
        self._suspect = ""
        self._asked_at = None

    def _what_runs(self) -> str:
        """The innermost calls of the loop's thread; no frame is kept, as it would keep alive all that it knows."""
        frame = sys._current_frames().get(self._loop_thread)
        calls: list[str] = []
        while frame is not None and len(calls) < 4:
            code = frame.f_code
            calls.append(f"{code.co_name} ({code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno})")
            frame = frame.f_back
        return " < ".join(calls)
