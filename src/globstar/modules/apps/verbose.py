"""Send verbose output."""

from __future__ import annotations

from globstar.base.log import Logger, level_named
from globstar.core.channel import Channel
from globstar.core.registry import application

logger = Logger("app_verbose")


@application("Verbose", syntax="Verbose([level,]message)")
def verbose(channel: Channel, data: str) -> None:
    """Write a message to the consoles and logs that show verbose output.

    ``level`` says from which ``core set verbose`` on; 0 is always. Without a level, or with one that is no number, it is 0.
    """
    level, comma, message = data.partition(",")
    if not comma:
        logger.verbose(0, data)
        return
    if not level.strip().isdecimal():
        logger.warning(f"'{level}' is no verbose level")
        logger.verbose(0, message)
        return
    logger.verbose(min(int(level), 10), message)


@application("Log", syntax="Log(level,message)")
def log(channel: Channel, data: str) -> None:
    """Write a message to the log.

    ``level`` is ERROR, WARNING, NOTICE, DEBUG, VERBOSE, DTMF, or one of ``custom_levels`` in logger.conf.
    The place in the dialplan is told with it.
    """
    level, comma, message = data.partition(",")
    if not comma:
        return
    name = level.strip().upper()
    if level_named(name) is None:
        logger.error(f"Unknown log level: '{level}'")
        return
    logger.log(name, f"{channel.extension}@{channel.context}:{channel.priority}: {message}")
