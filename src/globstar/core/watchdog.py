"""Names any callback that holds the event loop longer than it may."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time

from globstar.base.log import Logger

logger = Logger("watchdog")


class LoopWatchdog:
    """A thread that looks whether the loop still turns.

    The loop stamps a counter every ``beat`` seconds; when the stamp is older than ``limit`` seconds the thread takes the
    stack of the loop's thread, so that the report names what held it. Reports are counted in ``stalls`` and
    ``worst_ms``; the log line comes from the loop once it turns again. Time in which the loop's thread was ready but got no
    processor, as the kernel counts it, is nobody's fault here and is not reported.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, limit: float = 0.05, beat: float = 0.02) -> None:
        self._loop = loop
        self.limit = limit
        self.beat = beat
        self.stalls = 0
        self.worst_ms = 0
        self.last_report = ""
        self._stamp = 0.0
        self._suspect = ""
        self._handle: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._loop_thread = 0
        self._schedstat = -1
        self._waited = 0.0

    def start(self) -> None:
        """Begin to watch; call it on the loop's thread."""
        self._loop_thread = threading.get_ident()
        with contextlib.suppress(OSError):  # not Linux: every delay is reported
            self._schedstat = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        self._stamp = time.monotonic()
        self._waited = self._time_without_processor()
        self._thread = threading.Thread(target=self._watch, name="globstar-watchdog", daemon=True)
        self._thread.start()
        self._beat()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._schedstat >= 0:
            os.close(self._schedstat)
            self._schedstat = -1

    def _time_without_processor(self) -> float:
        """Seconds that the loop's thread has waited for a processor so far (second number of the kernel's schedstat)."""
        return int(os.pread(self._schedstat, 128, 0).split()[1]) / 1e9 if self._schedstat >= 0 else 0.0

    def _beat(self) -> None:
        now = time.monotonic()
        waited = self._time_without_processor()
        late = now - self._stamp - self.beat - (waited - self._waited)
        self._waited = waited
        if self._suspect and late > self.limit:
            self.stalls += 1
            self.worst_ms = max(self.worst_ms, round(late * 1000))
            self.last_report = self._suspect
            logger.warning(f"the event loop was held for {late * 1000:.0f} ms by {self._suspect}")
        self._suspect = ""
        self._stamp = now
        self._handle = self._loop.call_later(self.beat, self._beat)

    def _watch(self) -> None:
        while not self._stop.wait(self.limit):
            if time.monotonic() - self._stamp > self.limit + self.beat and not self._suspect:
                self._suspect = self._what_runs()

    def _what_runs(self) -> str:
        """The innermost calls of the loop's thread; no frame is kept, as it would keep alive all that it knows."""
        frame = sys._current_frames().get(self._loop_thread)
        calls: list[str] = []
        while frame is not None and len(calls) < 4:
            code = frame.f_code
            calls.append(f"{code.co_name} ({code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno})")
            frame = frame.f_back
        return " < ".join(calls)
