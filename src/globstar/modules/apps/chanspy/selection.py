"""Which channel is listened to next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.modules.apps.chanspy.options import SpyOptions

if TYPE_CHECKING:
    from globstar.core.channel import Channel

#: Under this key a channel notes that it spies: such channels are left alone.
SPYING = "spies"


def by_prefix(prefix: str) -> Callable[[Channel], bool]:
    """Channels whose names begin so; case is ignored."""
    wanted = prefix.lower()
    return lambda channel: channel.name.lower().startswith(wanted)


def by_identity(identity: str) -> Callable[[Channel], bool]:
    """The channel of that unique id or whole name."""
    return lambda channel: channel.unique_id == identity or channel.name.lower() == identity.lower()


def by_digits(prefix: str, digits: str) -> Callable[[Channel], bool]:
    """Channels of the prefix's technology whose names go on with ``digits``: with Agent and 1234 Agent/1234."""
    technology = prefix.partition("/")[0].lower()

    def matches(channel: Channel) -> bool:
        own, _, rest = channel.name.lower().partition("/")
        return (not technology or own == technology) and rest.startswith(digits.lower())

    return matches


def by_extension(extension: str, context: str) -> Callable[[Channel], bool]:
    """Channels that a call to the extension made: dialled by who stands there."""

    def stands(channel: Channel) -> bool:
        return channel.extension == extension and channel.context == context

    def matches(channel: Channel) -> bool:
        if not channel.is_outgoing:
            return False
        member = channel.bridge_member
        return stands(channel) or (member is not None and any(stands(peer.channel) for peer in member.peers))

    return matches


class Selection:
    """Goes round the channels that may be listened to, each once a round."""

    def __init__(self, spy: Channel, options: SpyOptions, matches: Callable[[Channel], bool]) -> None:
        self.spy = spy
        self.options = options
        self.matches = matches
        self._seen: set[str] = set()

    def next(self) -> Channel | None:
        """The next channel of this round; None at its end, which begins another."""
        for channel in tuple(self.spy.system.channels.values()):
            if channel.unique_id not in self._seen and self.matches(channel) and self.is_allowed(channel):
                self._seen.add(channel.unique_id)
                return channel
        self._seen.clear()
        return None

    def find(self, matches: Callable[[Channel], bool]) -> Channel | None:
        """The first channel that ``matches`` and may be listened to."""
        channels = tuple(self.spy.system.channels.values())
        return next((channel for channel in channels if matches(channel) and self.is_allowed(channel)), None)

    def is_allowed(self, channel: Channel) -> bool:
        """Whether the options let the spy listen to a channel."""
        options = self.options
        if channel is self.spy or channel.is_hung_up or channel.soft_hangup or SPYING in channel.data:
            return False
        if options.only_bridged and (channel.bridge_member is None or not channel.bridge_member.peers):
            return False
        if options.groups and not options.groups & set((channel.get_variable("SPYGROUP") or "").split(":")):
            return False
        return not options.enforced or peer_name(channel) in options.enforced


def peer_name(channel: Channel) -> str:
    """What stands between technology and number in a channel's name: 1000 of PJSIP/1000-00000001."""
    rest = channel.name.partition("/")[2]
    return rest.rpartition("-")[0] or rest
