"""Any order of coming, going, muting and holding apart: each hears exactly those who are in, can be heard, and are not itself."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from globstar.core.bridge import Bridge, LeaveReason
from globstar.core.bridgetech import BridgeCapability
from globstar.core.format import alaw, slin, ulaw
from globstar.core.mixing import MemberMix
from tests.support.conference import Voice
from tests.support.phone import media_system
from tests.support.virtual_loop import run_virtual

NAMES = ("alice", "bob", "carol", "dave")
FORMATS = (ulaw, alaw, slin, ulaw)
STEPS = st.lists(
    st.tuples(st.sampled_from(["join", "join", "join", "leave", "mute", "deaf", "apart"]), st.integers(0, 3), st.integers(1, 70)),
    min_size=3,
    max_size=10,
)


class Table:
    """A bridge, phones, and what should be heard."""

    def __init__(self, bridge: Bridge, voices: list[Voice]) -> None:
        self.bridge = bridge
        self.voices = voices
        self.inside: set[Voice] = set()
        self.muted: set[Voice] = set()
        self.deaf: set[Voice] = set()
        self.apart: set[Voice] = set()

    def act(self, action: str, voice: Voice) -> None:
        """Do something if it can be done."""
        if action == "join":
            if voice not in self.inside:
                voice.join(self.bridge)
                self.inside.add(voice)
            return
        if voice not in self.inside:
            return
        assert voice.member is not None
        if action == "leave":
            voice.member.leave(LeaveReason.KICKED)
            for group in (self.inside, self.muted, self.deaf, self.apart):
                group.discard(voice)
        elif action == "apart":
            self.apart ^= {voice}
            voice.member.set_apart() if voice in self.apart else voice.member.bring_back()
        else:
            group = self.muted if action == "mute" else self.deaf
            group ^= {voice}
            voice.member.set_mix(MemberMix(is_muted=voice in self.muted, is_deaf=voice in self.deaf))

    def hears(self, listener: Voice, speaker: Voice) -> bool:
        """Whether the one should hear the other now."""
        if not {listener, speaker} <= self.inside or {listener, speaker} & self.apart:
            return False
        return listener not in self.deaf and speaker not in self.muted

    def expected_technology(self) -> str:
        """What serves."""
        return "softmix" if len(self.inside) > 2 or self.muted or self.deaf else "simple_bridge"


async def play(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        async with media_system(Path(root), modules=["bridge_simple", "bridge_softmix"]) as system:
            seconds = sum(pause for _, _, pause in steps) / 1000 + 0.5 * len(steps) + 1
            voices = [
                Voice(
                    system, name, seed=index + 1, seconds=round(seconds * 50) / 50, offset=0.0041 * index, format=FORMATS[index]
                )
                for index, name in enumerate(NAMES)
            ]
            bridge = Bridge(
                system,
                capabilities=BridgeCapability.ONE_TO_ONE | BridgeCapability.MULTIMIX,
                dissolve_on_hangup=False,
            )
            keeper = bridge  # an empty bridge ends: the next one who comes opens another
            table = Table(keeper, voices)
            for action, who, pause_ms in steps:
                if table.bridge.is_dissolved:
                    table.bridge = Bridge(system, capabilities=keeper.capabilities, dissolve_on_hangup=False)
                table.act(action, voices[who])
                if table.bridge.members:
                    assert table.bridge.technology.name == table.expected_technology()
                since = voices[0].phone.clock
                await voices[0].phone.after(0.24 + pause_ms / 1000)
                for listener, speaker in itertools.product(voices, voices):
                    heard = listener.hears(speaker, since + 0.061)
                    if listener is speaker or not table.hears(listener, speaker):
                        assert not heard, f"{listener.phone.channel.name} hears {speaker.phone.channel.name} after {action}"
                    else:
                        assert len(heard) >= 8
            for listener, speaker in itertools.permutations(voices, 2):
                if listener.hears(speaker):
                    assert not listener.gap(speaker).repeated
            for voice in voices:
                voice.close()
            for left in list(system.bridges.values()):
                left.dissolve()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_each_hears_exactly_who_can_be_heard(steps: list[tuple[str, int, int]]) -> None:
    run_virtual(play(steps))
