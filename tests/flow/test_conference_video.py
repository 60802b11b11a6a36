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
    async with media_system(tmp_path, modules=["bridge_softmix", "bridge_simple", "bridge_holding"]) as system:
        yield system
        for channel in list(system.channels.values()):
            channel.hangup()


async def test_of_three_nobody_is_seen_until_one_is_chosen(system: System) -> None:
    """Pictures of two in one stream would be none at all."""
    stage = Stage(system, "none")
    assert stage.seen() == {"alice": "", "bob": "", "carol": ""}
    stage.bridge.set_video_source(stage.phones["bob"].channel)
    assert stage.seen() == {"alice": "b", "bob": "", "carol": "b"}
    stage.phones["alice"].channel.deliver(control(Control.VIDUPDATE))
    assert stage.phones["bob"].told[-1:] == [Control.VIDUPDATE]
    assert stage.phones["carol"].told == []
    stage.bridge.set_video_source(None)
    stage.members["carol"].leave(LeaveReason.KICKED)
    del stage.phones["carol"]
    assert stage.seen() == {"alice": "b", "bob": "a"}


def places(stage: Stage, viewer: str) -> dict[str, int]:
    """In which stream a viewer has seen whom."""
    return {frame.data.decode(): frame.subtype for _, frame in stage.phones[viewer].heard if frame.type is FrameType.VIDEO}


async def test_everybody_sees_everybody_in_a_stream_of_their_own(system: System) -> None:
    stage = Stage(system, "sfu")
    assert stage.seen() == {"alice": "bc", "bob": "ac", "carol": "ab"}
    assert stage.changes == []
    assert places(stage, "alice") == {"b": 0, "c": 1}
    assert places(stage, "bob") == {"a": 0, "c": 1}
    assert places(stage, "carol") == {"a": 0, "b": 1}
    # each is asked for a whole picture once, though two begin to see it
    await stage.phones["bob"].after(2)
    assert all(phone.told == [Control.VIDUPDATE] for phone in stage.phones.values())
    stage.members["alice"].leave(LeaveReason.KICKED)
    del stage.phones["alice"]
    assert stage.seen() == {"bob": "c", "carol": "b"}
    assert places(stage, "bob") == {"c": 1}  # who stays, stays where it is
    dave = stage.phones["dave"] = Phone(system, name="Phone/dave", state=ChannelState.UP, native=frozenset({Control.VIDUPDATE}))
    stage.members["dave"] = stage.bridge.join(dave.channel)
    stage.seen()
    assert places(stage, "bob") == {"c": 1, "d": 0}


async def test_who_has_lost_one_picture_has_that_one_asked_for(system: System) -> None:
    stage = Stage(system, "sfu")
    stage.seen()
    await stage.phones["alice"].after(1)
    for phone in stage.phones.values():
        phone.told.clear()
    stage.phones["alice"].channel.deliver(control(Control.VIDUPDATE, 1))
    assert {name: phone.told for name, phone in stage.phones.items()} == {"alice": [], "bob": [], "carol": [Control.VIDUPDATE]}
    await stage.phones["alice"].after(0.6)
    stage.phones["alice"].channel.deliver(control(Control.VIDUPDATE))  # by INFO, which names none
    assert [len(phone.told) for phone in stage.phones.values()] == [0, 1, 2]


async def test_many_who_have_lost_a_picture_have_it_asked_for_once(system: System) -> None:
    """Those who ask a bit later are served by the next one, half a second after the first; nobody's request is lost."""
    stage = Stage(system, "sfu")
    stage.seen()
    alice, bob, carol = stage.phones.values()
    await alice.after(1)
    carol.told.clear()
    start = system.now()
    alice.channel.deliver(control(Control.VIDUPDATE, 1))
    bob.channel.deliver(control(Control.VIDUPDATE, 1))
    assert len(carol.told) == 1
    await alice.after(0.1)
    for _ in range(3):
        alice.channel.deliver(control(Control.VIDUPDATE, 1))
        bob.channel.deliver(control(Control.VIDUPDATE, 1))
        assert len(carol.told) == 1
    await alice.after(0.39)
    assert len(carol.told) == 1
    await alice.after(0.02)
    assert len(carol.told) == 2
    assert system.now() - start == pytest.approx(0.51, abs=0.001)
    await alice.after(2)
    assert len(carol.told) == 2
    alice.channel.deliver(control(Control.VIDUPDATE, 1))
    await alice.after(0.1)
    alice.channel.deliver(control(Control.VIDUPDATE, 1))
    stage.members["carol"].leave(LeaveReason.KICKED)
    await alice.after(2)
    assert len(carol.told) == 3  # it has left before it was asked again


async def test_several_streams_of_one_are_seen_apart(system: System) -> None:
    stage = Stage(system, "sfu")
    for stream, name in ((0, b"face"), (1, b"slides")):
        stage.phones["alice"].channel.deliver(Frame(FrameType.VIDEO, stream, name, format=vp8))
    assert places(stage, "bob") == {"face": 0, "slides": 1}


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


def camera_phone(system: System, name: str, *, has_screen: bool = True) -> Phone:
    phone = Phone(system, name=f"Phone/{name}", state=ChannelState.UP, native=frozenset({Control.VIDUPDATE}))
    if has_screen:
        phone.channel.native_formats.add(vp8)
    return phone


@pytest.mark.parametrize("mode", ["single", "talker", "none"])
async def test_who_comes_later_needs_a_whole_picture_of_who_is_shown(system: System, mode: str) -> None:
    stage = Stage(system, mode)
    stage.seen()
    stage.bridge.set_video_source(stage.phones["bob"].channel)
    for phone in stage.phones.values():
        phone.told.clear()
    dave = camera_phone(system, "dave")
    stage.bridge.join(dave.channel)
    assert [phone.told for phone in stage.phones.values()] == [[], [Control.VIDUPDATE], []]
    blind = camera_phone(system, "erin", has_screen=False)
    stage.bridge.join(blind.channel)
    assert [len(phone.told) for phone in stage.phones.values()] == [0, 1, 0]
    assert dave.told == blind.told == []


async def test_two_in_a_call_ask_for_themselves(system: System) -> None:
    alice, bob, carol = (camera_phone(system, name) for name in NAMES)
    bridge = Bridge(system, dissolve_on_hangup=False)
    bridge.join(alice.channel)
    leaving = bridge.join(bob.channel)
    alice.channel.deliver(Frame(FrameType.VIDEO, 0, b"picture", format=vp8))
    bridge.join(carol.channel, swap=leaving)
    assert alice.told == bob.told == carol.told == []
    carol.channel.deliver(control(Control.VIDUPDATE))
    assert alice.told == [Control.VIDUPDATE]


class Hall:
    """Two who wait, and one who announces."""

    def __init__(self, system: System) -> None:
        self.bridge = Bridge(system, capabilities=BridgeCapability.HOLDING, kind="holding", dissolve_on_hangup=False)
        self.alice, self.bob, self.speaker = (camera_phone(system, name) for name in ("alice", "bob", "speaker"))
        self.bridge.join(self.alice.channel)
        self.bridge.join(self.speaker.channel, role="announcer")
        self.speaker.channel.deliver(Frame(FrameType.VIDEO, 0, b"slides", format=vp8))


async def test_who_waits_has_the_announcer_asked_for_a_picture_and_nobody_else(system: System) -> None:
    hall = Hall(system)
    hall.bridge.join(hall.bob.channel)
    assert hall.speaker.told == [Control.VIDUPDATE]  # bob has just come
    await hall.alice.after(1)
    hall.alice.channel.deliver(control(Control.VIDUPDATE))
    assert hall.speaker.told == [Control.VIDUPDATE] * 2
    hall.speaker.channel.deliver(control(Control.VIDUPDATE))
    assert hall.alice.told == hall.bob.told == []


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
