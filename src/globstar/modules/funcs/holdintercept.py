"""Hold interception dialplan function."""

from __future__ import annotations

from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.functions import FunctionError
from globstar.core.registry import write_function

_KEY = "hold interception"


class Interception:
    """Tells of hold by an event, and nobody else."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def take(self, frame: Frame, is_read: bool) -> Frame | None:
        """The hook."""
        if not is_read or frame.type is not FrameType.CONTROL:
            return frame
        bus = self.channel.system.bus
        if frame.subtype == Control.HOLD:
            bus.publish(events.ChannelHeld(self.channel, frame.data if isinstance(frame.data, str) else ""))
            return None
        if frame.subtype == Control.UNHOLD:
            bus.publish(events.ChannelUnheld(self.channel))
            return None
        return frame


@write_function("HOLD_INTERCEPT", syntax="HOLD_INTERCEPT(action)")
def hold_intercept(channel: Channel | None, args: str, value: str) -> None:
    """Keep from others that a channel puts them on hold; only the events Hold and Unhold tell of it.

    ``Set(HOLD_INTERCEPT(set)=)`` begins, ``Set(HOLD_INTERCEPT(remove)=)`` ends it.
    """
    if channel is None:
        raise FunctionError("HOLD_INTERCEPT needs a channel")
    action = args.strip().lower()
    if action not in ("set", "remove"):
        raise FunctionError(f"HOLD_INTERCEPT knows set and remove, not '{args}'")
    running = channel.data.get(_KEY)
    if action == "set" and running is None:
        running = channel.data[_KEY] = Interception(channel)
        channel.add_signal_hook(running.take)
    elif action == "remove" and running is not None:
        del channel.data[_KEY]
        channel.remove_signal_hook(running.take)
    elif action == "remove":
        raise FunctionError(f"nothing is intercepted on {channel.name}")
