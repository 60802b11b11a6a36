"""Whose video is seen in a bridge: everybody's, one's, or that of who talks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.bridgetech import BridgeCapability
from globstar.core.channel import ChannelState
from globstar.core.format import vp8
from globstar.core.frame import Control, Frame, FrameType, control
from globstar.core.system import System
from tests.support.phone import Phone, media_system, noise

NAMES = ("alice", "bob", "carol")


class Stage:
    """Three phones with cameras in a conference."""

    def __init__(self, system: System, mode: str) -> None:
        self.bridge = Bridge(system, capabilities=BridgeCapability.MULTIMIX, kind="base", dissolve_on_hangup=False)
        self.bridge.set_video_mode(mode)
        self.changes: list[tuple[str, str]] = []
        system.bus.subscribe(events.VideoSourceChanged, self._changed)
        self.phones = {
            name: Phone(system, name=f"Phone/{name}", state=ChannelState.UP, native=frozenset({Control.VIDUPDATE}))
            for name in NAMES
        }
        self.members: dict[str, BridgeMember] = {name: self.bridge.join(phone.channel) for name, phone in self.phones.items()}

    def _changed(self, event: events.VideoSourceChanged) -> None:
        previous = event.previous.name if event.previous is not None else ""
        now = event.bridge.video_source
        self.changes.append((previous.removeprefix("Phone/"), now.name.removeprefix("Phone/") if now is not None else ""))

    def seen(self) -> dict[str, str]:
        """All send a picture; who sees whose, by initials."""
        for phone in self.phones.values():
            phone.heard.clear()
        for name, phone in self.phones.items():
            phone.channel.deliver(Frame(FrameType.VIDEO, 0, name[0].encode(), format=vp8))
        return {
            name: "".join(frame.data.decode() for _, frame in phone.heard if frame.type is FrameType.VIDEO)
            for name, phone in self.phones.items()
        }


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with media_system(tmp_path, modules=["bridge_softmix"]) as system:
        yield system
        for channel in list(system.channels.values()):
            channel.hangup()


@pytest.mark.parametrize("mode", ["none", "sfu"])
async def test_everybody_sees_everybody(system: System, mode: str) -> None:
    stage = Stage(system, mode)
    assert stage.seen() == {"alice": "bc", "bob": "ac", "carol": "ab"}
    assert stage.changes == []


async def test_one_is_shown_and_sees_who_was_shown_before(system: System) -> None:
    stage = Stage(system, "single")
    stage.bridge.set_video_source(stage.phones["bob"].channel)
    assert stage.seen() == {"alice": "b", "bob": "", "carol": "b"}
    stage.bridge.set_video_source(stage.phones["carol"].channel)
    assert stage.seen() == {"alice": "c", "bob": "c", "carol": "b"}
    assert stage.changes == [("", "bob"), ("bob", "carol")]
    assert stage.phones["carol"].told == [Control.VIDUPDATE]  # a whole picture for those who see it from now on
    stage.phones["alice"].channel.deliver(control(Control.VIDUPDATE))
    assert stage.phones["carol"].told == [Control.VIDUPDATE] * 2
    assert stage.phones["bob"].told == [Control.VIDUPDATE]  # only when it was shown itself
    stage.members["carol"].leave(LeaveReason.KICKED)
    assert stage.bridge.video_source is None
    assert stage.changes[-1] == ("carol", "")
    del stage.phones["carol"]
    assert stage.seen() == {"alice": "", "bob": "a"}  # who sends first is shown


async def test_who_talks_is_shown(system: System) -> None:
    stage = Stage(system, "talker")
    stage.seen()
    assert stage.bridge.video_source is stage.phones["alice"].channel
    await stage.phones["bob"].speak(noise(0.5, 1))
    assert stage.bridge.video_source is stage.phones["bob"].channel
    assert stage.seen() == {"alice": "b", "bob": "a", "carol": "b"}
    await stage.phones["carol"].speak(noise(0.5, 2, level=50))  # too quiet to be talking
    assert stage.bridge.video_source is stage.phones["bob"].channel
    await stage.phones["carol"].speak(noise(0.5, 3))
    assert stage.changes == [("", "alice"), ("alice", "bob"), ("bob", "carol")]
