"""Hangs up the requested channel."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, SoftHangup
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("app_softhangup")


@application("SoftHangup", syntax="SoftHangup(Technology/Resource[,options])")
def soft_hangup(channel: Channel, data: str) -> None:
    """Hang up another channel.

    The channel is named as ``core show channels`` does; without what follows the last dash, the first channel to that
    device is hung up. Option:

    a: all channels to that device.
    """
    arguments = split_arguments(data)
    wanted = argument(arguments, 0)
    if not wanted:
        logger.warning("SoftHangup needs a channel")
        return
    takes_all = "a" in parse_options(argument(arguments, 1), {"a": False}, logger.warning)
    lowered = wanted.lower()
    is_found = False
    for name, candidate in list(channel.system.channels.items()):
        device = name if not takes_all else name.rpartition("-")[0]
        if (device.lower() == lowered) if takes_all else name.lower().startswith(lowered):
            logger.verbose(3, f"Soft hanging {name} up.")
            candidate.request_hangup(SoftHangup.EXPLICIT)
            is_found = True
            if not takes_all:
                return
    if not is_found:
        logger.verbose(3, f"SoftHangup: there is no channel {wanted}")
