"""Invariants: whatever the data of an application is, and whatever the caller and a called phone do meanwhile, no application
raises what is a bug; the call is over soon after the caller hung up, and nothing of it is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.base.log import Level, Record, hub
from globstar.dialplan import Step
from tests.support.testtech import NO_RECORDS, Leg, World
from tests.support.virtual_loop import VirtualTimeLoop

#: Applications that run programs, speak with other servers or wait for real time.
_OUTSIDE = {"System", "TrySystem", "AGI", "EAGI", "ExternalIVR", "MP3Player", "Festival", "Reload", "Dictate", "AELSub"}
#: Applications that write where a path tells them.
_WRITERS = {"Record", "MixMonitor"}
#: What calls of applications look like, for pieces to be put into.
SHAPES = (
    "", "x", "9", "Test/bob", "Test/bob,5,", "Test/bob,5,g", "Test/bob&Local/9@default,3,", "long", "long&beep,", "x,9,",
    "1,2,3,4,", "100@default,", "default,", "default,s", "X,long,3,,2,1", "long,5,3,Test/bob", "Test/bob,app,NoOp,x,,2,",
    "Test,q", "a@b.c,", "1?x:s", "s,1", "#,#[1=1],2", "long.wav,", "480+620/500", "1004,100,2,1,", "${CHANNEL},", "0.1", "12#,,,",
    "none:x,", "g,name,1",
)  # fmt: skip
PIECES = (
    "1", "0", "x", "s", ",", ",", ":", "?", "(", ")", "[", "]", "{", "}", '"', "\\", "$", "&", "^", " ", "=", "*", "-1",
    "99999999999999999999", "t(", "é", "\udc80", "#", "A(", "b(", "L(1:2:3)", "S(1)", "d", "h", "n", "q", "r", "w", "W", "X",
    "U(", "D(", "Q(", "%", "!", "+", "|", "/x", "\n", "us",
)  # fmt: skip
FILES = {
    **NO_RECORDS,
    "agents.conf": "[general]\n[9]\nfullname=Ann\n",
    "sla.conf": "[x]\ntype=trunk\ndevice=Test/bob\n[9]\ntype=station\ndevice=Test/alice\ntrunk=x\n",
    "res_parking.conf": "[default]\nparkext=700\nparkpos=701-702\ncontext=parkedcalls\nparkingtime=3\n",
    "voicemail.conf": "[general]\nformat=wav\n[default]\n100 => 1234,Ann Example\n",
    "followme.conf": "[x]\nnumber=9,3\n[9]\nnumber=s&x,2,1\n",
    "minivm.conf": "[general]\nmailcmd=/bin/true\n[a@b.c]\nfullname=Ann\n",
}
PLAN = "[default]\nexten => s,1,NoOp()\nexten => x,1,Wait(1)\nexten => 9,1,Dial(Test/bob,2)\nexten => a,1,NoOp()\n"

#: What the called phone does with a call.
REACTIONS = ("answers", "refuses", "rings", "nothing", "answers and leaves")


class Office:
    """A world on a loop of its own, and what it said that tells of a bug."""

    def __init__(self, root: Path) -> None:
        self.bugs: list[str] = []
        self.reaction = "nothing"
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        hub.add(Level.ERROR | Level.WARNING, self._told)
        self.world: World = self.runner.run(self._start(root))
        self.applications = sorted(spec.name for spec in self.world.system.applications if spec.name not in _OUTSIDE)

    def _told(self, record: Record) -> None:
        if "Traceback" in record.message:
            self.bugs.append(record.message)

    async def _start(self, root: Path) -> World:
        world = await World.start(PLAN, files=FILES, root=root)
        world.phone("alice", "100", "Alice")
        world.phone("bob", "101", "Bob").on_call = self._called
        for sound in ("beep", "long"):
            world.sound(sound, 1.0)
        world.system.plan.add_context("fuzz", "fuzz")
        return world

    def _called(self, leg: Leg) -> None:
        if self.reaction.startswith("answers"):
            leg.answers()
            if "leaves" in self.reaction:
                self.world.system.loop.call_later(1.5, leg.hangs_up)
        elif self.reaction == "refuses":
            leg.refuses()
        elif self.reaction == "rings":
            leg.rings()

    async def call(self, name: str, data: str, keys: str, speaks: bool) -> None:
        """One call that runs the application and hangs up in its midst."""
        world = self.world
        world.system.plan.add_step(Step("fuzz", "s", 1, name, data, registrar="fuzz"), replace=True)
        call = world.tech.phones["alice"].dials("s", "fuzz")
        if speaks:
            call.speaks_on()
        await asyncio.sleep(0.5)
        if keys and not call.channel.is_hung_up:
            call.presses(keys)
        await asyncio.sleep(3)
        if not call.channel.is_hung_up:
            call.hangs_up()
            await asyncio.sleep(3)
        assert call.channel.is_hung_up, f"{name}({data}) goes on without its caller"
        await world.end_calls()
        world.events.clear()
        world.notes.clear()
        for phone in world.tech.phones.values():
            phone.legs.clear()

    def close(self) -> None:
        self.runner.run(self.world.stop())
        self.runner.close()
        hub.remove(self._told)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("office"))
    yield office
    office.close()


def mixed(parts: tuple[str, list[tuple[int, str]]]) -> str:
    """A shape with pieces put into it."""
    data, pieces = parts
    for place, piece in pieces:
        at = place % (len(data) + 1)
        data = data[:at] + piece + data[at:]
    return data


data_texts = st.tuples(st.sampled_from(SHAPES), st.lists(st.tuples(st.integers(0, 60), st.sampled_from(PIECES)), max_size=4)).map(
    mixed
)


@settings(max_examples=300, deadline=None)
@given(
    index=st.integers(0, 10_000), data=data_texts, keys=st.sampled_from(("", "1", "#", "*0", "123#")), speaks=st.booleans(),
    reaction=st.sampled_from(REACTIONS),
)  # fmt: skip
def test_no_application_has_a_bug_for_any_data(
    office: Office, index: int, data: str, keys: str, speaks: bool, reaction: str
) -> None:
    name = office.applications[index % len(office.applications)]
    if name in _WRITERS:
        data = ",".join(data.replace("/", "").split(",")[:2])  # no folder of others, and no command
    office.reaction = reaction
    office.bugs.clear()
    office.runner.run(office.call(name, data, keys, speaks))
    assert office.bugs == [], f"{name}({data})"
    assert not office.world.system.channels
