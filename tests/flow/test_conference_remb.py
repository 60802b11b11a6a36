"""What receivers of video in a conference can take, told to those who send it: behaviours, intervals, comings and goings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.base.errors import LocalFault
from globstar.core.bridge import LeaveReason
from globstar.core.bridgeremb import BitRate, RembBehavior, RembSettings
from globstar.core.channel import ChannelState
from globstar.core.cli import run_command
from globstar.core.format import vp8
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from tests.flow.test_conference_video import Stage
from tests.support.phone import Phone, media_system

MODULES = ("bridge_softmix", "res_remb_modifier")


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with media_system(tmp_path, modules=MODULES) as system:
        register_commands(system)
        yield system
        for channel in list(system.channels.values()):
            channel.hangup()


class Meeting(Stage):
    """Three who see one another: alice sees bob in her stream 0 and carol in 1, bob alice and carol, carol alice and bob."""

    def __init__(
        self, system: System, *, behavior: RembBehavior = RembBehavior.AVERAGE, interval: int = 1000, bits: int = 0
    ) -> None:
        super().__init__(system, "sfu")
        self.bridge.set_remb(RembSettings(interval, behavior, bits))
        self.seen()

    def estimate(self, name: str, bits: int, stream: int = 0, sources: int = 1) -> None:
        self.phones[name].channel.deliver(Frame(FrameType.RTCP, stream, BitRate(bits, sources)))

    async def told(self, seconds: float = 1.0) -> dict[str, list[int]]:
        """What each is told within so many seconds."""
        for phone in self.phones.values():
            phone.heard.clear()
        await self.phones["bob"].after(seconds)
        return {name: rates(phone) for name, phone in self.phones.items()}


def rates(phone: Phone) -> list[int]:
    return [frame.data.bits for _, frame in phone.heard if frame.type is FrameType.RTCP]


def estimate_all(meeting: Meeting) -> None:
    """alice can take 100k of bob, 200k of carol; bob 400k of alice, 800k of carol; carol 50k of alice."""
    for name, stream, bits in (
        ("alice", 0, 100_000), ("alice", 1, 200_000), ("bob", 0, 400_000), ("bob", 1, 800_000), ("carol", 0, 50_000),
    ):  # fmt: skip
        meeting.estimate(name, bits, stream)


@pytest.mark.parametrize(
    ("behavior", "alice", "bob", "carol"),
    [
        ("average", 225_000, 100_000, 500_000),
        ("lowest", 50_000, 100_000, 200_000),
        ("highest", 400_000, 100_000, 800_000),
        ("average_all", 310_000, 310_000, 310_000),
        ("lowest_all", 50_000, 50_000, 50_000),
        ("highest_all", 800_000, 800_000, 800_000),
        ("force", 123_456, 123_456, 123_456),
    ],
)
async def test_each_behaviour_tells_senders_what_it_says(system: System, behavior: str, alice: int, bob: int, carol: int) -> None:
    meeting = Meeting(system, behavior=RembBehavior(behavior), bits=123_456)
    estimate_all(meeting)
    assert await meeting.told(1.1) == {"alice": [alice], "bob": [bob], "carol": [carol]}


async def test_estimates_are_told_again_in_every_interval_until_they_change(system: System) -> None:
    meeting = Meeting(system, interval=200)
    estimate_all(meeting)
    assert (await meeting.told(1.1))["bob"] == [100_000] * 5
    meeting.estimate("alice", 90_000)
    meeting.estimate("alice", 70_000)
    assert (await meeting.told(0.2))["bob"] == [70_000]


async def test_an_estimate_of_several_streams_is_shared_by_them(system: System) -> None:
    """A browser tells one for all that it gets by one transport, with each stream."""
    meeting = Meeting(system)
    for stream in (0, 1):
        meeting.estimate("alice", 900_000, stream, sources=2)
    assert await meeting.told(1.1) == {"alice": [], "bob": [450_000], "carol": [450_000]}


async def test_who_has_two_cameras_is_told_for_each(system: System) -> None:
    meeting = Meeting(system)
    meeting.phones["alice"].channel.deliver(Frame(FrameType.VIDEO, 1, b"slides", format=vp8))
    slides = next(place for (member, stream), place in meeting.members["bob"].sees.items() if stream == 1)
    meeting.estimate("bob", 400_000)
    meeting.estimate("bob", 90_000, slides)
    await meeting.told(1.1)
    told = [(frame.subtype, frame.data.bits) for _, frame in meeting.phones["alice"].heard if frame.type is FrameType.RTCP]
    assert told == [(0, 400_000), (1, 90_000)]


async def test_nothing_is_told_before_anything_is_known(system: System) -> None:
    for behavior in RembBehavior:
        meeting = Meeting(system, behavior=behavior)
        assert await meeting.told(3) == {"alice": [], "bob": [], "carol": []}
        meeting.bridge.dissolve()
        for phone in meeting.phones.values():
            phone.channel.hangup()


async def test_who_leaves_takes_its_estimates_along_and_those_about_it(system: System) -> None:
    meeting = Meeting(system, behavior=RembBehavior.AVERAGE_ALL)
    estimate_all(meeting)
    meeting.members["alice"].leave(LeaveReason.KICKED)
    del meeting.phones["alice"]
    assert meeting.bridge.remb is not None
    assert meeting.bridge.remb.estimates == 1  # what bob takes of carol
    assert await meeting.told(1.1) == {"bob": [800_000], "carol": [800_000]}
    dave = meeting.phones["dave"] = Phone(system, name="Phone/dave", state=ChannelState.UP, native=frozenset({Control.VIDUPDATE}))
    meeting.members["dave"] = meeting.bridge.join(dave.channel)
    meeting.seen()
    meeting.estimate("dave", 10_000, meeting.members["dave"].sees[meeting.members["bob"], 0])
    assert await meeting.told(1) == {"bob": [405_000], "carol": [405_000], "dave": [405_000]}


async def test_the_timer_runs_only_while_somebody_sees_somebody(system: System) -> None:
    meeting = Meeting(system)
    meeting.bridge.is_standing = True
    remb = meeting.bridge.remb
    assert remb is not None
    assert remb.is_running
    for member in meeting.members.values():
        member.leave(LeaveReason.KICKED)
    await meeting.told(2.5)
    assert not remb.is_running
    for name, phone in meeting.phones.items():
        meeting.members[name] = meeting.bridge.join(phone.channel)
    assert not remb.is_running
    meeting.seen()
    estimate_all(meeting)
    assert (await meeting.told(1.1))["bob"] == [100_000]
    meeting.bridge.dissolve()
    assert not remb.is_running


async def test_who_is_spoken_to_apart_is_not_counted(system: System) -> None:
    meeting = Meeting(system, behavior=RembBehavior.LOWEST_ALL)
    estimate_all(meeting)
    meeting.members["carol"].set_apart()
    assert (await meeting.told(1.1))["bob"] == [100_000]
    meeting.members["carol"].bring_back()
    assert (await meeting.told(1))["bob"] == [50_000]


async def test_without_an_interval_or_in_another_mode_nobody_is_told(system: System) -> None:
    meeting = Meeting(system, interval=0)
    estimate_all(meeting)
    assert set(map(tuple, (await meeting.told(3)).values())) == {()}
    meeting.bridge.set_remb(RembSettings(500))
    estimate_all(meeting)
    assert (await meeting.told(0.6))["bob"] == [100_000]
    meeting.bridge.set_video_mode("talker")
    estimate_all(meeting)
    assert set(map(tuple, (await meeting.told(3)).values())) == {()}
    meeting.bridge.set_video_mode("sfu")
    estimate_all(meeting)
    assert (await meeting.told(0.6))["bob"] == [100_000]
    meeting.bridge.set_remb(RembSettings())
    assert set(map(tuple, (await meeting.told(3)).values())) == {()}


async def test_the_behaviour_changes_while_people_talk(system: System) -> None:
    meeting = Meeting(system)
    estimate_all(meeting)
    assert (await meeting.told(1.1))["alice"] == [225_000]
    meeting.bridge.set_remb(RembSettings(1000, RembBehavior.HIGHEST))
    assert (await meeting.told(1.1))["alice"] == [400_000]


@pytest.mark.parametrize("settings", [(-1, 0), (0, -1), (1 << 32, 0), (0, 1 << 32)])
def test_settings_out_of_range_are_refused(settings: tuple[int, int]) -> None:
    with pytest.raises(LocalFault, match="REMB"):
        RembSettings(settings[0], RembBehavior.FORCE, settings[1])


async def test_bridge_explain_tells_what_is_done(system: System) -> None:
    meeting = Meeting(system, behavior=RembBehavior.FORCE, bits=64_000)
    explained = await run_command(system, f"bridge explain {meeting.bridge.unique_id}")
    assert "bit rates of video: force 64000 bit/s every 1000 ms, of 0 estimates" in explained
    meeting.bridge.set_remb(RembSettings())
    assert "bit rates of video" not in await run_command(system, f"bridge explain {meeting.bridge.unique_id}")


# -- remb set ------------------------------------------------------------------------------------------------------------


async def test_remb_set_changes_what_a_channel_tells_and_is_told(system: System) -> None:
    meeting = Meeting(system)
    estimate_all(meeting)
    assert await run_command(system, "remb set receive Phone/alice 60000") == (
        "Bit rate of REMB of Phone/alice set to 60000 (receive)\n"
    )
    meeting.estimate("alice", 100_000)
    await run_command(system, "remb set send Phone/alice 7000")
    assert await meeting.told(1.1) == {"alice": [7000], "bob": [60_000], "carol": [500_000]}
    await run_command(system, "remb set send Phone/alice 0")
    assert await meeting.told(1) == {"alice": [225_000], "bob": [60_000], "carol": [500_000]}
    assert "left as they are" in await run_command(system, "remb set receive Phone/alice 0")
    meeting.estimate("alice", 100_000)
    assert (await meeting.told(1))["bob"] == [100_000]
    assert meeting.phones["alice"].channel.signal_hooks == []


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("remb set receive Phone/nobody 1000", "No such channel: Phone/nobody"),
        ("remb set send Phone/alice -1", "'-1' is no bit rate"),
        ("remb set send Phone/alice 1M", "'1M' is no bit rate"),
        ("remb set send Phone/alice 99999999999", "is no bit rate"),
        ("remb set sideways Phone/alice 1000", "Usage: remb set {send|receive} <channel> <bitrate in bits>"),
        ("remb set send Phone/alice", "Usage: remb set {send|receive} <channel> <bitrate in bits>"),
    ],
)
async def test_remb_set_tells_what_it_cannot_do(system: System, line: str, answer: str) -> None:
    Meeting(system)
    assert answer in await run_command(system, line)
