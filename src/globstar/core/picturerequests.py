"""Requests for whole pictures of somebody whom many see: they ask all at once, when a packet is lost on the way to the bridge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from globstar.core.frame import Control, control

if TYPE_CHECKING:
    from globstar.core.bridge import BridgeMember

#: Seconds from one request to the next; who asks so soon after one that it cannot have been heard yet is served by it.
PAUSE, TOGETHER = 0.5, 0.02


class PictureRequests:
    """Asks one member, for each of its streams once in :data:`PAUSE`; a request that comes too early is put off, not lost."""

    __slots__ = ("_due", "_member", "_put_off")

    def __init__(self, member: BridgeMember) -> None:
        self._member = member
        #: by what is asked for: when it may be asked for again
        self._due: dict[Any, float] = {}
        self._put_off: dict[Any, asyncio.TimerHandle] = {}

    def ask(self, data: Any) -> None:
        """Ask for a whole picture; ``data`` is that of the request: the number of the stream, or b"" for all."""
        if data in self._put_off:
            return
        loop = self._member.channel.system.loop
        now, due = loop.time(), self._due.get(data, 0.0)
        if now < due - PAUSE + TOGETHER:
            return
        if now < due:
            self._put_off[data] = loop.call_at(due, self._ask_now, data)
        else:
            self._send(data, now)

    def _ask_now(self, data: Any) -> None:
        del self._put_off[data]
        member = self._member
        if member.channel.bridge_member is member:
            self._send(data, member.channel.system.loop.time())

    def _send(self, data: Any, now: float) -> None:
        self._due[data] = now + PAUSE
        if not self._member.channel.is_hung_up:
            self._member.channel.write(control(Control.VIDUPDATE, data))


def ask(member: BridgeMember, data: Any) -> None:
    """Ask a member for a whole picture, see :meth:`PictureRequests.ask`."""
    requests = member.picture_requests
    if requests is None:
        requests = member.picture_requests = PictureRequests(member)
    requests.ask(data)
