"""Redirects a given channel to a dialplan target."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.pbx import parse_goto
from globstar.core.registry import application

logger = Logger("app_channelredirect")


@application("ChannelRedirect", syntax="ChannelRedirect(channel[,context][,extension],priority)")
def channel_redirect(channel: Channel, data: str) -> int:
    """Send another channel to a place in the dialplan.

    CHANNELREDIRECT_STATUS is SUCCESS, or NOCHANNEL if there is no such channel.
    """
    name, _, place = data.partition(",")
    if not name or not place:
        logger.warning("ChannelRedirect requires a channel and a place ([[context,]exten,]priority)")
        return -1
    target = channel.system.find_channel(name.strip())
    if target is None:
        logger.warning(f"ChannelRedirect: there is no channel {name}")
        channel.set_variable("CHANNELREDIRECT_STATUS", "NOCHANNEL")
        return 0
    destination = parse_goto(target, place)
    if destination is None:
        return -1
    channel.set_variable("CHANNELREDIRECT_STATUS", "SUCCESS")
    target.redirect(*destination)
    return 0
