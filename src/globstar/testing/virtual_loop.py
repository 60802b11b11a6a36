"""An asyncio loop on virtual time: a wait of an hour takes no time, and a test that waits for nothing fails.

Rules, in the order in which they are applied when no callback is ready:

1. Ready file descriptors are served first.
2. While jobs of ``run_in_executor`` are outstanding, or ``loop.real_time()`` is held, time stands still until they end.
3. With file descriptors registered other than the loop's own, time goes at the pace of the real clock, since a
   peer outside of the loop may answer, and no further than the next deadline, however long the machine had no processor for
   this; ``loop.peers_inside = True`` says that all peers live in this loop, and
   then time jumps as usual. A descriptor that tells of changed files (inotify) counts as the loop's own: who changes them in a
   test is inside.
4. Otherwise time jumps to the next deadline. Without a deadline nothing can ever happen again: the loop raises
   :class:`Deadlock` naming every task and where it waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from typing import Any, TypeVar

_T = TypeVar("_T")

START = 1000.0
"""Virtual time at the start of a loop: not zero, so that ``deadline or default`` shows itself."""

PATIENCE = 60.0
"""Real seconds that outstanding jobs or peers get before the test is told that they are stuck.

Jobs start programs, which on a machine that other tests keep busy takes ten seconds and more.
"""


class Deadlock(AssertionError):
    """Every task waits for something that nothing will bring."""


def describe_tasks(loop: asyncio.AbstractEventLoop) -> str:
    """One line per unfinished task: its name and the innermost place where it waits."""
    lines = []
    for task in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()):
        stack = task.get_stack(limit=1)
        place = f"{stack[0].f_code.co_filename}:{stack[0].f_lineno} in {stack[0].f_code.co_name}" if stack else "?"
        lines.append(f"  {task.get_name()}: waits at {place}")
    return "\n".join(lines) or "  (no task)"


def _tells_of_files(descriptor: int) -> bool:
    try:
        return "inotify" in os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return False


class _Selector(selectors.BaseSelector):
    """Serves ready descriptors without waiting and lets the loop decide how time passes."""

    def __init__(self) -> None:
        self.real = selectors.DefaultSelector()
        self.watches: set[int] = set()
        self.loop: VirtualTimeLoop | None = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self.real.register(fileobj, events, data)
        if _tells_of_files(key.fd):
            self.watches.add(key.fd)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = self.real.unregister(fileobj)
        self.watches.discard(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.real.modify(fileobj, events, data)

    def get_map(self) -> Any:
        return self.real.get_map()

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self.real.get_key(fileobj)

    def close(self) -> None:
        self.real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = self.real.select(0)
        if events or (timeout is not None and timeout <= 0) or self.loop is None:
            return events
        return self.loop.pass_time(self.real, timeout, len(self.watches))


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """See the module's docstring."""

    def __init__(self) -> None:
        self._now = START
        self._outstanding = 0
        self._own_descriptors = 0
        self.peers_inside = False
        #: jobs of ``run_in_executor`` are done at once and in order, on the loop: two runs are the same then
        self.jobs_inline = False
        selector = _Selector()
        super().__init__(selector)
        self._own_descriptors = len(selector.get_map())
        selector.loop = self

    def time(self) -> float:
        return self._now

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now - START

    @contextlib.contextmanager
    def real_time(self) -> Iterator[None]:
        """Keep time still: something outside the loop (a thread of its own) will call back."""
        self._outstanding += 1
        try:
            yield
        finally:
            self._outstanding -= 1

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        if self.jobs_inline:
            return self._done_at_once(func, *args)
        future = super().run_in_executor(executor, func, *args)
        self._outstanding += 1
        future.add_done_callback(self._job_done)
        return future

    def _done_at_once(self, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except StopIteration as error:
            future.set_exception(RuntimeError(f"a job raised {error!r}"))
        except Exception as error:
            future.set_exception(error)
        return future

    async def shutdown_default_executor(self) -> None:
        with self.real_time():
            await super().shutdown_default_executor()

    def _job_done(self, _future: object) -> None:
        self._outstanding -= 1

    def pass_time(
        self, selector: selectors.BaseSelector, timeout: float | None, watches: int = 0
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is ready: wait for outside work, move at real pace, jump, or tell of the deadlock."""
        if self._outstanding:
            events = selector.select(PATIENCE)
            if not events:
                raise Deadlock(f"jobs outside the loop did not end in {PATIENCE:g} s\n{describe_tasks(self)}")
            return events
        if len(selector.get_map()) > self._own_descriptors + watches and not self.peers_inside:
            started = time.monotonic()
            events = selector.select(PATIENCE if timeout is None else timeout)
            if not events and timeout is None:
                raise Deadlock(f"no timer is set and no socket spoke for {PATIENCE:g} s\n{describe_tasks(self)}")
            passed = time.monotonic() - started
            self._now += passed if timeout is None else min(passed, timeout) if events else timeout
            return events
        if timeout is None:
            raise Deadlock(f"nothing is scheduled at virtual second {self.elapsed:g}\n{describe_tasks(self)}")
        self._now += timeout
        return []


def run_virtual(main: Coroutine[Any, Any, _T]) -> _T:
    """Run ``main`` on a virtual-time loop of its own and return its result."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
