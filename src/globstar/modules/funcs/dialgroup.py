"""Dialgroup dialplan function."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.system import System

_FAMILY = "dialgroup"


def _members(system: System, group: str) -> list[str] | None:
    kept = system.database.get(_FAMILY, group)
    return None if kept is None else [member for member in kept.split("&") if member]


@function("DIALGROUP", syntax="DIALGROUP(group[,op])")
def dial_group(channel: Channel | None, args: str) -> str:
    """The members of a group of dial strings, joined by & for Dial, the newest first. Groups outlive a restart.

    Writing replaces the members (``Set(DIALGROUP(sales)=PJSIP/a&PJSIP/b)``), adds one (``DIALGROUP(sales,add)``) or takes one out
    (``DIALGROUP(sales,del)``).
    """
    if channel is None:
        raise FunctionError("DIALGROUP needs a channel")
    members = _members(channel.system, args)
    if members is None:
        raise FunctionError(f"there is no dial group '{args}'")
    return "&".join(members)


@dial_group.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("DIALGROUP needs a channel")
    group, _, operation = args.partition(",")
    members = _members(channel.system, group) or []
    match operation.strip().lower():
        case "add":
            members = [value, *(member for member in members if member != value)]
        case "del":
            if value not in members:
                raise FunctionError(f"'{value}' is no member of the dial group '{group}'")
            members.remove(value)
        case "":
            members = list(dict.fromkeys(filter(None, reversed(value.split("&")))))
        case _:
            raise FunctionError(f"DIALGROUP knows no '{operation}', only add and del")
    channel.system.database.put(_FAMILY, group, "&".join(members))
