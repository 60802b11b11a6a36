"""Generate an User-Defined CEL event."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.cel.engine import SERVICE, CelEngine
from globstar.core.channel import Channel
from globstar.core.registry import application
from globstar.dialplan.arguments import split_arguments

logger = Logger("app_celgenuserevent")


@application("CELGenUserEvent", syntax="CELGenUserEvent(event-name[,extra])")
def cel_gen_user_event(channel: Channel, data: str) -> None:
    """Log an event of your own among the events of the channel (CEL).

    ``event-name`` is what backends show as its type, ``extra`` a text that goes with it. cel.conf must track USER_DEFINED.
    """
    arguments = split_arguments(data, 2)
    if not arguments or not arguments[0]:
        logger.warning("CELGenUserEvent needs the name of an event")
        return
    engine = channel.system.service(SERVICE, CelEngine)
    if engine is not None:
        engine.user_event(channel, arguments[0], arguments[1] if len(arguments) > 1 else "")
