"""The log of call queues: one line an event, in a file or a realtime table."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.core.logfiles import LoggerOptions
from globstar.core.outbox import BackendDown, Outbox, Row, append_lines
from globstar.core.realtime import RealtimeFault
from globstar.core.sqlrows import ANSWER_TIME, fault_of, storable

if TYPE_CHECKING:
    from globstar.core.system import System

#: Name of the service.
SERVICE = "queue log"
#: Family of extconfig.conf, and how many of its columns hold what belongs to an event.
FAMILY, DATA_COLUMNS = "queue_log", 5


class QueueLog:
    """Writes events of queues: ``time|call id|queue|agent|event|data...``, as ``[general]`` of logger.conf says.

    Where extconfig.conf maps ``queue_log``, events go into the table, and into the file only with ``queue_log_to_file``.
    """

    def __init__(self, system: System, options: LoggerOptions) -> None:
        self.system = system
        self.options = options
        self.written = 0
        self._file = Outbox(system, "queue_log", append_lines)
        self._table = Outbox(system, "queue_log_realtime", self._store, batch=1)

    @property
    def path(self) -> Path:
        """The file."""
        suffix = f".{socket.gethostname()}" if self.options.appendhostname else ""
        return Path(self.system.directories.astlogdir) / f"{self.options.queue_log_name}{suffix}"

    def configure(self, options: LoggerOptions) -> None:
        """Take other options, and note that the configuration was read again."""
        self.options = options
        self.write("NONE", "NONE", "NONE", "CONFIGRELOAD")

    def write(self, queue: str, call_id: str, agent: str, event: str, *data: str | int) -> None:
        """Log an event; ``NONE`` stands for no queue, call or agent. Line breaks within a value become blanks."""
        if not self.options.queue_log:
            return
        self.written += 1
        wall = self.system.wall_time()
        head = [_clean(text) for text in (call_id, queue, agent, event)]
        details = [_clean(str(value)) for value in data]
        if self.system.realtime.has(FAMILY):
            moment = datetime.fromtimestamp(wall, UTC)
            if not self.options.queue_log_realtime_use_gmt:
                moment = moment.astimezone()
            parts = "|".join(details).split("|", DATA_COLUMNS - 1) if details else []
            columns = [("time", f"{moment:%Y-%m-%d %H:%M:%S.%f}")]
            columns += zip(("callid", "queuename", "agent", "event"), head, strict=True)
            columns += [(f"data{number}", text) for number, text in enumerate(parts, 1)]
            self._table.put(columns)
            if not self.options.queue_log_to_file:
                return
        self._file.put([str(self.path), "|".join([str(int(wall)), *head, "|".join(details)])])

    def _store(self, rows: Sequence[Row]) -> None:
        """Put a row into the realtime table. Called off the loop."""
        job = asyncio.run_coroutine_threadsafe(self._store_one(rows[0]), self.system.loop)
        try:
            job.result(ANSWER_TIME)
        except TimeoutError:
            job.cancel()
            raise BackendDown(f"no answer within {ANSWER_TIME:g} s") from None
        except CancelledError:
            raise BackendDown("the server ends") from None
        except RealtimeFault as fault:
            raise fault_of(fault) from None

    async def _store_one(self, row: Row) -> None:
        await self.system.realtime.store(FAMILY, [(name, value) for name, value in row])

    async def close(self) -> None:
        """Write what waits."""
        await self._file.close()
        await self._table.close()


def _clean(text: str) -> str:
    return storable(text.replace("\r", " ").replace("\n", " "))
