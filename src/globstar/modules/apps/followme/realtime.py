"""Profiles in realtime: the families ``followme`` and ``followme_numbers``."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.realtime.engine import RealtimeFault, Row
from globstar.modules.apps.followme.settings import FollowMeSettings, Number, Profile, read_number, read_option

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("app_followme")

FAMILY, NUMBERS = "followme", "followme_numbers"
#: columns that are no options of a profile
_OWN = frozenset({"id", "name"})


async def find_profile(system: System, settings: FollowMeSettings, name: str) -> Profile | None:
    """A profile of followme.conf, else of realtime as its rows are now; None if there is none."""
    profile = settings.profiles.get(name)
    if profile is not None or not system.realtime.has(FAMILY):
        return profile
    try:
        row = await system.realtime.load(FAMILY, [("name", name)])
        numbers = await system.realtime.load_multi(NUMBERS, [("name", name)]) if row is not None else []
    except RealtimeFault as fault:
        logger.debug(1, f"FollowMe profile '{name}': {fault}")
        return None
    if row is None:
        return None
    found = Profile(name, copy.copy(settings.prompts))
    for column, value in row:
        problem = read_option(found, column.lower(), value) if column.lower() not in _OWN else ""
        if problem:
            logger.warning(f"{FAMILY} of realtime: {problem}")
    for one in map(_number, numbers):
        if one is not None:
            found.numbers.append(one)
    return found


def _number(row: Row) -> Number | None:
    values = {name.lower(): value for name, value in row}
    text = ",".join((values.get("phonenumber", ""), values.get("timeout", ""), values.get("ordinal", "")))
    number = read_number(text, 1)
    if number is None:
        logger.warning(f"{NUMBERS} of realtime: '{text}' is no number[&number...][,timeout[,order]]")
    return number
