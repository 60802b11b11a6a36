"""Holding bridges: what who waits hears, with and without an announcer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.bridgetech import BridgeCapability
from globstar.core.channel import Channel, ChannelState
from globstar.core.format import FormatCapabilities, slin, ulaw, vp8
from globstar.core.frame import Control, Frame, FrameType, control, voice
from globstar.core.idle import Entertainment, IdleMode
from globstar.core.system import System
from tests.support.phone import Phone, media_system

pytestmark = pytest.mark.virtual_time


class Music:
    """A service that notes who hears which class."""

    def __init__(self) -> None:
        self.playing: dict[str, str] = {}

    def start(self, channel: Channel, music_class: str = "") -> bool:
        self.playing[channel.name] = music_class
        return True

    def stop(self, channel: Channel) -> None:
        self.playing.pop(channel.name, None)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with media_system(tmp_path, modules=["bridge_holding"]) as system:
        yield system
        for channel in list(system.channels.values()):
            channel.hangup()


@pytest.fixture
def music(system: System) -> Music:
    music = Music()
    system.services["music on hold"] = music
    return music


def hall(system: System) -> Bridge:
    return Bridge(system, capabilities=BridgeCapability.HOLDING, kind="holding", dissolve_on_hangup=False)


def waits(
    bridge: Bridge, name: str, mode: Entertainment, music_class: str = "", **options: frozenset[Control]
) -> tuple[Phone, BridgeMember]:
    phone = Phone(bridge.system, name=f"Phone/{name}", state=ChannelState.UP, **options)  # type: ignore[arg-type]
    return phone, bridge.join(phone.channel, idle=IdleMode(mode, music_class))


def announces(bridge: Bridge) -> tuple[Phone, BridgeMember]:
    phone = Phone(bridge.system, name="Phone/announcer", state=ChannelState.UP)
    return phone, bridge.join(phone.channel, role="announcer")


async def test_music_stops_for_an_announcer_and_goes_on_afterwards(system: System, music: Music) -> None:
    bridge = hall(system)
    alice, member = waits(bridge, "alice", Entertainment.MUSIC, "jazz")
    bob, _ = waits(bridge, "bob", Entertainment.MUSIC)
    assert music.playing == {"Phone/alice": "jazz", "Phone/bob": ""}
    assert "2 of 2 entertained" in bridge.technology.detail()
    announcer, announcing = announces(bridge)
    assert music.playing == {}
    announcer.channel.deliver(voice(ulaw, b"\x72" * 160, 160))
    assert [len(phone.voice) for phone in (alice, bob, announcer)] == [1, 1, 0]
    alice.channel.deliver(voice(ulaw, b"\x70" * 160, 160))
    assert [len(phone.voice) for phone in (alice, bob, announcer)] == [1, 1, 0]  # nobody hears who waits
    announcing.leave(LeaveReason.KICKED)
    assert music.playing == {"Phone/alice": "jazz", "Phone/bob": ""}
    member.leave(LeaveReason.KICKED)
    assert music.playing == {"Phone/bob": ""}
    bridge.dissolve()
    assert music.playing == {}


async def test_who_is_spoken_to_by_a_feature_is_not_entertained_meanwhile(system: System, music: Music) -> None:
    bridge = hall(system)
    _, member = waits(bridge, "alice", Entertainment.MUSIC)
    member.set_apart()
    assert music.playing == {}
    member.bring_back()
    assert music.playing == {"Phone/alice": ""}


async def test_ringing_hold_silence_and_nothing(system: System, music: Music) -> None:
    bridge = hall(system)
    native = frozenset({Control.RINGING, Control.HOLD, Control.UNHOLD})
    rung, ringing = waits(bridge, "rung", Entertainment.RINGING)
    held, holding = waits(bridge, "held", Entertainment.HOLD, "jazz", native=native)
    quiet, silent = waits(bridge, "quiet", Entertainment.SILENCE)
    left, nothing = waits(bridge, "left", Entertainment.NONE)
    await rung.after(0.5)
    assert rung.told == [Control.RINGING]
    assert held.told == [Control.HOLD]
    assert rung.samples.any()  # the tone
    assert len(quiet.voice) >= 23
    assert not quiet.samples.any()
    assert not left.voice
    assert music.playing == {}
    for member in (ringing, holding, silent, nothing):
        member.leave(LeaveReason.KICKED)
    assert held.told == [Control.HOLD, Control.UNHOLD]
    heard = len(rung.voice), len(quiet.voice)
    await rung.after(0.2)
    assert (len(rung.voice), len(quiet.voice)) == heard
    assert bridge.is_dissolved


async def test_an_announcer_that_changes_its_codec_is_not_translated_to_the_one_before(system: System) -> None:
    bridge = hall(system)
    waits(bridge, "alice", Entertainment.NONE)
    announcer, _ = announces(bridge)
    announcer.channel.set_native_formats(FormatCapabilities([slin]), read=slin, write=slin)
    assert announcer.channel.read_path is not None
    bridge.media_changed("the announcer's media have changed")
    assert announcer.channel.read_path is None


async def test_keys_pictures_and_texts_of_who_waits_are_nobody_elses(system: System) -> None:
    bridge = hall(system)
    alice, _ = waits(bridge, "alice", Entertainment.NONE)
    bob, _ = waits(bridge, "bob", Entertainment.NONE)
    announcer, _ = announces(bridge)

    async def send(phone: Phone) -> None:
        phone.channel.deliver(Frame(FrameType.VIDEO, 0, b"picture", format=vp8))
        phone.channel.deliver(Frame(FrameType.TEXT, 0, b"text"))
        phone.channel.deliver(control(Control.HOLD))
        phone.channel.deliver(control(Control.UNHOLD))
        await phone.press("5")

    await send(alice)
    for other in (bob, announcer):
        assert (other.heard, other.digits, other.told) == ([], "", [])
    await send(announcer)
    await alice.after(0.5)
    assert bob.digits == alice.digits == "5"
    assert {frame.type for _, frame in bob.heard} == {FrameType.VIDEO, FrameType.TEXT}
