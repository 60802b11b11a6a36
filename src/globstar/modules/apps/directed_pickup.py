"""Directed Call Pickup Application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.pickup import may_pick_up, pick_up, ringing_call, ringing_channels
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("app_directed_pickup")

#: The "context" that looks for channels whose variable PICKUPMARK is the given text.
_MARK = "PICKUPMARK"


@application("Pickup", syntax="Pickup([extension[@context][&extension2[@context2]...]])")
async def pickup(channel: Channel, data: str) -> int:
    """Answer a call that rings at another extension.

    ``extension@context`` is where the caller called (the context of this call if none is given); ``text@PICKUPMARK`` finds
    a ringing channel whose variable PICKUPMARK is that text. Without an argument any call of the pickup groups is taken. The
    dialplan goes on only if there was nothing to pick up.
    """
    if not data:
        return await _take(channel, [target for target in ringing_channels(channel.system) if may_pick_up(channel, target)])
    for wanted in data.split("&"):
        extension, _, context = wanted.strip().partition("@")
        if context.upper() == _MARK:
            targets = [target for target in ringing_channels(channel.system) if target.variables.get(_MARK) == extension]
        else:
            context = context or channel.context
            targets = [
                target
                for target in ringing_channels(channel.system)
                if context in (target.context, _dialed_in(target)) and extension in (target.extension, target.macro_extension)
            ]
        if await _take(channel, targets) == -1:
            return -1
    return 0


def _dialed_in(target: Channel) -> str:
    """The context in which the caller of a ringing channel is."""
    call = ringing_call(target)
    return call.caller.context if call is not None and call.caller is not None else ""


@application("PickupChan", syntax="PickupChan(channel[&channel2...][,options])")
async def pickup_chan(channel: Channel, data: str) -> int:
    """Answer a call that rings at a channel.

    A channel is given by its name, by its unique id or as Technology/Resource. The dialplan goes on only if there was nothing to
    pick up.

    p: names are only the beginnings of names.
    """
    arguments = split_arguments(data)
    if not argument(arguments, 0):
        logger.warning("PickupChan requires an argument (channel)")
        return 0
    options = parse_options(argument(arguments, 1), {"p": False}, logger.warning)
    for wanted in argument(arguments, 0).split("&"):
        text = wanted.strip().lower()
        targets = [
            target
            for target in ringing_channels(channel.system)
            if text in (target.name.lower(), target.unique_id.lower(), target.name.rpartition("-")[0].lower())
            or ("p" in options and target.name.lower().startswith(text))
        ]
        if await _take(channel, targets) == -1:
            return -1
    return 0


async def _take(channel: Channel, targets: list[Channel]) -> int:
    """Pick up at the first of ``targets`` where that works: -1 after the call, 0 if there was none."""
    for target in targets:
        if target is not channel and await pick_up(channel, target):
            return -1
    logger.verbose(3, f"{channel.name}: nothing to pick up")
    return 0
