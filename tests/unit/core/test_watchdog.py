"""The watchdog names what held the loop; it is silent while the loop turns, and its thread ends with it."""

from __future__ import annotations

import asyncio
import socket
import threading
import weakref
from collections.abc import Callable

import pytest

from globstar.base.log import Level
from globstar.core.watchdog import LoopWatchdog
from tests.support.switch import LogCapture

LIMIT = 0.1


def hold_the_loop(watchdog: LoopWatchdog) -> None:
    """Keep the processor busy, as a slow callback does, until the watchdog has seen enough of it."""
    watchdog._suspect = ""  # of what a busy machine put off before we began
    while not watchdog._suspect or watchdog.late() < 2 * LIMIT:
        pass


def block_the_loop(watchdog: LoopWatchdog) -> None:
    """Wait for something that does not come, as a callback does that reads from a socket, until the watchdog has seen it."""
    watchdog._suspect = ""
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(3 * LIMIT)
        while not watchdog._suspect or watchdog.late() < 2 * LIMIT:
            with pytest.raises(TimeoutError):
                left.recv(1)


async def until(condition: Callable[[], bool]) -> None:
    """The watchdog has a thread of its own, so there is nothing to wait for on the loop."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("not within ten seconds")


@pytest.mark.parametrize("hold", [hold_the_loop, block_the_loop])
async def test_a_stall_is_named_counted_and_logged(hold: Callable[[LoopWatchdog], None]) -> None:
    watchdog = LoopWatchdog(asyncio.get_running_loop(), limit=LIMIT)
    watchdog.start()
    try:
        with LogCapture() as log:
            hold(watchdog)
            await until(lambda: bool(watchdog.stalls))
        assert any(f"{hold.__name__} (test_watchdog.py:" in text for text in log.texts(Level.WARNING)), log.texts(Level.WARNING)
        assert watchdog.worst_ms >= 2 * LIMIT * 1000
        assert watchdog.last_report
    finally:
        watchdog.stop()


async def test_a_loop_that_turns_is_left_alone_and_the_thread_ends() -> None:
    before = threading.active_count()
    watchdog = LoopWatchdog(asyncio.get_running_loop(), limit=0.2)
    watchdog.start()
    assert threading.active_count() == before + 1
    for _ in range(200):  # several looks of the watchdog
        await asyncio.sleep(0.005)
    watchdog.stop()
    watchdog.stop()
    assert (watchdog.stalls, watchdog.last_report) == (0, "")
    await until(lambda: threading.active_count() == before)


async def test_what_held_the_loop_is_not_kept_alive() -> None:
    class Burden:
        """Something that a slow callback has at hand."""

    def slow() -> weakref.ref[Burden]:
        burden = Burden()
        hold_the_loop(watchdog)
        return weakref.ref(burden)

    watchdog = LoopWatchdog(asyncio.get_running_loop(), limit=LIMIT)
    watchdog.start()
    try:
        reference = slow()
        await until(lambda: bool(watchdog.stalls))
        assert reference() is None
    finally:
        watchdog.stop()
