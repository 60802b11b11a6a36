"""Rows on their way to a backend that may be down: nothing is lost, and the order stays.

Rows are handed over off the loop, in order, as many at a time as have come. When the backend fails, they and all that follow
wait in a file below the spool folder; it is tried again after a while, and the file's rows go first. What waits survives a
restart. Rows that the backend refuses for what they are (a text too long for its column) go to a file beside it, one by one.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.core.cli_data import CliText, table

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("outbox")

#: Name of the service: the outboxes of a system by name.
SERVICE = "outboxes"
#: Rows wait so long for others to be handed over with them, seconds.
GATHER_TIME = 0.1
#: How long after a failure the backend is tried again, seconds: doubled after each.
FIRST_RETRY, LAST_RETRY = 1.0, 60.0
#: Most rows in one hand-over, unless said otherwise.
BATCH = 500
#: Most rows in memory; more than a moment's come only when neither backend nor disk takes them, and are dropped and counted.
MEMORY_LIMIT = 50_000

#: Longest wait for a backend that does not answer, when the server ends, seconds.
CLOSE_TIME = 10.0

#: What JSON can hold: a list of values or a dict.
Row = Any


class BackendDown(GlobstarError):
    """The backend takes no rows at present."""


class RowRefused(GlobstarError):
    """The backend takes rows, but not these."""


class Outbox:
    """The rows of one backend. ``deliver(rows)`` is called off the loop, one call at a time; it takes all rows or none.

    It raises :class:`BackendDown` or OSError when it cannot now, :class:`RowRefused` when it never will.
    ``name`` (``cdr_csv``) is that of the files and in ``cdr show backends``, which lists those whose name begins with ``cdr_``.
    """

    def __init__(self, system: System, name: str, deliver: Callable[[Sequence[Row]], None], *, batch: int = 0) -> None:
        self.system = system
        self.name = name
        self.deliver = deliver
        #: most rows in one hand-over
        self.batch = batch or BATCH
        self.delivered = 0
        self.refused = 0
        self.dropped = 0
        self.failures = 0
        #: why the backend is down, "" while it is not
        self.error = ""
        #: rows in the file
        self.on_disk = 0
        folder = Path(system.directories.astspooldir) / "outbox"
        plain = name.replace("/", "_")
        self.file = folder / f"{plain}.jsonl"
        self._mark = folder / f"{plain}.done"
        #: octets of the file that were handed over
        self._place = 0
        self._memory: list[Row] = []
        self._moving: list[Row] = []
        self._retry = FIRST_RETRY
        self._retry_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._job: asyncio.Task[None] | None = None
        self._has_opened = not self.file.exists()
        self._has_no_disk = False
        self._is_closed = False
        system.services.setdefault(SERVICE, {})[name] = self
        if not self._has_opened:
            self._wake(0.0)

    @property
    def waiting(self) -> int:
        """How many rows the backend does not have yet."""
        return len(self._memory) + len(self._moving) + self.on_disk

    def put(self, row: Row) -> None:
        """Hand ``row`` over soon."""
        if len(self._memory) >= MEMORY_LIMIT:
            if not self.dropped:
                logger.error(f"{self.name}: neither the backend nor {self.file} takes rows; they are dropped from now on")
            self.dropped += 1
            return
        self._memory.append(row)
        if len(self._memory) == 1 and self._job is None:
            self._wake(GATHER_TIME)

    async def flush(self) -> None:
        """Hand over what waits, now; what the backend does not take is in the file afterwards."""
        self._retry_at = 0.0
        await self._settle()

    async def close(self) -> None:
        """As :meth:`flush`, for the last time; a backend that is known to be down is not tried again."""
        self._retry_at = math.inf if self.error else 0.0
        try:
            await asyncio.wait_for(self._settle(), CLOSE_TIME)
        except TimeoutError:
            rows = [*self._moving, *self._memory]
            logger.error(f"{self.name} does not answer; {len(rows)} rows wait in {self.file} and may be written twice")
            if not await asyncio.get_running_loop().run_in_executor(None, self._spool, rows):
                logger.error(f"{self.name}: {len(rows)} rows are lost: {self.error}")
            self._memory.clear()
        self._is_closed = True
        self._cancel_timer()
        boxes: dict[str, Outbox] = self.system.services.get(SERVICE, {})
        if boxes.get(self.name) is self:
            del boxes[self.name]

    # -- on the loop ---------------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        is_tried = self._retry_at > 0.0
        while self._job or self._memory or not self._has_opened or (self.on_disk and not (self.error and is_tried)):
            is_tried = True
            job = self._job or self._start()
            await asyncio.shield(job)
            self._ended(job)
            if self._has_no_disk:
                return

    def _wake(self, seconds: float) -> None:
        self._cancel_timer()
        if self._is_closed:
            return
        self._timer = self.system.loop.call_later(seconds, self._start)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> asyncio.Task[None]:
        self._cancel_timer()
        job = self._job = self.system.tasks.start(self._work(), name=f"{self.name} outbox")
        job.add_done_callback(self._ended)
        return job

    def _ended(self, job: asyncio.Task[None]) -> None:
        if self._job is not job:
            return
        self._job = None
        if self._memory and not self._has_no_disk:
            self._wake(GATHER_TIME)
        elif self._memory or self.on_disk:
            self._wake(max(GATHER_TIME, min(self._retry_at - self.system.now(), LAST_RETRY)))

    async def _work(self) -> None:
        """One turn: what is on disk, then what is in memory."""
        rows, self._memory = self._memory, []
        self._moving = rows
        was_down = bool(self.error)
        is_due = self.system.now() >= self._retry_at
        taken = self.delivered + self.refused
        try:
            await self.system.run_blocking(self._turn, rows, is_due)
        finally:  # what neither the backend nor the disk took is still there
            self._moving = []
            self._memory = rows + self._memory
        if rows and not self._has_no_disk:
            logger.error(f"{self.name}: rows cannot wait in {self.file}; they wait in memory")
        self._has_no_disk = bool(rows)
        if not self.error:
            self._retry, self._retry_at = FIRST_RETRY, 0.0
            if was_down:
                logger.notice(f"{self.name} is up again")
            return
        if not was_down:
            logger.error(f"{self.name} is down: {self.error}; rows wait in {self.file}")
        if is_due:
            if self.delivered + self.refused > taken:  # it took some: it is worth to try again soon
                self._retry = FIRST_RETRY
            self._retry_at = self.system.now() + self._retry
            self._retry = min(self._retry * 2, LAST_RETRY)

    # -- off the loop --------------------------------------------------------------------------------------------------

    def _turn(self, rows: list[Row], is_due: bool) -> None:
        """Hand over what can be; the rest goes to the file. Each row that found a place is taken out of ``rows``."""
        if not self._has_opened:
            self._open_file()
        if self.on_disk and is_due:
            try:
                self._deliver_file()
            except OSError as error:
                self.error = f"{self.file}: {error.strerror}"
        while rows and not self.on_disk and (is_due or not self.error):
            batch = rows[: self.batch]
            taken = self._hand_over(batch)
            del rows[:taken]
            if taken < len(batch):
                break
        if rows and self._spool(rows):
            rows.clear()

    def _hand_over(self, rows: list[Row]) -> int:
        """How many of the rows the backend took, or refused for good; the others must wait."""
        try:
            self.deliver(rows)
        except RowRefused as refusal:
            if len(rows) == 1:
                self._refuse(rows[0], str(refusal))
                self.error = ""
                return 1
            for index, row in enumerate(rows):  # find the bad ones
                if not self._hand_over([row]):
                    return index
            return len(rows)
        except (BackendDown, OSError) as fault:
            self.failures += 1
            self.error = str(fault) or type(fault).__name__
            return 0
        except Exception as error:  # a bug of the backend must not lose rows
            logger.error(f"{self.name} failed", exception=error)
            self.failures += 1
            self.error = str(error) or type(error).__name__
            return 0
        self.delivered += len(rows)
        self.error = ""
        return len(rows)

    def _refuse(self, row: Row, why: str) -> None:
        self.refused += 1
        file = self.file.with_suffix(".refused")
        try:
            append_whole(file, (json.dumps({"why": why, "row": row}) + "\n").encode())
            logger.error(f"{self.name} refused a row: {why}; it is in {file}")
        except OSError as error:
            logger.error(f"{self.name} refused a row: {why}; it is lost: {error}: {row}")

    def _spool(self, rows: list[Row]) -> bool:
        """Append rows to the file; False if that cannot be."""
        try:
            append_whole(self.file, "".join(json.dumps(row) + "\n" for row in rows).encode())
        except OSError as fault:
            self.error = self.error or f"{self.file}: {fault.strerror}"
            return False
        self.on_disk += len(rows)
        return True

    def _open_file(self) -> None:
        """Count what was left when the server last stopped."""
        self._has_opened = True
        try:
            self._place = int(self._mark.read_text())
        except FileNotFoundError:
            self._place = 0
        except (OSError, ValueError) as error:
            logger.error(f"{self._mark} cannot be read: {error}; rows may be written twice")
        try:
            with self.file.open("rb") as stream:
                stream.seek(self._place)
                self.on_disk = sum(1 for _ in stream)
        except OSError as error:
            logger.error(f"{self.file} cannot be read: {error}")
            return
        if self.on_disk:
            logger.notice(f"{self.name}: {self.on_disk} rows of an earlier run wait in {self.file}")

    def _deliver_file(self) -> None:
        """Hand over the rows of the file, batch by batch, until it is empty or the backend fails. Raises OSError."""
        with self.file.open("rb") as stream:
            stream.seek(self._place)
            while lines := list(itertools.islice(stream, self.batch)):
                taken = self._deliver_lines(lines)
                self._place += sum(map(len, lines[:taken]))
                self.on_disk -= taken
                self._mark.write_text(str(self._place))
                if taken < len(lines):
                    return
        self.file.unlink()
        self._mark.unlink(missing_ok=True)
        self.on_disk = self._place = 0

    def _deliver_lines(self, lines: list[bytes]) -> int:
        """How many lines of the file are done with."""
        rows, places = [], []
        for index, line in enumerate(lines):
            try:
                rows.append(json.loads(line))
                places.append(index)
            except ValueError:
                logger.error(f"{self.file}: a damaged line is left out")
        taken = self._hand_over(rows) if rows else 0
        return places[taken] if taken < len(rows) else len(lines)


def append_whole(file: Path, data: bytes) -> None:
    """Append all of ``data`` or nothing; the folder is made if need be. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def append_lines(rows: Sequence[tuple[str, str]]) -> None:
    """Deliver rows that are a file and a line of it: all of them or, with OSError, none."""
    texts: dict[str, list[str]] = {}
    for file, line in rows:
        texts.setdefault(file, []).append(line)
    written: list[tuple[Path, int]] = []
    try:
        for name, lines in texts.items():
            path = Path(name)
            data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
            append_whole(path, data)
            written.append((path, len(data)))
    except OSError:
        for path, length in written:
            os.truncate(path, path.stat().st_size - length)
        raise


def describe_outboxes(system: System, kind: str) -> CliText:
    """The table of ``cdr show backends``."""
    boxes: dict[str, Outbox] = system.services.get(SERVICE, {})
    rows = [
        (name, box.delivered, box.waiting, box.refused, box.dropped, f"down: {box.error}" if box.error else "up")
        for name, box in sorted(boxes.items())
        if name.startswith(f"{kind}_")
    ]
    columns = [("Backend", "<32"), ("Delivered", ">9"), ("Waiting", ">9"), ("Refused", ">9"), ("Dropped", ">9"), ("State", "")]
    return table(columns, rows)
