"""Channel group dialplan functions."""

from __future__ import annotations

from globstar.base.regex import BadPattern, Regex, compile_regex
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.groups import ChannelGroups
from globstar.core.registry import function
from globstar.core.system import System

_SERVICE = "groups"
_UNDO = "groups undo"


def load(system: System) -> None:
    """Offer the groups as a service."""
    groups = system.services[_SERVICE] = ChannelGroups()
    system.services[_UNDO] = system.bus.subscribe(events.ChannelHungUp, groups.hung_up)


def unload(system: System) -> None:
    """Take it back."""
    del system.services[_SERVICE]
    system.services.pop(_UNDO)()


def _groups(channel: Channel | None) -> tuple[Channel, ChannelGroups]:
    if channel is None:
        raise FunctionError("groups need a channel")
    groups: ChannelGroups = channel.system.services[_SERVICE]
    return channel, groups


def _split(text: str) -> tuple[str, str]:
    group, _, category = text.partition("@")
    return group, category


@function("GROUP", syntax="GROUP([category])")
def group(channel: Channel | None, args: str) -> str:
    """The group that the channel is in, in a category or in any.

    Writing puts it there: ``Set(GROUP(trunks)=alpha)`` or ``Set(GROUP()=alpha@trunks)``. It leaves when it hangs up.
    """
    channel, groups = _groups(channel)
    return groups.group(channel, args)


@group.writer
def _set_group(channel: Channel | None, args: str, value: str) -> None:
    channel, groups = _groups(channel)
    name, category = _split(value)
    groups.put(channel, name, args or category)


@function("GROUP_COUNT", syntax="GROUP_COUNT([groupname][@category])")
def group_count(channel: Channel | None, args: str) -> str:
    """How many channels are in a group; in the channel's own one if none is given."""
    channel, groups = _groups(channel)
    name, category = _split(args)
    name = name or groups.group(channel, category)
    return str(groups.count(name, category)) if name else "0"


@function("GROUP_MATCH_COUNT", syntax="GROUP_MATCH_COUNT(groupmatch[@category])")
def group_match_count(channel: Channel | None, args: str) -> str:
    """How many channels are in groups whose names match a regular expression; the category is one as well."""
    _, groups = _groups(channel)
    name, category = _split(args)
    wanted, wanted_category = _pattern(name), _pattern(category)
    return str(sum(
        count for found, found_category, count in groups.counts()
        if wanted.is_in(found) and wanted_category.is_in(found_category)
    ))  # fmt: skip


def _pattern(text: str) -> Regex:
    try:
        return compile_regex(text)
    except BadPattern as error:
        raise FunctionError(f"'{text}' is no regular expression: {error}") from error


@function("GROUP_LIST", syntax="GROUP_LIST()")
def group_list(channel: Channel | None, args: str) -> str:
    """The groups that the channel is in, separated by blanks, as group or group@category."""
    channel, groups = _groups(channel)
    return " ".join([f"{name}@{category}" if category else name for name, category in groups.of(channel)])
