"""Goto, GotoIf and GotoIfTime."""

from __future__ import annotations

from globstar.base.log import Level, Logger, hub
from globstar.core.channel import Channel
from globstar.core.conditions import is_time, is_true, split_branches
from globstar.core.pbx import parse_goto
from globstar.core.registry import application

logger = Logger("pbx_builtins")

_VERBOSE = int(Level.VERBOSE)


@application("Goto", syntax="Goto([[context,]extension,]priority)")
def goto(channel: Channel, data: str) -> int:
    """Go on at another priority, extension or context.

    ``priority`` is a number, a label, or a distance such as ``+2`` or ``-1``. A place that does not exist leads to
    the extension ``i`` of its context.
    """
    target = parse_goto(channel, data)
    if target is None:
        return -1
    channel.goto_target = target
    if hub.mask & _VERBOSE:
        logger.verbose(3, f"Goto ({target[0]},{target[1]},{target[2]})")
    return 0


@application("GotoIf", syntax="GotoIf(condition?[place if true][:place if false])")
def goto_if(channel: Channel, data: str) -> int:
    """Go on at one of two places, as a condition says.

    The condition is false if it is empty or begins with the number zero. Places are written as for Goto; where one is
    left out, the next priority follows.
    """
    condition, question, places = data.partition("?")
    if not question:
        if not data:
            logger.warning("GotoIf needs a condition")
        return 0
    if_true, _, if_false = places.partition(":")
    place = if_true if is_true(condition) else if_false
    return goto(channel, place) if place else 0


@application("GotoIfTime", syntax="GotoIfTime(times,weekdays,mdays,months[,timezone]?[place if true][:place if false])")
def goto_if_time(channel: Channel, data: str) -> int:
    """Go on at one of two places, as the time says.

    Times are like ``8:00-17:00``, days like ``mon-fri``, days of the month like ``1-15``, months like ``jan-mar``;
    ``*`` is any, ``&`` joins several. Where a place is left out, the next priority follows.
    """
    times, question, places = data.partition("?")
    if not data:
        logger.warning("GotoIfTime needs a time condition")
    if not question:
        return 0
    if_true, if_false = split_branches(places)
    place = if_true if is_time(channel, times) else if_false
    return goto(channel, place) if place else 0
