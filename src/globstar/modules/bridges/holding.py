"""Holding bridge: participants wait and hear the announcers, never one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.bridgetech import BridgeCapability, BridgeTechnology, BridgeTechnologySpec
from globstar.core.channel import Channel
from globstar.core.frame import Control, Frame
from globstar.core.idle import Entertainment, IdleMode
from globstar.core.services import MusicOnHold
from globstar.core.silence import Silence

ANNOUNCER = "announcer"


class HoldingBridge(BridgeTechnology):
    """The voice of each announcer goes to every participant; that of participants goes nowhere.

    Participants with an idle mode are entertained while there is no announcer.
    """

    name = "holding_bridge"
    capability = BridgeCapability.HOLDING
    preference = 50

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._entertained: dict[BridgeMember, IdleMode] = {}

    def start(self) -> None:
        """Bind the announcers to the participants, and entertain those who wait for one."""
        members = [member for member in self.bridge.members if not member.is_apart]
        writers = [member.channel.write for member in members if member.role != ANNOUNCER]
        is_announced = any(member.role == ANNOUNCER for member in self.bridge.members)
        for member in members:
            member.channel.expect_another_source()
        for member in self.bridge.members:
            if member.role == ANNOUNCER and not member.is_apart:
                member.channel.set_read_format(member.channel.raw_read_format)
                member.forward = partial(_write_all, writers)
            else:
                member.drop_voice()
            if member.role == ANNOUNCER or is_announced or member.is_apart:
                self._calm(member)
            else:
                self._entertain(member)

    def stop(self) -> None:
        """Unbind."""
        for member in self.bridge.members:
            member.drop_voice()
            self._calm(member)

    def media_changed(self) -> None:
        """An announcer may speak another codec now, which who waits for it may know."""
        self.start()

    def member_joined(self, member: BridgeMember) -> None:
        """Bind anew."""
        self.start()

    def member_left(self, member: BridgeMember) -> None:
        """Bind anew without that member."""
        self._calm(member)
        self.start()

    @classmethod
    def unsuitable(cls, bridge: Bridge) -> str | None:
        """Any number can wait."""
        return None

    def is_noticed(self, member: BridgeMember) -> bool:
        """Who waits is neither heard nor seen, and the keys that it presses are nobody else's."""
        return member.role == ANNOUNCER

    def detail(self) -> str:
        """Who speaks and how many wait."""
        announcers = sum(member.role == ANNOUNCER for member in self.bridge.members)
        return f"{announcers} announcers, {len(self._entertained)} of {len(self.bridge.members) - announcers} entertained"

    def _entertain(self, member: BridgeMember) -> None:
        mode = member.idle
        if mode is None or member in self._entertained or member.channel.is_hung_up:
            return
        self._entertained[member] = mode
        _begin(member.channel, mode)

    def _calm(self, member: BridgeMember) -> None:
        mode = self._entertained.pop(member, None)
        if mode is not None and not member.channel.is_hung_up:
            _end(member.channel, mode)


def _begin(channel: Channel, mode: IdleMode) -> None:
    """Begin to entertain."""
    kind = mode.entertainment
    if kind is Entertainment.MUSIC:
        music = channel.system.service("music on hold", MusicOnHold)  # type: ignore[type-abstract]
        if music is not None:
            music.start(channel, mode.music_class)
    elif kind is Entertainment.RINGING:
        channel.indicate(Control.RINGING)
    elif kind is Entertainment.HOLD:
        channel.indicate(Control.HOLD, mode.music_class)
    elif kind is Entertainment.SILENCE:
        channel.start_generator(Silence())


def _end(channel: Channel, mode: IdleMode) -> None:
    """End what :func:`_begin` began."""
    kind = mode.entertainment
    if kind is Entertainment.MUSIC:
        music = channel.system.service("music on hold", MusicOnHold)  # type: ignore[type-abstract]
        if music is not None:
            music.stop(channel)
    elif kind is Entertainment.HOLD:
        channel.indicate(Control.UNHOLD)
    channel.stop_generator()


def _write_all(writers: Sequence[Callable[[Frame], None]], frame: Frame) -> None:
    for write in writers:
        write(frame)


technology = BridgeTechnologySpec(name=HoldingBridge.name, technology=HoldingBridge)
