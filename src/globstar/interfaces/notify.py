"""What systemd is told (``Type=notify``, ``WatchdogSec=``): ready, reloading, stopping, alive. Nothing without ``NOTIFY_SOCKET``.

The protocol is that of sd_notify(3): a datagram of ``NAME=value`` lines to a UNIX socket.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping

from globstar.base.log import Logger

logger = Logger("asterisk")


class ServiceManager:
    """The service manager that started this process, if one did."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        #: a leading @ is the abstract name space
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._interval = _watchdog_interval(environment)
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is somebody to tell."""
        return bool(self._address)

    def tell(self, *lines: str) -> None:
        """Send a message; that it cannot be sent is logged and no more."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            logger.warning(f"the service manager cannot be told {lines[0]}: {error}")

    def ready(self, status: str = "Fully booted") -> None:
        """Everything is loaded; from now on the event loop shows that it is alive as often as asked for."""
        self.tell("READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")
        if self._address and self._interval:
            self._loop = asyncio.get_running_loop()
            self._beat()

    def reloading(self) -> None:
        """A reload has begun; :meth:`ready` tells its end."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}", "STATUS=Reloading")

    def reloaded(self) -> None:
        """It has ended."""
        self.tell("READY=1", "STATUS=Fully booted")

    def stopping(self) -> None:
        """The server ends. The watchdog goes on until it has."""
        self.tell("STOPPING=1", "STATUS=Stopping")

    def close(self) -> None:
        """No more signs of life."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        assert self._loop is not None
        self.tell("WATCHDOG=1")
        self._timer = self._loop.call_later(self._interval, self._beat)


def _watchdog_interval(environment: Mapping[str, str]) -> float:
    """Half of what ``WATCHDOG_USEC`` allows, in seconds; 0 where no watchdog is asked for."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    allowed = environment.get("WATCHDOG_USEC", "")
    return int(allowed) / 2_000_000 if allowed.isdecimal() else 0.0
