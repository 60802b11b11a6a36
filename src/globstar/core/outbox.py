"""Rows on their way to a backend that may be down: nothing is lost, and the order stays.

Rows are handed over off the loop, in order, as many at a time as have come. When the backend fails, they and all that follow
wait in a file below the spool folder; it is tried again after a while, and the file's rows go first. When it does not answer,
what comes meanwhile goes to that file before it is much. What waits survives a restart. Rows that the backend refuses for what
they are (a text too long for its column) go to a file beside it, one by one.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.base.loosethreads import LooseThreads
from globstar.core.cli_data import CliText, table
from globstar.core.outboxfile import OutboxFile, append_whole

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("outbox")

#: Name of the service: the outboxes of a system by name.
SERVICE = "outboxes"
#: When a backend was last waited for in vain at its end.
_GAVE_UP = "outbox that did not answer"
#: Rows wait so long for others to be handed over with them, seconds.
GATHER_TIME = 0.1
#: How long after a failure the backend is tried again, seconds: doubled after each.
FIRST_RETRY, LAST_RETRY = 1.0, 60.0
#: Most rows in one hand-over, unless said otherwise.
BATCH = 500
#: Rows in memory from which on they are put into the file while the backend does not answer.
SPILL_LIMIT = 5_000
#: Most rows in memory when neither the backend nor the disk takes them; what comes then is dropped and counted.
MEMORY_LIMIT = 50_000
#: Most rows in memory that nobody had a moment to take yet: the end of a conference of a thousand is half a million.
BURST_LIMIT = 2_000_000
#: How long rows that fail are tried one by one in search of one that passes, seconds.
SUSPECT_TIME = 10.0
#: Longest wait for a backend that does not answer, when the server ends, seconds.
CLOSE_TIME = 10.0
#: The same where another backend was just waited for in vain, seconds.
SHORT_CLOSE_TIME = 1.0

#: What JSON can hold: a list of values or a dict.
Row = Any


class BackendDown(GlobstarError):
    """The backend takes no rows at present."""


class RowRefused(GlobstarError):
    """The backend takes rows, but not these."""


class RowsFailed(GlobstarError):
    """The backend answers, but could not take these rows, for a reason that may be theirs or its own.

    A row that fails by itself while later ones pass is one that is refused; where all fail, they wait.
    """


class _Outcome(Enum):
    TAKEN = "taken"
    REFUSED = "refused"
    FAILED = "failed"
    DOWN = "down"


class Outbox:
    """The rows of one backend. ``deliver(rows)`` is called off the loop, one call at a time; it takes all rows or none.

    It raises :class:`BackendDown` or OSError when it cannot now, :class:`RowRefused` when it never will, :class:`RowsFailed` when
    it does not know which of these it is. It may take its time: each outbox has a thread while it works.
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
        self._file = OutboxFile(Path(system.directories.astspooldir) / "outbox", name.replace("/", "_"))
        self._memory: list[Row] = []
        #: rows that are being handed over, and rows that are being put into the file meanwhile
        self._moving: list[Row] = []
        self._spilling: list[Row] = []
        self._retry = FIRST_RETRY
        self._retry_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._job: asyncio.Task[None] | None = None
        self._spill_job: asyncio.Task[None] | None = None
        self._has_no_disk = False
        self._is_closed = False
        self._told_fault = ""
        system.services.setdefault(SERVICE, {})[name] = self
        if not self._file.is_open:
            self._wake(0.0)

    @property
    def file(self) -> Path:
        """Where rows wait."""
        return self._file.path

    @property
    def on_disk(self) -> int:
        """How many rows are in the file."""
        return self._file.count

    @property
    def waiting(self) -> int:
        """How many rows the backend does not have yet."""
        moving = 0 if self._file.has_moving else len(self._moving)
        return len(self._memory) + len(self._spilling) + moving + self.on_disk

    def put(self, row: Row) -> None:
        """Hand ``row`` over soon."""
        count = len(self._memory)
        if count >= MEMORY_LIMIT and (self._has_no_disk or count >= BURST_LIMIT):
            if not self.dropped:
                logger.error(f"{self.name}: neither the backend nor {self.file} takes rows; they are dropped from now on")
            self.dropped += 1
            return
        self._memory.append(row)
        if self._job is None:
            if not count:
                self._wake(GATHER_TIME)
        elif count >= SPILL_LIMIT and self._spill_job is None and not self._has_no_disk:
            self._spill_job = self.system.tasks.start(self._spill(), name=f"{self.name} outbox to disk")

    async def flush(self) -> None:
        """Hand over what waits, now; what the backend does not take is in the file afterwards."""
        self._retry_at = 0.0
        await self._settle()

    async def close(self) -> None:
        """As :meth:`flush`, for the last time; a backend that is known to be down is not tried again."""
        self._retry_at = math.inf if self.error else 0.0
        # several that stand still, perhaps at the same database, are not waited for one after the other
        others_wait = self.system.now() - self.system.services.get(_GAVE_UP, -math.inf) < CLOSE_TIME
        try:
            await asyncio.wait_for(self._settle(), SHORT_CLOSE_TIME if others_wait else CLOSE_TIME)
        except TimeoutError:
            self.system.services[_GAVE_UP] = self.system.now()
            rows = self._memory
            count = len(self._moving) + len(self._spilling) + len(rows)
            logger.error(f"{self.name} does not answer; {count} rows wait in {self.file} and may be written twice")
            if self._spill_job is not None:
                await self._spill_job
            if not await asyncio.get_running_loop().run_in_executor(None, self._put_aside, rows):
                logger.error(f"{self.name}: {count} rows are lost: {self.error}")
            self._file.give_up()
            self._memory = []
        self._is_closed = True
        self._cancel_timer()
        boxes: dict[str, Outbox] = self.system.services.get(SERVICE, {})
        if boxes.get(self.name) is self:
            del boxes[self.name]

    # -- on the loop ---------------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        is_tried = self._retry_at > 0.0
        while self._job or self._memory or not self._file.is_open or (self.on_disk and not (self.error and is_tried)):
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
        # a thread of its own: backends that do not answer must not keep others, and what else is slow, from being served
        thread = LooseThreads(1, f"globstar-{self.name}")
        try:
            turn = self.system.loop.run_in_executor(thread, self._turn, rows, is_due)
            thread.shutdown()  # it ends with this turn
            await turn
        finally:
            if self._spill_job is not None:
                await self._spill_job
            self._file.takes_over(rows)
            self._moving = []
            self._memory = rows + self._memory  # what neither the backend nor the disk took is still there
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

    async def _spill(self) -> None:
        """Put what is in memory into the file while a turn takes its time."""
        is_done = True
        while is_done and len(self._memory) > SPILL_LIMIT:
            rows, self._memory = self._memory, []
            self._spilling = rows
            try:
                is_done = await self.system.run_blocking(self._put_aside, rows)
            finally:
                self._spilling = []
                self._memory = rows + self._memory
        self._has_no_disk = not is_done
        self._spill_job = None

    # -- off the loop --------------------------------------------------------------------------------------------------

    def _turn(self, rows: list[Row], is_due: bool) -> None:
        """Hand over what can be; the rest goes to the file. Each row that found a place is taken out of ``rows``."""
        file = self._file
        if not file.is_open:
            file.open()
            if file.count:
                logger.notice(f"{self.name}: {file.count} rows of an earlier run wait in {file.path}")
        if file.count or (self.error and not is_due):
            self._keep(rows)
        if file.count and is_due:
            try:
                self._deliver_file()
            except OSError as error:
                self.error = f"{file.path}: {error.strerror}"
        file.takes_over(rows)
        while rows and not file.count and (is_due or not self.error):
            batch = rows[: max(self.batch, BATCH)]
            taken = self._hand_over(batch)
            if file.moved(rows, taken) or taken < len(batch):
                break
        self._keep(rows)

    def _keep(self, rows: list[Row]) -> None:
        """Put what is left of ``rows`` into the file; they stay in ``rows`` if that cannot be."""
        if not rows or self._file.takes_over(rows):
            return
        try:
            self._file.append((), rows)
            self._file.takes_over(rows)
        except OSError as fault:
            self.error = self.error or f"{self.file}: {fault.strerror}"

    def _put_aside(self, rows: list[Row]) -> bool:
        """Put rows into the file, behind those that are being handed over, and out of the list; False if that cannot be."""
        try:
            self._file.append(rows, self._moving)
        except OSError as fault:
            self.error = self.error or f"{self.file}: {fault.strerror}"
            return False
        rows.clear()
        return True

    def _hand_over(self, rows: Sequence[Row]) -> int:
        """How many of the rows, from the first on, are done with: taken, or refused for good. The others must wait."""
        done = index = singly_until = 0
        #: why rows failed by themselves, from ``done`` on: whose fault it was is not known before one passes
        suspects: list[str] = []
        give_up_at = time.monotonic() + SUSPECT_TIME
        while index < len(rows):
            part = rows[index : index + (1 if index < singly_until else self.batch)]
            outcome, why = self._offer(part)
            if outcome is _Outcome.DOWN:
                break
            if outcome is _Outcome.TAKEN:
                for suspect, reason in zip(rows[done:index], suspects, strict=True):
                    self._refuse(suspect, reason)
                suspects.clear()
                index = done = index + len(part)
            elif len(part) > 1:
                singly_until = index + len(part)
            elif suspects and time.monotonic() > give_up_at:
                break
            elif outcome is _Outcome.REFUSED and not suspects:
                self._refuse(part[0], why)
                index = done = index + 1
            else:
                suspects.append(why)
                index += 1
        if suspects:
            self.error = self.error or suspects[0]
        return done

    def _offer(self, rows: Sequence[Row]) -> tuple[_Outcome, str]:
        """Offer rows to the backend: what came of it, and why."""
        try:
            self.deliver(rows)
        except RowRefused as refusal:
            self.error = ""
            return _Outcome.REFUSED, str(refusal)
        except (BackendDown, OSError) as fault:
            outcome, why = _Outcome.DOWN, str(fault)
        except RowsFailed as fault:
            outcome, why = _Outcome.FAILED, str(fault)
        except Exception as error:  # a bug of the backend must not lose rows
            outcome, why = _Outcome.FAILED, str(error) or type(error).__name__
            if self._told_fault != repr(error):
                logger.error(f"{self.name} failed", exception=error)
            self._told_fault = repr(error)
        else:
            self.delivered += len(rows)
            self.error = ""
            return _Outcome.TAKEN, ""
        self.failures += 1
        self.error = why or "it failed"
        return outcome, self.error

    def _refuse(self, row: Row, why: str) -> None:
        self.refused += 1
        file = self.file.with_suffix(".refused")
        try:
            append_whole(file, (json.dumps({"why": why, "row": row}) + "\n").encode(), is_synced=True)
            logger.error(f"{self.name} refused a row: {why}; it is in {file}")
        except OSError as error:
            logger.error(f"{self.name} refused a row: {why}; it is lost: {error}: {row}")

    def _deliver_file(self) -> None:
        """Hand over the rows of the file until it is empty or the backend fails. Raises OSError."""
        while lines := self._file.first(max(self.batch, BATCH)):
            taken = self._deliver_lines(lines)
            self._file.done(lines[:taken])
            if taken < len(lines):
                return

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


def octets_of(text: str) -> bytes:
    """UTF-8, with octets that were none as they came; what is no character at all (half of a pair) is replaced."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def append_lines(rows: Sequence[tuple[str, str]]) -> None:
    """Deliver rows that are a file and a line of it: all of them or, with OSError, none."""
    texts: dict[str, list[str]] = {}
    for file, line in rows:
        texts.setdefault(file, []).append(line)
    written: list[tuple[Path, int]] = []
    try:
        for name, lines in texts.items():
            path = Path(name)
            data = octets_of("".join(f"{line}\n" for line in lines))
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
