"""Bridges of two and more, by what is heard: who hears whom, and that nothing is lost, late or heard twice when they change."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from globstar.core import events
from globstar.core.bridge import Bridge, LeaveReason
from globstar.core.bridgetech import BridgeCapability
from globstar.core.channel import ChannelState
from globstar.core.format import Format, alaw, g722, slin, slin16, slin32, slin48, slin_for_rate, ulaw
from globstar.core.frame import Control, Frame, control, digit_begin, digit_end, voice
from globstar.core.local import LocalPair, LocalTech
from globstar.core.mixing import BridgeMix, MemberMix
from globstar.core.system import System
from globstar.core.transfer import keep_in_bridge
from tests.interop.support.audio import find
from tests.support.conference import Voice
from tests.support.phone import Phone, media_system

SECONDS = 4.0
MODULES = ["bridge_simple", "bridge_softmix", "bridge_holding"]


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with media_system(tmp_path, modules=MODULES) as system:
        yield system


Voices = Callable[..., list[Voice]]


@pytest.fixture
def voices(system: System) -> Iterator[Voices]:
    """Phones that speak numbered packets, each at its own place within the tick."""
    made: list[Voice] = []
    seeds = itertools.count(1)

    def make(*names: str, format: Format = ulaw, seconds: float = SECONDS) -> list[Voice]:
        new = []
        for name in names:
            seed = next(seeds)
            new.append(Voice(system, name, seed=seed, seconds=seconds, offset=0.0037 * seed, format=format))
        made.extend(new)
        return new

    yield make
    for each in made:
        each.close()


def mixing(system: System, mix: BridgeMix | None = None) -> Bridge:
    """A conference."""
    return Bridge(system, capabilities=BridgeCapability.MULTIMIX, kind="base", dissolve_on_hangup=False, mix=mix)


async def test_three_hear_each_the_others_and_never_themselves(system: System, voices: Voices) -> None:
    people = voices("alice", "bob", "carol")
    bridge = mixing(system)
    for each in people:
        each.join(bridge)
    assert bridge.technology.name == "softmix"
    await people[0].phone.after(2)
    for listener in people:
        assert not listener.hears(listener)
        assert listener.phone.gaps == {0.02}
        for speaker in people:
            if speaker is not listener:
                gap = listener.gap(speaker)
                assert (gap.longest, gap.repeated, gap.missing) == (0.02, [], [])
                assert len(listener.hears(speaker)) >= 95


@pytest.mark.parametrize("format", [ulaw, alaw, slin])
async def test_a_third_party_comes_and_goes_without_a_gap_or_an_echo(system: System, voices: Voices, format: Format) -> None:
    alice, bob = voices("alice", "bob", format=format)
    (carol,) = voices("carol")
    bridge = Bridge(system)
    alice.join(bridge)
    bob.join(bridge)
    assert bridge.technology.name == "simple_bridge"
    await alice.phone.after(1)
    member = carol.join(bridge)
    assert bridge.technology.name == "softmix"
    assert "simple_bridge: 3 channels, it serves two" in bridge.explain()
    assert "last change: simple_bridge to softmix: Phone/carol joined" in bridge.explain()
    await alice.phone.after(1)
    member.leave(LeaveReason.KICKED)
    assert bridge.technology.name == "simple_bridge"
    await alice.phone.after(1)
    for listener, speaker in ((alice, bob), (bob, alice)):
        gap = listener.gap(speaker)
        assert gap.longest <= 0.04
        assert (gap.repeated, gap.missing) == ([], [])
        assert len(listener.hears(speaker)) >= 145
        assert 45 <= len(listener.hears(carol)) <= 51
        assert not listener.hears(listener)
    assert len(carol.hears(alice)) >= 47


async def test_mute_and_unmute_change_a_call_of_two_and_back(system: System, voices: Voices) -> None:
    alice, bob = voices("alice", "bob")
    bridge = Bridge(system)
    member = alice.join(bridge)
    bob.join(bridge)
    await alice.phone.after(0.5)
    member.set_mix(MemberMix(is_muted=True))
    assert bridge.technology.name == "softmix"
    assert "simple_bridge: Phone/alice is muted" in bridge.explain()
    muted_at = bob.phone.clock
    await alice.phone.after(0.5)
    member.set_mix(MemberMix())
    assert bridge.technology.name == "simple_bridge"
    back_at = bob.phone.clock
    await alice.phone.after(0.5)
    assert not bob.hears(alice, muted_at, back_at)
    assert len(bob.hears(alice, back_at)) >= 23
    gap = alice.gap(bob)
    assert (gap.longest <= 0.04, gap.repeated, gap.missing) == (True, [], [])


async def test_a_deaf_member_hears_silence_and_is_heard(system: System, voices: Voices) -> None:
    alice, bob, carol = voices("alice", "bob", "carol")
    bridge = mixing(system)
    member = alice.join(bridge)
    bob.join(bridge)
    carol.join(bridge)
    member.set_mix(MemberMix(is_deaf=True))
    await alice.phone.after(1)
    assert len(alice.phone.voice) >= 48
    assert not alice.phone.samples.any()
    assert len(bob.hears(alice)) >= 48


async def test_peers_are_named_up_to_ten_and_who_comes_later_is_told_alone(system: System) -> None:
    bridge = mixing(system)
    phones = [Phone(system, name=f"Phone/{number}", state=ChannelState.UP) for number in range(14)]
    names = [phone.channel.name for phone in phones]
    told: list[str] = []
    system.bus.subscribe(
        events.VariableSet, lambda event: told.append(event.channel.name) if event.name == "BRIDGEPEER" else None
    )
    members = []

    def check(inside: range) -> None:
        for number in inside:
            peers = [names[other] for other in inside if other != number][:10]
            assert phones[number].channel.get_variable("BRIDGEPEER") == ",".join(peers)

    for number, phone in enumerate(phones):
        told.clear()
        members.append(bridge.join(phone.channel))
        if number:
            check(range(number + 1))
        if number >= 12:
            assert told == [names[number]]
    told.clear()
    members[13].leave(LeaveReason.KICKED)
    check(range(13))
    members[0].leave(LeaveReason.KICKED)
    check(range(1, 13))
    for phone in phones:
        phone.channel.hangup()
        phone.close()


async def test_digits_of_one_who_has_left_wait_for_its_owner(system: System, voices: Voices) -> None:
    alice, bob, carol = voices("alice", "bob", "carol")
    bridge = mixing(system)
    members = [each.join(bridge) for each in (alice, bob, carol)]
    await alice.phone.after(0.2)
    members[0].leave(LeaveReason.KICKED)
    alice.phone.channel.deliver(digit_begin("5"))
    alice.phone.channel.deliver(digit_end("5", 100))
    await bob.phone.after(0.3)
    assert (bob.phone.digits, carol.phone.digits) == ("", "")
    assert await alice.phone.channel.wait_for_digit(1) == "5"


async def test_volumes_of_what_is_said_and_heard(system: System, voices: Voices) -> None:
    alice, bob = voices("alice", "bob", format=slin)
    bridge = mixing(system)
    first, second = alice.join(bridge), bob.join(bridge)
    first.set_mix(MemberMix(gain_in=0.5))
    second.set_mix(MemberMix(gain_out=4.0))
    await alice.phone.after(1)
    peak = abs(alice.said).max()
    assert abs(bob.phone.samples).max() == pytest.approx(2 * peak, rel=0.02)
    assert abs(alice.phone.samples).max() == pytest.approx(peak, rel=0.02)


async def test_who_is_apart_neither_hears_nor_is_heard(system: System, voices: Voices) -> None:
    alice, bob, carol = voices("alice", "bob", "carol")
    bridge = mixing(system)
    member = alice.join(bridge)
    bob.join(bridge)
    carol.join(bridge)
    await alice.phone.after(0.5)
    member.set_apart()
    apart_at = bob.phone.clock + 0.001  # this moment's step was before
    await alice.phone.after(0.5)
    member.bring_back()
    back_at = bob.phone.clock
    await alice.phone.after(0.5)
    assert not bob.hears(alice, apart_at, back_at)
    assert not alice.hears(bob, apart_at, back_at)
    assert len(bob.hears(alice, back_at)) >= 23
    gap = bob.gap(carol)
    assert (gap.longest, gap.repeated, gap.missing) == (0.02, [], [])


@pytest.mark.parametrize("interval_ms", [10, 20, 40, 60, 80])
async def test_every_mixing_interval(system: System, voices: Voices, interval_ms: int) -> None:
    alice, bob, carol = voices("alice", "bob", "carol")
    bridge = mixing(system, BridgeMix(interval_ms=interval_ms))
    for each in (alice, bob, carol):
        each.join(bridge)
    await alice.phone.after(2)
    assert {len(frame.data) for _, frame in bob.phone.voice} == {8 * interval_ms}
    assert bob.phone.gaps == {interval_ms / 1000}
    for speaker in (alice, carol):
        found = find(bob.phone.samples, speaker.said[800:8800])
        assert found.correlation > 0.65  # of two that are equally loud each makes up 0.71
    assert f"every {interval_ms} ms at 8000" in bridge.technology.detail()


async def test_a_packet_that_is_late_costs_one_step_and_none_is_lost(system: System, voices: Voices) -> None:
    (bob,) = voices("bob")
    bridge = mixing(system)
    bob.join(bridge)
    (alice,) = voices("alice")
    member = alice.join(bridge)
    await bob.phone.after(0.5)
    take = member.forward
    held: list[object] = []
    member.forward = held.append  # three packets are late
    await bob.phone.after(0.06)
    for frame in held:
        take(frame)  # type: ignore[arg-type]
    member.forward = take
    await bob.phone.after(0.5)
    gap = bob.gap(alice)
    assert (gap.repeated, gap.missing) == ([], [])
    assert gap.longest <= 0.08


async def test_what_comes_too_fast_is_bounded(system: System, voices: Voices) -> None:
    alice, bob = voices("alice", "bob")
    bridge = mixing(system)
    member = alice.join(bridge)
    bob.join(bridge)
    await alice.phone.after(0.1)
    frame = bob.phone.voice[-1][1]
    for _ in range(50):
        member.forward(frame)
    await alice.phone.after(0.5)
    room = bridge.technology._room  # type: ignore[attr-defined]
    participant = next(one for one in room.participants if one.member is member)
    assert participant.dropped >= 40 * 160
    assert len(participant._data) <= 10 * 160


async def test_talking_is_told_and_silence_may_be_dropped(system: System, voices: Voices) -> None:
    (alice,) = voices("alice", seconds=1.0)
    (bob,) = voices("bob")
    bridge = mixing(system)
    member = alice.join(bridge)
    bob.join(bridge)
    told: list[tuple[float, bool]] = []
    member.set_mix(
        MemberMix(drops_silence=True, silence_ms=500, on_talking=lambda _member, talks: told.append((bob.phone.clock, talks)))
    )
    await bob.phone.after(2)
    assert [talks for _, talks in told] == [True, False]
    began, ended = (when for when, _ in told)
    assert began < 0.1
    assert ended == pytest.approx(1.5, abs=0.06)
    assert len(bob.hears(alice)) >= 48


async def test_one_whose_channel_fails_ends_alone(system: System, voices: Voices) -> None:
    alice, bob, carol = voices("alice", "bob", "carol")
    bridge = mixing(system)
    members = [each.join(bridge) for each in (alice, bob, carol)]

    def broken(channel: object, frame: object) -> None:
        raise RuntimeError("broken")

    await alice.phone.after(0.5)
    carol.phone.channel.tech.write = broken  # type: ignore[method-assign]
    await alice.phone.after(0.5)
    assert members[2].left.result() is LeaveReason.HANGUP
    gap = alice.gap(bob)
    assert (gap.longest, gap.repeated, gap.missing) == (0.02, [], [])


async def test_two_bridges_become_one(system: System, voices: Voices) -> None:
    people = voices("alice", "bob", "carol", "dave")
    one, two = Bridge(system), Bridge(system)
    for each, bridge in zip(people, (one, one, two, two), strict=True):
        each.join(bridge)
    await people[0].phone.after(0.5)
    one.merge(two)
    assert two.is_dissolved
    assert one.technology.name == "softmix"
    assert len(one.members) == 4
    merged_at = people[0].phone.clock
    await people[0].phone.after(0.5)
    for listener, speaker in itertools.permutations(people, 2):
        assert len(listener.hears(speaker, merged_at)) >= 23


async def test_a_local_channel_between_two_conferences_steps_out_and_they_become_one(system: System, voices: Voices) -> None:
    people = voices("alice", "bob", "carol", "dave", seconds=6.0)
    one, two = Bridge(system), Bridge(system)
    for each, bridge in zip(people, (one, one, two, two), strict=True):
        each.join(bridge)
    local = system.find_tech("Local")
    assert local is not None
    assert isinstance(local.tech, LocalTech)
    near, far = local.tech.new_pair(system, "link", "default", people[0].phone.channel)
    keep_in_bridge(near, one.join(near))
    keep_in_bridge(far, two.join(far))
    assert isinstance(near.private, LocalPair)
    told: list[object] = []
    for kind in (events.LocalOptimizationBegan, events.BridgesMerged, events.LocalOptimizationEnded):
        system.bus.subscribe(kind, told.append)
    await people[0].phone.after(1)
    assert len(people[0].hears(people[2])) > 40  # through the halves
    near.private.may_optimise = True
    await people[0].phone.after(1)
    assert [type(event).__name__ for event in told] == ["LocalOptimizationBegan", "BridgesMerged", "LocalOptimizationEnded"]
    (bridge,) = system.bridges.values()
    assert set(bridge.channels) == {each.phone.channel for each in people}
    assert near.is_hung_up
    assert far.is_hung_up
    for listener, speaker in itertools.permutations(people, 2):
        gap = listener.gap(speaker)
        assert not gap.repeated
        assert gap.longest <= 0.06
        assert len(gap.missing) <= 2  # what was on its way through the halves


async def test_hold_in_a_conference_concerns_nobody_else_until_two_are_left(system: System, voices: Voices) -> None:
    alice, bob, carol = voices("alice", "bob", "carol")
    bridge = Bridge(system)
    for each in (alice, bob):
        each.join(bridge)
    alice.phone.channel.deliver(control(Control.HOLD, ""))
    assert bob.phone.told == [Control.HOLD]
    member = carol.join(bridge)
    assert bob.phone.told == [Control.HOLD, Control.UNHOLD]  # bob may talk to carol
    await alice.phone.after(0.5)
    assert len(bob.hears(carol)) > 20
    bob.phone.channel.deliver(control(Control.HOLD, ""))
    bob.phone.channel.deliver(control(Control.UNHOLD))
    assert carol.phone.told == []
    member.leave(LeaveReason.KICKED)
    assert bob.phone.told == [Control.HOLD, Control.UNHOLD, Control.HOLD]


RATES = {"slin": slin, "slin16": slin16, "slin32": slin32, "slin48": slin48, "g722": g722, "ulaw": ulaw}


class Tone:
    """A phone of any rate that says a tone."""

    def __init__(self, system: System, format: Format, hertz: float) -> None:
        self.phone = Phone(system, name=f"Phone/{format.name}", format=format, state=ChannelState.UP)
        linear = slin_for_rate(format.sample_rate)
        self.rate, size = linear.sample_rate, linear.sample_rate // 50
        wave = np.rint(5000 * np.sin(2 * np.pi * hertz * np.arange(self.rate * 2) / self.rate)).astype("<i2").tobytes()
        packets = [wave[at : at + 2 * size] for at in range(0, len(wave), 2 * size)]
        translation = system.translation
        self._encode = None if format is linear else translation.require_path(linear, format)
        self._decode = None if format is linear else translation.require_path(format, linear)
        for index, packet in enumerate(packets):
            system.loop.call_later(0.0051 + 0.02 * index, self._say, voice(linear, packet, size))

    def _say(self, frame: Frame) -> None:
        if not self.phone.channel.is_hung_up:
            encoded = frame if self._encode is None else self._encode.translate(frame)
            assert encoded is not None
            self.phone.channel.deliver(encoded)

    def share(self, hertz: float) -> float:
        """The level of one frequency in what is heard, against that of the tones."""
        data = b"".join(
            frame.data if self._decode is None else self._decode.translate_bytes(frame.data) for _, frame in self.phone.voice
        )
        heard = np.frombuffer(data, "<i2")[self.rate // 5 :].astype(float)
        assert len(heard) > self.rate
        return float(abs(np.dot(heard, np.exp(-2j * np.pi * hertz * np.arange(len(heard)) / self.rate))) * 2 / len(heard) / 5000)


@pytest.mark.parametrize(
    "mix", [BridgeMix(), BridgeMix(interval_ms=40), BridgeMix(maximum_rate=16000), BridgeMix(internal_rate=8000)]
)
async def test_codecs_of_all_rates_hear_one_another(tmp_path: Path, mix: BridgeMix) -> None:
    async with media_system(tmp_path, modules=[*MODULES, "codec_g722"]) as system:
        bridge = mixing(system, mix)
        tones = {name: 500.0 + 400 * index for index, name in enumerate(RATES)}  # the highest is 2.5 kHz: all rates carry it
        people = {name: Tone(system, format, tones[name]) for name, format in RATES.items()}
        for one in people.values():
            bridge.join(one.phone.channel)
        await people["ulaw"].phone.after(1.9)
        highest = mix.highest_rate or 48000
        rates = sorted({min(format.sample_rate, highest) for format in RATES.values()})
        assert f"at {', '.join(map(str, rates))}" in bridge.technology.detail()
        for name, one in people.items():
            for other, hertz in tones.items():
                share = one.share(hertz)
                if name == other:
                    assert share < 0.02, f"{name} hears itself"
                else:
                    assert share == pytest.approx(1, abs=0.12), f"{name} hears {other}"
        for one in people.values():
            one.phone.channel.hangup()
            one.phone.close()
        bridge.dissolve()
