"""A channel that stands in where dialplan functions are asked outside any call."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.system import System
from globstar.core.tech import ChannelTech


class _NoTech(ChannelTech):
    name = "Nobody"
    is_internal = True


_TECH = _NoTech()


def channel_of_nobody(system: System) -> Channel:
    """A channel without a name that no list shows, no counter counts and nobody is told of; it goes with its last user.

    As in Asterisk, functions that are read without a channel (``Getvar`` of AMI, ``dialplan eval function``) get one.
    """
    channel = Channel(system, _TECH, "", unique_id="nobody", context="", extension="", is_outgoing=True)
    system.remove_channel(channel)
    channel.unique_id = channel.linked_id = ""
    return channel
