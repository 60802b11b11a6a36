"""REMB Modifier Module: bit rates that receivers of video tell, changed by hand."""

from __future__ import annotations

from globstar.core.bridgeremb import BitRate
from globstar.core.channel import Channel
from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command
from globstar.core.frame import Frame, FrameType
from globstar.core.system import System

_KEY = "bit rates changed by hand"
_LIMIT = 0xFFFFFFFF


class Modifier:
    """Puts other bit rates in the place of those that a channel sends and gets, bit/s; 0 leaves them as they are."""

    __slots__ = ("receive", "send")

    def __init__(self) -> None:
        self.receive = self.send = 0

    def take(self, frame: Frame, is_read: bool) -> Frame:
        """The hook for frames other than voice."""
        bits = self.receive if is_read else self.send
        if frame.type is not FrameType.RTCP or not bits or not isinstance(frame.data, BitRate):
            return frame
        return Frame(FrameType.RTCP, frame.subtype, BitRate(bits, frame.data.sources))


@cli_command(
    "remb set",
    usage="remb set {send|receive} <channel> <bitrate in bits>",
    complete=by_place(("send", "receive"), lambda system: system.channels),
)
def remb_set(system: System, args: list[str]) -> str:
    """Set the bit rate of REMB that a channel sends or receives.

    send puts it in the place of what its endpoint is told that its video can be received with, receive in the place of what the
    endpoint tells of the video that it gets. It stays until it is set to 0.
    """
    if len(args) != 3 or args[0] not in ("send", "receive"):
        raise CliUsage
    direction, name, text = args
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > _LIMIT:
        raise CliFailure(f"'{text}' is no bit rate: a number of bits per second up to {_LIMIT} is wanted")
    channel = system.find_channel(name)
    if channel is None:
        raise CliFailure(f"No such channel: {name}")
    _set(channel, direction, int(text))
    if not int(text):
        return f"Bit rates of REMB of {channel.name} are left as they are ({direction})"
    return f"Bit rate of REMB of {channel.name} set to {text} ({direction})"


def _set(channel: Channel, direction: str, bits: int) -> None:
    modifier = channel.data.get(_KEY)
    if not isinstance(modifier, Modifier):
        modifier = channel.data[_KEY] = Modifier()
        channel.add_signal_hook(modifier.take)
    setattr(modifier, direction, bits)
    if not modifier.receive and not modifier.send:
        del channel.data[_KEY]
        channel.remove_signal_hook(modifier.take)
