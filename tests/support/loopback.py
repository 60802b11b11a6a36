"""Free ports on the loopback address and waiting for a condition with a deadline."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable

HOST = "127.0.0.1"

# Below the kernel's ephemeral range, and a stripe of its own for every test process, so that
# parallel workers neither meet one another nor a client socket of a program under test.
_STRIPE = 1000
_counter = itertools.count()


def _stripe_start() -> int:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return 11000 + (int(worker) + os.getpid()) % 20 * _STRIPE


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def free_port(count: int = 1) -> int:
    """The first of ``count`` (rounded up to even) consecutive ports free for UDP and TCP; never given twice."""
    size = count + count % 2
    start = _stripe_start()
    for _ in range(_STRIPE):
        first = start + next(_counter) * 2 % (_STRIPE - size)
        if all(_is_free(first + offset) for offset in range(size)):
            for _ in range(size // 2 - 1):
                next(_counter)
            return first
    raise RuntimeError(f"no {count} free ports from {start} on")


def wait_until(condition: Callable[[], object], timeout: float, what: str, interval: float = 0.02) -> None:
    """Return as soon as ``condition()`` is true; fail with ``what`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(interval)
