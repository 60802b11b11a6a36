"""Free ports on the loopback address and waiting for a condition with a deadline."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

HOST = "127.0.0.1"

# Below the kernel's ephemeral range, and a stripe of its own for every test process, so that
# parallel workers neither meet one another nor a client socket of a program under test.
_FIRST, _STRIPES, _STRIPE = 11000, 5, 4000
_position = os.getpid() % (_STRIPE // 2) * 2


def _stripe_start() -> int:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return _FIRST + (int(worker) + os.getppid()) % _STRIPES * _STRIPE


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def free_port(count: int = 1) -> int:
    """The first of ``count`` consecutive ports free for UDP and TCP, even; given again only after all others."""
    global _position
    size = count + count % 2
    for _ in range(_STRIPE):
        if _position + size > _STRIPE:
            _position = 0
        first = _stripe_start() + _position
        if all(_is_free(first + offset) for offset in range(size)):
            _position += size
            return first
        _position += 2
    raise RuntimeError(f"no {count} free ports from {_stripe_start()} on")


def wait_until(condition: Callable[[], object], timeout: float, what: str | Callable[[], str], interval: float = 0.02) -> None:
    """Return as soon as ``condition()`` is true; fail with ``what`` (or what it gives then) after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(interval)
