"""Custom User Event Application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.registry import application
from globstar.dialplan.arguments import split_arguments

logger = Logger("app_userevent")


@application("UserEvent", syntax="UserEvent(eventname[,body])")
def user_event(channel: Channel, data: str) -> int:
    """Raise an event of your own, which managers and applications hear.

    ``body`` is any number of headers, ``Name: value``, joined by commas; parts without a colon are left out.
    """
    arguments = split_arguments(data)
    if not arguments or not arguments[0]:
        logger.warning("UserEvent needs the name of an event")
        return -1
    headers = []
    for part in arguments[1:]:
        name, colon, value = part.partition(":")
        if colon:
            headers.append((name.strip(), value.strip()))
    channel.system.bus.publish(events.UserEventRaised(channel, arguments[0], tuple(headers)))
    return 0
