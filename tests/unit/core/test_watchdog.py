"""The watchdog names what held the loop; it is silent while the loop turns, and its thread ends with it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from globstar.base.log import Level
from globstar.core.watchdog import LoopWatchdog
from tests.support.switch import LogCapture


def hold_the_loop(seconds: float) -> None:
    """Keep the processor busy, as a slow callback does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def block_the_loop(seconds: float) -> None:
    """Wait for something that does not come, as a callback does that reads from a socket."""
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(seconds)
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
async def test_a_stall_is_named_counted_and_logged(hold: Callable[[float], None]) -> None:
    # Generous limits: on a busy machine the loop may be late without anybody's fault.
    watchdog = LoopWatchdog(asyncio.get_running_loop(), limit=0.1)
    watchdog.start()
    try:
        with LogCapture() as log:
            await asyncio.sleep(0.03)
            for _ in range(20):  # on a busy machine a delay may be taken for the machine's, and others are reported, too
                hold(0.5)
                await asyncio.sleep(0.05)
                if any(f"{hold.__name__} (test_watchdog.py:" in text for text in log.texts(Level.WARNING)):
                    break
            else:
                raise AssertionError(log.texts(Level.WARNING))
        assert watchdog.stalls >= 1
        assert watchdog.worst_ms >= 100  # less than was held, where the loop had to wait for a processor meanwhile
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
        hold_the_loop(0.3)
        return weakref.ref(burden)

    watchdog = LoopWatchdog(asyncio.get_running_loop(), limit=0.05)
    watchdog.start()
    try:
        await asyncio.sleep(0.03)
        references = []
        for _ in range(20):  # on a busy machine a delay may be taken for the machine's
            references.append(slow())
            await asyncio.sleep(0.05)
            if watchdog.stalls:
                break
        assert watchdog.stalls
        assert [reference() for reference in references] == [None] * len(references)
    finally:
        watchdog.stop()
