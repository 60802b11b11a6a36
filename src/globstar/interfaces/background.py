"""Going to the background: the program returns when the server is up, or says why it is not."""

from __future__ import annotations

import os
import select
import sys

#: How long the program waits for the server before it returns anyway, seconds.
PATIENCE = 60.0


class Background:
    """The daemon's side. Errors go to the terminal until :meth:`settle`."""

    def __init__(self, pipe: int | None = None) -> None:
        #: who started us waits at its other end
        self._pipe = pipe

    def settle(self) -> None:
        """The server is up: let the program return, and let go of the terminal. A second call does nothing."""
        pipe, self._pipe = self._pipe, None
        if pipe is None:
            return
        sys.stdout.flush()
        sys.stderr.flush()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        try:
            os.write(pipe, b"\0")
        except BrokenPipeError:  # the program was ended while it waited
            pass
        os.close(pipe)


def go_to_background() -> Background:
    """Detach from the terminal, as a daemon does; returns in the daemon only.

    The program itself waits and ends: with 0 when the server is up, with 1 when it has ended before.
    """
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        ready, _, _ = select.select([reading], [], [], PATIENCE)
        os._exit(0 if not ready or os.read(reading, 1) else 1)
    os.close(reading)
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    return Background(writing)
