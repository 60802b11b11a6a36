"""Holding bridge: participants wait and hear the announcers, never one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from globstar.core.bridge import Bridge, BridgeCapability, BridgeMember, BridgeTechnology, BridgeTechnologySpec
from globstar.core.frame import Frame

ANNOUNCER = "announcer"


class HoldingBridge(BridgeTechnology):
    """The voice of each announcer goes to every participant; that of participants goes nowhere."""

    name = "holding_bridge"
    capability = BridgeCapability.HOLDING
    preference = 50

    def start(self) -> None:
        """Bind the announcers to the participants."""
        members = [member for member in self.bridge.members if not member.is_apart]
        writers = [member.channel.write for member in members if member.role != ANNOUNCER]
        for member in self.bridge.members:
            if member.role == ANNOUNCER and not member.is_apart:
                member.channel.set_read_format(member.channel.raw_read_format)
                member.forward = partial(_write_all, writers)
            else:
                member.drop_voice()

    def stop(self) -> None:
        """Unbind."""
        for member in self.bridge.members:
            member.drop_voice()

    def member_joined(self, member: BridgeMember) -> None:
        """Bind anew."""
        self.start()

    def member_left(self, member: BridgeMember) -> None:
        """Bind anew without that member."""
        self.start()

    @classmethod
    def unsuitable(cls, bridge: Bridge) -> str | None:
        """Any number can wait."""
        return None


def _write_all(writers: Sequence[Callable[[Frame], None]], frame: Frame) -> None:
    for write in writers:
        write(frame)


technology = BridgeTechnologySpec(name=HoldingBridge.name, technology=HoldingBridge)
