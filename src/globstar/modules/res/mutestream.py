"""Mute audio stream resources."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.values import is_true
from globstar.core.channel import Channel
from globstar.core.frame import Frame, FrameType
from globstar.core.functions import FunctionError
from globstar.core.manager import (
    ActionRequest,
    Answer,
    Permission,
    failure,
    manager_action,
    requested_channel,
    success,
)
from globstar.core.registry import write_function

logger = Logger("res_mutestream")

_KEY = "muted audio"
_WAYS = {"in": ("in",), "out": ("out",), "all": ("in", "out")}


class _Mute:
    """What of a channel's audio is muted: what its endpoint says (in), what it hears (out)."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.muted: set[str] = set()

    def set(self, way: str, is_muted: bool) -> None:
        """Mute a direction or let it be heard again."""
        if is_muted is (way in self.muted):
            return
        self.channel.remove_signal_hook(self._drop_more)
        if is_muted or len(self.muted) > 1:
            self.channel.add_signal_hook(self._drop_more)
        if not is_muted:
            self.muted.discard(way)
            self.channel.remove_hook(self._drop_in if way == "in" else self._drop_out)
            return
        self.muted.add(way)
        if way == "in":
            self.channel.add_read_hook(self._drop_in, first=True)
        else:
            self.channel.add_write_hook(self._drop_out)

    def _drop_more(self, frame: Frame, is_read: bool) -> Frame | None:
        """The same of audio streams beside the first."""
        is_dropped = frame.type is FrameType.MORE_VOICE and ("in" if is_read else "out") in self.muted
        return None if is_dropped else frame

    def _drop_in(self, frame: Frame) -> Frame | None:
        return None

    def _drop_out(self, frame: Frame) -> Frame | None:
        return None


def mute(channel: Channel, direction: str, is_muted: bool) -> None:
    """Mute ``in``, ``out`` or ``all`` of a channel's audio, or end that. Raises KeyError for another direction."""
    ways = _WAYS[direction.lower()]
    held = channel.data.get(_KEY)
    if not isinstance(held, _Mute):
        held = channel.data[_KEY] = _Mute(channel)
    for way in ways:
        held.set(way, is_muted)


@write_function("MUTEAUDIO", syntax="MUTEAUDIO(direction)")
def mute_audio(channel: Channel | None, args: str, value: str) -> None:
    """Mute what the endpoint of the channel says (in), what it hears (out), or both (all), while set to a true value."""
    if channel is None:
        raise FunctionError("MUTEAUDIO needs a channel")
    try:
        mute(channel, args.strip(), is_true(value))
    except KeyError:
        raise FunctionError(f"MUTEAUDIO takes in, out or all, not '{args}'") from None


@manager_action("MuteAudio", Permission.SYSTEM, synopsis="Mute an audio stream.")
def manager_mute_audio(request: ActionRequest) -> Answer:
    """Mute a direction of a channel's audio, or let it be heard again."""
    if not request.get("Channel"):
        return failure("Channel not specified")
    if not request.get("State"):
        return failure("State not specified")
    if not request.get("Direction"):
        return failure("Direction not specified")
    channel = requested_channel(request)
    try:
        mute(channel, request.get("Direction"), is_true(request.get("State")))
    except KeyError:
        return failure("Failed to mute/unmute stream")
    return success()
