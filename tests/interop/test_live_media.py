"""Phones talk over real UDP while the way of their media changes: nothing is missing for more than 40 ms, nothing comes twice.

Judged by the sound that each phone heard, in the packets that the other had sent by then; see ``livephone`` and ``spoken``.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.interop.support.audio import sine, write_wav
from tests.interop.support.livephone import PACKET, LivePhone, Phones
from tests.interop.support.manager import Manager, manager_conf
from tests.interop.support.office import Office, Peer
from tests.interop.support.rtp import DECODE
from tests.interop.support.spoken import MOST, PIECE, has_heard, judge
from tests.interop.support.tones import heard_by
from tests.support.loopback import free_port, wait_until
from tests.support.server import GlobstarProcess

DIALPLAN = """\
exten => _10[1-9],1,Dial(PJSIP/${IF($[${EXTEN} = 101]?bob:erik)},20)
exten => 110,1,Dial(PJSIP/gwen,20,xX)
exten => 111,1,Set(TALK_DETECT(set)=)
 same => n,Dial(PJSIP/ivan,20)
exten => 200,1,Answer()
 same => n,ChanSpy(PJSIP/${SPIED},q)
exten => 201,1,Answer()
 same => n,ChanSpy(PJSIP/${SPIED},qw)
exten => 300,1,Answer()
 same => n,BridgeAdd(${MET})
"""


@dataclass
class LivePeer(Peer):
    """A phone with options of its own."""

    options: str = ""

    def sections(self) -> str:
        """See Peer."""
        return super().sections().replace("direct_media=no\n", f"{self.options}\n")


DIRECT = "direct_media=yes\none_touch_recording=yes\n"
RELAYED = "direct_media=no\nrtp_symmetric=yes\none_touch_recording=yes\n"
PHONES = {
    "alice": DIRECT,
    "bob": DIRECT,
    "dora": RELAYED,
    "erik": RELAYED,
    "carol": "direct_media=no\n",
    "finn": "direct_media=no\n",
    "gwen": "direct_media=no\n",
    "hans": "direct_media=no\n",
    "ivan": "direct_media=no\n",
}
#: The tone of the music on hold.
MUSIC = 1000.0
#: What ``bridge explain`` says in each way.
GOES_DIRECTLY = "native_rtp: chosen, media go directly"
IS_RELAYED = "native_rtp: chosen, packets are relayed"
IS_WATCHED = "simple_bridge: chosen, packets are relayed, digits are seen"
IN_FRAMES = "simple_bridge: chosen, frames"
MIXED = "softmix: chosen"


@dataclass(frozen=True)
class Pair:
    """A call between two phones, and how its media usually go."""

    one: LivePhone
    other: LivePhone
    way: str


class World:
    """The server, its phones, and a manager client."""

    def __init__(self, server: GlobstarProcess, phones: Phones, manager: Manager) -> None:
        self.server, self.phones, self.manager = server, phones, manager

    def channel(self, phone: LivePhone) -> str:
        """The name of a phone's channel."""
        found = re.search(rf"PJSIP/{phone.name}-\w+", self.manager.command("core show channels concise"))
        assert found is not None
        return found[0]

    def explained(self, phone: LivePhone) -> str:
        """Why the bridge of a phone uses what it uses."""
        found = re.search(r"Bridge ID: ([0-9a-f-]{36})", self.manager.command(f"core show channel {self.channel(phone)}"))
        return self.manager.command(f"bridge explain {found[1]}") if found is not None else "no bridge"

    def until(self, phone: LivePhone, way: str) -> None:
        """Until its media go that way."""
        wait_until(lambda: way in self.explained(phone), 10, lambda: f"{way}: {self.explained(phone)}", interval=0.05)

    def until_native(self) -> None:
        """Until the native thread, if there is one, passes the packets of both directions of the relayed call on."""

        def is_native() -> bool:
            text = self.manager.command("rtp show relay")
            found = re.match(r"Native relay: (\d+) of", text)
            return "in Python" in text or (found is not None and int(found[1]) >= 2)

        wait_until(is_native, 10, lambda: self.manager.command("rtp show relay"), interval=0.05)

    def connect(self, one: str, other: str, number: str, way: str) -> Pair:
        """A call, once its media go that way and the sources are trusted."""
        pair = Pair(self.phones.phones[one], self.phones.phones[other], way)
        pair.one.call(number)
        self.until(pair.one, way)
        self.phones.after(30)
        return pair

    def heard(self, listener: LivePhone, speaker: LivePhone, tick: int) -> None:
        """Until what was said at that time has come."""
        wait_until(lambda: has_heard(listener, speaker, tick), 10, f"{listener.name} hears what {speaker.name} said at {tick}")

    @contextmanager
    def talking(self, pair: Pair, *, most: int = MOST, may_pause: bool = False) -> Iterator[tuple[LivePhone, LivePhone]]:
        """What happens meanwhile must not keep the phones from hearing each other all the time; in the end all is as before."""
        self.until(pair.one, pair.way)
        since = self.phones.tick
        yield pair.one, pair.other
        self.until(pair.one, pair.way)
        self.phones.after(12)
        said = self.phones.tick
        self.heard(pair.one, pair.other, said)
        self.heard(pair.other, pair.one, said)
        until = self.phones.tick
        for listener, speaker in ((pair.one, pair.other), (pair.other, pair.one)):
            verdict = judge(listener, speaker, since, until, most=most, may_pause=may_pause)
            assert verdict.faults == [], f"{listener.name} of {speaker.name}, from {since} on"
            wanted = 2 * (said - since - verdict.excused) - 10 - 4 * most // PACKET
            assert may_pause or len(verdict.pieces) >= wanted, verdict.pieces


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    ports = {name: free_port(2) for name in PHONES}
    manager = free_port()
    members = [LivePeer(name, port=ports[name], options=options) for name, options in PHONES.items()]
    music = tmp_path_factory.mktemp("music")
    write_wav(music / "one.wav", sine(MUSIC, 10))
    files = {
        "manager.conf": manager_conf(manager),
        "features.conf": "[featuremap]\nautomixmon => *3\n",
        "musiconhold.conf": f"[default]\nmode=files\ndirectory={music}\n",
    }
    office = Office(list(members), contexts={"phones": DIALPLAN}, files=files)
    office.files["rtp.conf"] = office.configuration()["rtp.conf"] + "strictrtp=seqno\nrtcpinterval=1000\n"
    server = office.start(tmp_path_factory.mktemp("live") / "server")
    with Phones(office.port, server.pid) as phones, Manager(manager) as client:
        for name, port in ports.items():
            phones.phone(name, port)
        yield World(server, phones, client)
        for phone in phones.phones.values():
            if phone.is_up:
                phone.hang_up()
        server.wait_idle()
    problems = server.finish()
    assert not problems, f"{problems}\n{server.log_tail()}"


@pytest.fixture(scope="module")
def direct(world: World) -> Pair:
    """Alice and bob, who send to one another."""
    return world.connect("alice", "bob", "101", GOES_DIRECTLY)


@pytest.fixture(scope="module")
def relayed(world: World) -> Pair:
    """Dora and erik, whose packets are relayed."""
    return world.connect("dora", "erik", "102", IS_RELAYED)


@pytest.fixture(scope="module")
def watched(world: World) -> Pair:
    """Finn and gwen, whose packets are relayed while their digits are looked at."""
    return world.connect("finn", "gwen", "110", IS_WATCHED)


@pytest.fixture(scope="module")
def in_frames(world: World) -> Pair:
    """Hans, whose talking is looked for, and ivan."""
    return world.connect("hans", "ivan", "111", IN_FRAMES)


Change = Callable[[World, LivePhone, LivePhone], AbstractContextManager[None]]


@contextmanager
def by_manager(world: World, one: LivePhone, other: LivePhone) -> Iterator[None]:
    """A recording that a manager client starts and stops."""
    channel = world.channel(other)
    world.manager.ask("MixMonitor", Channel=channel, File=f"{other.name}.wav")
    try:
        yield
    finally:
        world.manager.ask("StopMixMonitor", Channel=channel)


@contextmanager
def by_button(world: World, one: LivePhone, other: LivePhone) -> Iterator[None]:
    """One-touch recording by the phone's button."""
    one.inform("Record: on")
    try:
        yield
    finally:
        one.inform("Record: off")


@contextmanager
def spy(world: World, one: LivePhone, other: LivePhone) -> Iterator[None]:
    """Somebody listens."""
    carol = world.phones.phones["carol"]
    world.manager.ask("Setvar", Variable="SPIED", Value=one.name)
    carol.is_silent = True
    carol.call("200")
    try:
        yield
    finally:
        carol.hang_up()


@contextmanager
def third(world: World, one: LivePhone, other: LivePhone) -> Iterator[None]:
    """Somebody comes into the call, and says nothing."""
    carol = world.phones.phones["carol"]
    world.manager.ask("Setvar", Variable="MET", Value=world.channel(one))
    carol.is_silent = True
    carol.call("300")
    try:
        yield
    finally:
        carol.hang_up()


@contextmanager
def suspended(world: World, one: LivePhone, other: LivePhone) -> Iterator[None]:
    """The technology is taken out of service."""
    world.manager.command("bridge technology suspend native_rtp")
    try:
        yield
    finally:
        world.manager.command("bridge technology unsuspend native_rtp")


@contextmanager
def all_but_mixing(world: World, one: LivePhone, other: LivePhone) -> Iterator[None]:
    """And so is the next one."""
    with suspended(world, one, other):
        world.manager.command("bridge technology suspend simple_bridge")
        try:
            yield
        finally:
            world.manager.command("bridge technology unsuspend simple_bridge")


CHANGES = [
    (by_manager, IN_FRAMES),
    (by_button, IN_FRAMES),
    (spy, IN_FRAMES),
    (third, MIXED),
    (suspended, IN_FRAMES),
    (all_but_mixing, MIXED),
]
changes = pytest.mark.parametrize(("change", "way"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])


@changes
def test_from_direct_media_and_back(world: World, direct: Pair, change: Change, way: str) -> None:
    """The phones are told to send to us and, after it, to one another again."""
    ours = {("127.0.0.1", phone.rtp_port) for phone in (direct.one, direct.other)}
    with world.talking(direct) as (alice, bob):
        assert {alice.aim, bob.aim} == ours
        moves = alice.moves, bob.moves
        with change(world, alice, bob):
            world.until(alice, way)
            wait_until(lambda: {alice.aim, bob.aim}.isdisjoint(ours), 5, "the phones send to us")
            world.phones.after(30)
        wait_until(lambda: (alice.moves - moves[0], bob.moves - moves[1]) == (2, 2), 5, "both are told again")


@changes
def test_from_the_relay_and_back(world: World, relayed: Pair, change: Change, way: str) -> None:
    with world.talking(relayed) as (dora, erik):
        world.until_native()
        with change(world, dora, erik):
            world.until(dora, way)
            world.phones.after(30)
        world.until(dora, IS_RELAYED)
        world.until_native()
        assert (dora.moves, erik.moves) == (0, 0)


@pytest.mark.parametrize("kind", ["watched", "in_frames"])
@pytest.mark.parametrize(("change", "way"), [(by_manager, IN_FRAMES), (spy, IN_FRAMES), (third, MIXED), (suspended, IN_FRAMES)])
def test_from_the_simple_bridge_and_back(
    world: World, request: pytest.FixtureRequest, kind: str, change: Change, way: str
) -> None:
    pair: Pair = request.getfixturevalue(kind)
    with world.talking(pair) as (one, other):
        with change(world, one, other):
            world.until(one, way)
            world.phones.after(30)
        world.until(one, pair.way)
        world.phones.after(15)


def test_a_recording_by_digits(world: World, watched: Pair) -> None:
    """*3 starts it, *3 ends it; the digits go to nobody, and the sound beside them is not interrupted."""

    def recordings() -> list[Path]:
        return sorted((world.server.paths["astspooldir"] / "monitor").glob("auto-*finn*.wav"))

    with world.talking(watched) as (finn, gwen):
        finn.press("*3")
        wait_until(lambda: len(recordings()) == 1, 5, "the recording begins")
        world.phones.after(40)
        finn.press("*3")
        wait_until(lambda: world.manager.command("mixmonitor list " + world.channel(finn)).count("auto-") == 0, 5, "it ends")
        assert gwen.digits() == ""
    wait_until(lambda: recordings()[0].stat().st_size > 40 * 320, 5, "the recording is written")


@pytest.mark.parametrize("kind", ["direct", "relayed"])
def test_the_recording_is_aligned(world: World, request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    """What both said at one moment stands at one place, from the beginning on."""
    pair: Pair = request.getfixturevalue(kind)
    with world.talking(pair) as (one, other):
        channel = world.channel(one)
        whole = tmp_path / "whole"
        world.manager.ask("MixMonitor", Channel=channel, File=f"{tmp_path}/both.raw", Options="D", Command=f"touch {whole}")
        world.until(one, IN_FRAMES)
        world.phones.after(150)  # a third of it is enough, whatever is lost while the server has no processor
        world.manager.ask("StopMixMonitor", Channel=channel)
        world.until(one, pair.way)
    wait_until(whole.exists, 5, "the recording is whole")
    both = np.frombuffer((tmp_path / "both.raw").read_bytes(), "<i2")
    sides = [ticks(both[side::2], phone) for side, phone in enumerate((one, other))]
    apart = {at: sides[0][at] - sides[1][at] for at in sides[0] if at in sides[1]}
    assert len(apart) >= 2 * 50, apart
    assert max(map(abs, apart.values())) <= 8 * 20, apart


def ticks(recorded: npt.NDArray[np.int16], phone: LivePhone) -> dict[int, int]:
    """By place in a recording, the moment at which the phone said what is there, in samples; without what it did not say."""
    said = DECODE[phone.codec][np.frombuffer(phone.said, np.uint8)].tobytes()
    found: dict[int, int] = {}
    for start in range(0, recorded.size - PIECE, PIECE):
        place = said.find(recorded[start : start + PIECE].tobytes())
        if place >= 0:
            found[start] = phone.first * PACKET + place // 2
    return found


def test_digits_are_relayed(world: World, relayed: Pair) -> None:
    """They pass as they are, each once, beside the sound, and the way of media stays."""
    with world.talking(relayed) as (dora, erik):
        world.until_native()
        before = erik.digits(), dora.digits()
        dora.press("159#")
        erik.press("D0*")
        wanted = before[0] + "159#", before[1] + "D0*"
        wait_until(lambda: (erik.digits(), dora.digits()) == wanted, 10, lambda: f"the digits: {erik.digits()} {dora.digits()}")
        world.phones.after(5)
        assert (erik.digits(), dora.digits()) == wanted
        assert IS_RELAYED in world.explained(dora)


def test_digits_that_are_watched(world: World, watched: Pair) -> None:
    """What is no code goes on to the other one, whole and in order; while a digit is sent, sound is not (RFC 4733 2.5.1.2)."""
    with world.talking(watched, most=8 * 120) as (finn, gwen):
        before = gwen.digits(), finn.digits()
        finn.press("159")
        wait_until(lambda: gwen.digits() == before[0] + "159", 5, lambda: f"the digits: {gwen.digits()}")
        gwen.press("D0")
        wait_until(lambda: finn.digits() == before[1] + "D0", 5, lambda: f"the digits: {finn.digits()}")
        world.phones.after(5)
        assert IS_WATCHED in world.explained(finn)


def test_digits_cross_while_it_is_recorded(world: World, relayed: Pair) -> None:
    """Then they go through the core, one after the other, and all of them; while one is sent, sound is not (RFC 4733 2.5.1.2)."""
    with world.talking(relayed, most=8 * 120) as (dora, erik):
        before = erik.digits()
        with by_manager(world, dora, erik):
            world.until(dora, IN_FRAMES)
            dora.press("159")
            wait_until(lambda: erik.digits() == before + "159", 5, lambda: f"the digits: {erik.digits()}")
            world.phones.after(5)


def test_reports_of_relayed_packets(world: World, relayed: Pair) -> None:
    """Both phones get sender reports that count what they got and what was got of them, though nobody here sees the packets."""
    with world.talking(relayed) as (dora, erik):
        world.until_native()
        for phone in (dora, erik):
            phone.reports.clear()
        wait_until(lambda: len(dora.reports) >= 2 and len(erik.reports) >= 2, 10, "two reports each")
        for phone in (dora, erik):
            report, count = phone.reports[-1]
            kind, _, source = struct.unpack_from("!xBHI", report)
            packets, octets, heard, lost = struct.unpack_from("!IIII", report, 20)
            assert (kind, source) == (200, phone.heard[-1].packet.ssrc)
            sent = [each.packet for each in phone.heard[:count] if each.packet.ssrc == source]
            assert abs(len(sent) - packets) < 100, "as many as it got"
            assert 8 < octets / packets <= 160
            assert heard == phone.ssrc
            assert lost & 0xFFFFFF == 0


def test_another_source(world: World, relayed: Pair) -> None:
    """The phone goes on under another SSRC and other numbers; what is sent to the other one goes on as one stream."""
    with world.talking(relayed) as (dora, erik):
        world.until_native()
        sources = {each.packet.ssrc for each in erik.heard[-20:]}
        dora.change_source()
        world.phones.after(20)
        assert {each.packet.ssrc for each in erik.heard[-20:]} == sources
        assert IS_RELAYED in world.explained(dora)


def test_another_address_by_offer(world: World, relayed: Pair) -> None:
    """A re-INVITE names another port, from which the phone sends by then."""
    with world.talking(relayed) as (dora, _):
        world.until_native()
        dora.reinvite(moves=True)
        world.phones.after(20)
        assert IS_RELAYED in world.explained(dora)
        world.until_native()


def test_another_port_that_nobody_was_told_of(world: World, relayed: Pair) -> None:
    """As when address translation before the phone changes: with strictrtp=seqno its fourth packet in sequence is believed."""
    with world.talking(relayed, most=4 * PACKET + MOST) as (dora, _):
        world.until_native()
        dora.change_port()
        world.phones.after(20)
        assert IS_RELAYED in world.explained(dora)
        world.until_native()


@pytest.mark.parametrize("kind", ["direct", "relayed"])
def test_hold(world: World, request: pytest.FixtureRequest, kind: str) -> None:
    """Who holds hears nothing, the other one music alone, whatever the first says; then both go on, with nothing of before."""
    pair: Pair = request.getfixturevalue(kind)
    with world.talking(pair, may_pause=True) as (one, other):
        world.phones.after(15)  # the first is heard before it holds
        one.reinvite("sendonly")
        wait_until(lambda: heard_by(other, [MUSIC]).get(MUSIC, 0) > 5000, 10, "the other one hears music")
        since, count = world.phones.tick, len(one.heard)
        world.phones.after(15)
        assert len(one.heard) == count
        assert judge(other, one, since, world.phones.tick).pieces == []
        assert "native_rtp: chosen" in world.explained(one)
        one.reinvite()
        world.until(one, pair.way)
        world.phones.after(30)
    said = world.phones.tick
    for listener, speaker in ((one, other), (other, one)):
        world.heard(listener, speaker, said)
        assert judge(listener, speaker, said - 25, world.phones.tick).faults == []
