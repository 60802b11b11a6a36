"""Free ports on the loopback address and waiting for a condition with a deadline."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HOST = "127.0.0.1"

#: Seconds that anything gets at least: a machine with other work leaves a program without a processor for several.
LEAST = 45.0

# Above the ports that servers take for RTP unless configured otherwise, and below the kernel's ephemeral range.
_FIRST, _END = 20002, 32768

LEDGER = Path(tempfile.gettempdir()) / f"globstar-test-ports-{os.getuid()}"
"""Holds the port to look at next, for all test processes of the machine: workers, and other runs beside this one."""


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def free_port(count: int = 1) -> int:
    """The first of ``count`` consecutive ports free for UDP and TCP, even; from any thread.

    Whoever asks on this machine gets others, until all have been given: between the look whether a port is free and the moment
    when a program under test binds it, nobody else is told the same one.
    """
    size = count + count % 2
    with os.fdopen(os.open(LEDGER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as ledger:
        fcntl.flock(ledger, fcntl.LOCK_EX)  # each call has a lock of its own, so that threads wait for one another, too
        text = ledger.read()
        position = int(text) if text.isdecimal() else _FIRST
        rounds = 0
        while rounds < 2:  # the first may have begun in the middle
            if not _FIRST <= position <= _END - size:
                position = _FIRST
                rounds += 1
                if size > _END - _FIRST:
                    break
            busy = next((offset for offset in reversed(range(size)) if not _is_free(position + offset)), None)
            if busy is None:
                ledger.seek(0)
                ledger.truncate()
                ledger.write(str(position + size))
                return position
            position += busy + 2 - busy % 2
    raise RuntimeError(f"no {count} free ports from {_FIRST} on")


def wait_until(condition: Callable[[], object], timeout: float, what: str | Callable[[], str], interval: float = 0.02) -> None:
    """Return as soon as ``condition()`` is true; fail with ``what`` (or what it gives then) after ``timeout`` seconds.

    No deadline is earlier than ``LEAST`` seconds: how long things take is what the machine's other work makes of them, and a
    test that is to see how quick something is measures it by itself.
    """
    timeout = max(timeout, LEAST)
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(interval)
