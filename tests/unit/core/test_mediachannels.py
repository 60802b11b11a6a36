"""Announcers and recorders: sound into a bridge and out of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.core.bridge import Bridge
from globstar.core.bridgetech import BridgeCapability
from globstar.core.dialing import request_channel
from globstar.core.format import slin
from globstar.core.frame import Frame, FrameType
from globstar.core.mediachannels import MediaChannel, open_media_channel
from globstar.core.playback import play_all
from globstar.core.system import System
from globstar.core.tech import RequestFailed
from tests.interop.support.audio import find
from tests.support.conference import Voice
from tests.support.phone import companded, media_system, noise, sound, to_samples

pytestmark = pytest.mark.virtual_time

PROMPT = noise(0.6, 77)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sound(tmp_path / "data" / "sounds" / "en", "prompt", PROMPT)
    async with media_system(
        tmp_path, modules=["bridge_simple", "bridge_softmix", "bridge_holding", "chan_bridge_media"]
    ) as system:
        yield system


def opened(system: System, technology: str, purpose: str) -> MediaChannel:
    made = open_media_channel(system, technology, purpose)
    assert made is not None
    return made


async def test_all_hear_an_announcement_and_go_on_talking(system: System) -> None:
    alice, bob = (Voice(system, name, seed=seed, seconds=2) for seed, name in enumerate(("alice", "bob"), 1))
    bridge = Bridge(system, capabilities=BridgeCapability.MULTIMIX, dissolve_on_hangup=False)
    alice.join(bridge)
    bob.join(bridge)
    announcer = opened(system, "Announcer", "room1")
    assert (announcer.near.name[-2:], announcer.far.name[-2:]) == (";1", ";2")
    assert announcer.near.name.startswith("Announcer/room1-")
    announcer.join(bridge)
    assert system.find_tech("Announcer").tech.device_state("room1") == "INUSE"  # type: ignore[union-attr]
    await play_all(announcer.near, ["prompt"])
    await alice.phone.after(0.2)
    for voice in (alice, bob):
        assert find(voice.phone.samples, companded(PROMPT)[400:4400]).correlation > 0.6
    assert len(bob.hears(alice)) >= 30
    announcer.close()
    announcer.close()
    assert len(bridge.members) == 2
    await asyncio.sleep(0)
    assert not any("room1" in name for name in system.channels)
    assert system.find_tech("Announcer").tech.device_state("room1") == "UNKNOWN"  # type: ignore[union-attr]
    alice.close()
    bob.close()
    bridge.dissolve()


async def test_a_recorder_hears_all(system: System) -> None:
    alice, bob = (Voice(system, name, seed=seed, seconds=2, format=slin) for seed, name in enumerate(("alice", "bob"), 1))
    bridge = Bridge(system, capabilities=BridgeCapability.MULTIMIX, dissolve_on_hangup=False)
    alice.join(bridge)
    bob.join(bridge)
    recorder = opened(system, "Recorder", "room1")
    frames: list[Frame] = []
    recorder.near.attach(frames.append)
    recorder.join(bridge)
    await alice.phone.after(1)
    recorded = [to_samples(frame) for frame in frames if frame.type is FrameType.VOICE]
    assert len(recorded) >= 48
    both = alice.said[: 160 * 40].astype(int) + bob.said[: 160 * 40]
    heard = [int(sample) for samples in recorded for sample in samples]
    assert any(heard[at : at + len(both)] == both.tolist() for at in range(0, 3200, 160))
    alice.close()
    bob.close()
    bridge.dissolve()  # the recorder ends with the bridge
    await asyncio.sleep(0)
    assert not system.channels


async def test_holding_participants_hear_an_announcer_instead_of_silence(system: System) -> None:
    (alice,) = (Voice(system, name, seed=1, seconds=2) for name in ("alice",))
    bridge = Bridge(system, capabilities=BridgeCapability.HOLDING, kind="holding", dissolve_on_hangup=False)
    alice.join(bridge)
    announcer = opened(system, "Announcer", "hall")
    announcer.join(bridge, role="announcer")
    await play_all(announcer.near, ["prompt"])
    assert find(alice.phone.samples, companded(PROMPT)[400:4000]).correlation > 0.99
    announcer.close()
    alice.close()
    bridge.dissolve()
    await asyncio.sleep(0)


async def test_nobody_can_dial_one(system: System) -> None:
    with pytest.raises(RequestFailed):
        request_channel(system, "Announcer/room1")
    assert open_media_channel(system, "Local", "x") is None
    assert open_media_channel(system, "Nothing", "x") is None
