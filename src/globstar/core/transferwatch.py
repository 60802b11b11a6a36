"""How far a transferred party got: what the one who transferred it is told (message/sipfrag of REFER)."""

from __future__ import annotations

from collections.abc import Callable

from globstar.core import events
from globstar.core.channel import Channel, SoftHangup
from globstar.core.frame import Control, Frame

#: Conditions that the transferred party is told, as SIP statuses.
_STATUSES: dict[Control, int] = {Control.RINGING: 180, Control.PROGRESS: 183, Control.BUSY: 486, Control.CONGESTION: 503}
#: What a party that hung up before anything came of its transfer counts as.
GAVE_UP = 503
#: Reasons to leave an application that do not end the channel.
_GOES_ON = SoftHangup.ASYNC_GOTO | SoftHangup.TIMEOUT


def _nothing() -> None:
    """What removes a listener that is not there yet."""


class TransferWatch:
    """Tells the progress of one transferred channel as SIP statuses: provisional ones, then a final one, once.

    Success is the first sound that the party hears or the first bridge that it enters. A parking lot is none: the transfer to it
    has succeeded when the party comes back from it after its time; of one that is taken out there is no more news, as with
    Asterisk. The party hanging up before is 503.
    """

    __slots__ = ("_remove_listener", "_told", "_unsubscribe", "_was_parked", "channel", "is_over", "tell")

    def __init__(self, channel: Channel, tell: Callable[[int], None]) -> None:
        self.channel = channel
        self.tell = tell
        self.is_over = False
        self._told = 0
        self._was_parked = False
        self._remove_listener: Callable[[], None] = _nothing
        bus = channel.system.bus
        self._unsubscribe = (
            bus.subscribe(events.BridgeEntered, self._bridge_entered),
            bus.subscribe(events.BridgeLeft, self._bridge_left),
        )
        channel.on_indicate = self._indicated
        channel.add_write_hook(self._voice)
        if channel.bridge_member is not None:
            channel.bridge_member.bridge.settle()
        remove = channel.on_hangup(self._gone)
        if self.is_over:
            remove()
        else:
            self._remove_listener = remove

    def close(self) -> None:
        """Watch no longer."""
        if self.is_over:
            return
        self.is_over = True
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        if self.channel.on_indicate == self._indicated:
            self.channel.on_indicate = None
        self.channel.remove_hook(self._voice)
        self._remove_listener()

    def _finish(self, status: int) -> None:
        if not self.is_over:
            self.close()
            self.tell(status)

    def _indicated(self, condition: Control) -> None:
        status = _STATUSES.get(condition)
        if status is None or status == self._told:
            return
        if status >= 300:
            self._finish(status)
        else:
            self._told = status
            self.tell(status)

    def _voice(self, frame: Frame) -> Frame:
        if self.channel.bridge_member is None:
            self._finish(200)
        return frame

    def _bridge_entered(self, event: events.BridgeEntered) -> None:
        if event.channel is not self.channel:
            return
        if event.bridge.kind == "parking":
            self._was_parked = True
        elif not self._was_parked:
            self._finish(200)

    def _bridge_left(self, event: events.BridgeLeft) -> None:
        if event.channel is self.channel and self._was_parked and self.channel.soft_hangup & SoftHangup.ASYNC_GOTO:
            self._finish(200)

    def _gone(self, channel: Channel) -> None:
        if channel.soft_hangup & ~_GOES_ON:
            self._finish(GAVE_UP)
