"""The native relay as the engine uses it: which paths run in its thread, and what parks there.

``globstar.media._native`` is built where there is a compiler. Without it, and on sockets that are no real ones, every packet
takes the way through Python, with the same result.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from globstar.base.log import Logger

if TYPE_CHECKING:
    from globstar.media._native import NativePath, RelayThread
    from globstar.media.relay import RelayPath

logger = Logger("media.native")

try:
    from globstar.media import _native
except ImportError:
    _native = None  # type: ignore[assignment]


def is_available() -> bool:
    """Whether the native module was built."""
    return _native is not None


class NativeRelay:
    """One thread for all relays of an engine; it starts with the first path and ends with ``close``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._engine: RelayThread | None = None
        self._thread: threading.Thread | None = None
        #: datagrams that the thread has handed over
        self.parked = 0

    def __len__(self) -> int:
        return len(self._engine) if self._engine is not None else 0

    @property
    def packets(self) -> int:
        """Packets that the thread has sent on."""
        return self._engine.packets if self._engine is not None else 0

    def thread(self) -> RelayThread:
        """The thread's half, started if need be."""
        if self._engine is None:
            self._engine = _native.RelayThread()
            self._thread = threading.Thread(target=self._engine.run, name="rtp relay", daemon=True)
            self._thread.start()
            self._loop.add_reader(self._engine.notify_descriptor, self._on_parked)
        return self._engine

    def new_path(self, owner: RelayPath) -> NativePath:
        """The thread's half of a relay's direction."""
        path = _native.NativePath()
        path.owner = owner
        return path

    def close(self) -> None:
        """End the thread. No path runs any more."""
        if self._engine is None or self._thread is None:
            return
        self._loop.remove_reader(self._engine.notify_descriptor)
        self._engine.stop()
        self._thread.join()
        self._engine = self._thread = None

    def _on_parked(self) -> None:
        """Treat what the thread does not know as if it had come to the loop; then its path goes on."""
        if self._engine is None:
            return
        for native, data, now in self._engine.take_parked():
            self.parked += 1
            path: RelayPath = native.owner
            try:
                path.receive_parked(data, now)
            except Exception as error:  # one call's bug must not stop the media of the others
                logger.error("a packet of a relayed call failed", exception=error)
                path.withdraw()
