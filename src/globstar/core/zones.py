"""Time zones that configurations and dialplans name: an unknown one is told of once, with its place, and taken to be UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.base.zones import find_zone

if TYPE_CHECKING:
    from globstar.config.file import Variable
    from globstar.config.options import Report
    from globstar.core.channel import Channel

logger = Logger("pbx")

#: How many unknown names are remembered; callers may make up any number of them.
_LIMIT = 1000
_told: set[str] = set()


def check_zone(channel: Channel | None, who: str, name: str) -> None:
    """Warn of a zone that there is not, once for each name; ``who`` (an application, a function) asked for it."""
    if not name or name in _told or find_zone(name) is not None or len(_told) >= _LIMIT:
        return
    _told.add(name)
    place = f"{channel.context},{channel.extension},{channel.priority}: " if channel is not None and channel.context else ""
    logger.warning(f"{place}{who}: there is no time zone '{name}'; it is taken to be UTC")


def read_zone_message(variable: Variable, report: Report) -> tuple[str, str]:
    """A line of ``[zonemessages]``: the time zone and the form in which times are said."""
    zone, _, form = (part.strip() for part in variable.value.partition("|"))
    if zone and find_zone(zone) is None:
        report(variable, f"zone '{variable.name}': there is no time zone '{zone}'; it is taken to be UTC")
    return zone, form
