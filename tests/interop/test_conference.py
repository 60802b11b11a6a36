"""A conference of baresips and phones of the tests' own with different codecs: who hears whom, as members come and go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.interop.support.audio import RATE, Match, Samples, find, sine
from tests.interop.support.baresip import Baresip
from tests.interop.support.livephone import PACKET, LivePhone, Phones
from tests.interop.support.manager import Manager, manager_conf
from tests.interop.support.office import Office, Peer, Phone
from tests.interop.support.rtp import DECODE, encode
from tests.interop.support.tones import heard_by
from tests.support.loopback import free_port, wait_until
from tests.support.server import GlobstarProcess, ServerFactory

pytestmark = pytest.mark.leaks_threads  # each phone's reader ends with the phone

DIALPLAN = """\
exten => first,1,Set(GLOBAL(first)=${CHANNEL})
 same => n,Dial(PJSIP/bob)
exten => meet,1,Answer()
 same => n,BridgeAdd(${first})
exten => wait,1,Answer()
 same => n,BridgeWait(lobby,participant,e(s))
"""
LEVEL = 3000
#: The tone of each; no one is a sum or a difference of others, or a multiple.
TONES = {"alice": 410.0, "bob": 590.0, "opal": 830.0, "gina": 1070.0, "ulla": 1370.0, "carol": 1730.0}
#: baresip's names.
CODECS = {
    "opal": ("opus", "opus", "opus/48000/2"),
    "gina": ("g722", "g722", "G722/16000/1"),
    "ulla": ("ulaw", "g711", "PCMU/8000/1"),
}
#: Payload types of the others.
OWN = {"alice": 0, "bob": 8, "carol": 0}
#: What is heard of a tone that is heard, and of one that is not, as a share of its level.
HEARD, UNHEARD = 0.4, 0.03
#: Samples of a recording that are looked for at once.
WINDOW = 4000
#: Seconds that a phone says something for: longer than all that happens, on a busy machine.
SECONDS = 300


def speech(name: str) -> bytes:
    """A tone with noise behind it, by which its place is found."""
    samples = sine(TONES[name], SECONDS, LEVEL) + hiss(name)
    return encode(samples.astype(np.int16), OWN[name])


def hiss(name: str) -> Samples:
    """The noise alone."""
    return np.random.default_rng(len(name) + ord(name[0])).integers(-700, 700, 8000 * SECONDS).astype(np.int16)


class Meeting:
    """The server and all phones, of which some are in the conference."""

    def __init__(self, server: GlobstarProcess, manager: Manager, phones: dict[str, LivePhone | Baresip]) -> None:
        self.server, self.manager, self.phones = server, manager, phones

    def hear(self, *members: str, muted: tuple[str, ...] = (), deaf: tuple[str, ...] = ()) -> None:
        """Soon each member hears all others but those who are muted, and not itself; the deaf hear nothing."""
        found: dict[str, dict[float, float]] = {}

        def all_right() -> bool:
            for name in members:
                if name in deaf:
                    continue
                found[name] = heard = heard_by(self.phones[name], TONES.values())
                for other, hertz in TONES.items():
                    is_heard = other in members and other != name and other not in muted
                    share = heard.get(hertz, 0.0) / LEVEL
                    if not (share > HEARD if is_heard else share < UNHEARD) or not heard:
                        return False
            return True

        wait_until(all_right, 15, lambda: f"{members}, muted {muted}: {shown(found)}", interval=0.1)

    def channel(self, name: str) -> str:
        """Its channel."""
        found = re.search(rf"PJSIP/{name}-\w+", self.manager.command("core show channels concise"))
        assert found is not None
        return found[0]

    def has(self, *technologies: tuple[str, int]) -> None:
        """Soon there are these bridges and no others."""
        wait_until(lambda: self.technologies() == set(technologies), 10, lambda: f"{technologies}: {self.technologies()}")

    def technologies(self) -> set[tuple[str, int]]:
        """Of each bridge, and the number of its members."""
        lines = self.manager.command("bridge show all")
        found = re.findall(r"(?m)^[0-9a-f-]{36} +\S+ +(\d+) +\S+ +(\S+)", lines)
        return {(technology, int(count)) for count, technology in found}


def shown(found: dict[str, dict[float, float]]) -> str:
    names = {hertz: name for name, hertz in TONES.items()}
    return "; ".join(
        f"{listener} hears {', '.join(f'{names[hertz]} {value / LEVEL:.3f}' for hertz, value in heard.items())}"
        for listener, heard in found.items()
    )


@pytest.fixture
def meeting(globstar_process: ServerFactory, tmp_path: Path) -> Iterator[Meeting]:
    ports = {name: free_port(2) for name in OWN}
    port = free_port()
    codecs = {0: "ulaw", 8: "alaw"}
    members: list[Phone | Peer] = [Peer(name, port=ports[name], codecs=codecs[OWN[name]]) for name in OWN]
    members += [Phone(name, f"secret-of-{name}", codecs=codec) for name, (codec, _, _) in CODECS.items()]
    office = Office(members, {"phones": DIALPLAN}, files={"manager.conf": manager_conf(port)})
    server = globstar_process(office.configuration())
    with ExitStack() as stack:
        phones: dict[str, LivePhone | Baresip] = {}
        for name, (_, module, codec) in CODECS.items():
            phones[name] = stack.enter_context(
                Baresip(
                    tmp_path / name, name, registrar=office.port, password=f"secret-of-{name}", tone=TONES[name], codecs=codec,
                    codec_modules=(module,),
                )
            )  # fmt: skip
        live = stack.enter_context(Phones(office.port))
        for name, payload_type in OWN.items():
            phones[name] = live.phone(name, ports[name], codec=payload_type, said=speech(name))
        manager = stack.enter_context(Manager(port))
        yield Meeting(server, manager, phones)


def test_members_with_five_codecs_come_and_go(meeting: Meeting, tmp_path: Path) -> None:
    alice, bob, carol = (meeting.phones[name] for name in ("alice", "bob", "carol"))
    opal, gina, ulla = (meeting.phones[name] for name in ("opal", "gina", "ulla"))
    assert isinstance(alice, LivePhone)
    assert isinstance(bob, LivePhone)
    assert isinstance(carol, LivePhone)
    assert isinstance(opal, Baresip)
    assert isinstance(gina, Baresip)
    assert isinstance(ulla, Baresip)
    alice.call("first")
    meeting.hear("alice", "bob")
    meeting.has(("simple_bridge", 2))
    carol.call("wait")
    for phone in (opal, gina, ulla):
        phone.wait_registered()
        phone.dial("meet")
    everybody = ("alice", "bob", "opal", "gina", "ulla")
    meeting.hear(*everybody)
    meeting.has(("softmix", 5), ("holding_bridge", 1))
    assert heard_by(carol, [410.0]).get(410.0, 0.0) < LEVEL * UNHEARD, "who waits hears nothing"

    meeting.manager.ask("MixMonitor", Channel=meeting.channel("alice"), File=f"{tmp_path}/conference.raw", Options="D")
    meeting.manager.ask("MuteAudio", Channel=meeting.channel("gina"), Direction="in", State="on")
    meeting.hear(*everybody, muted=("gina",))
    ulla.hangup()
    meeting.hear("alice", "bob", "opal", "gina", muted=("gina",))
    meeting.manager.ask("MuteAudio", Channel=meeting.channel("gina"), Direction="in", State="off")
    meeting.manager.ask("Redirect", Channel=meeting.channel("carol"), Context="phones", Exten="meet", Priority="1")
    everybody = ("alice", "bob", "opal", "gina", "carol")
    meeting.hear(*everybody)
    bob.reinvite("inactive")  # held, and silent
    meeting.hear(*everybody, muted=("bob",), deaf=("bob",))
    count = len(bob.heard)
    alice.phones.after(10)
    assert len(bob.heard) == count
    bob.reinvite()
    meeting.hear(*everybody)
    meeting.manager.ask("StopMixMonitor", Channel=meeting.channel("alice"))

    carol.hang_up()
    opal.hangup()
    gina.hangup()
    meeting.hear("alice", "bob")
    meeting.has(("simple_bridge", 2))
    begun = {phone.name: phone.first * PACKET for phone in (alice, bob, carol)}
    alice.hang_up()
    meeting.server.wait_idle()

    recording = tmp_path / "conference.raw"
    said = times(recording, 0, "alice", begun["alice"])
    assert len(said) >= 3
    for name in ("bob", "carol"):
        heard = times(recording, 1, name, begun[name])
        apart = [round((heard[at] - said[at]) / 8) for at in heard if at in said]
        assert apart, f"{name} is in the recording: {heard}"
        # A mix holds more in store of who came too late, on a busy machine: alice hears that so much later, as is recorded.
        late = lags(alice, name, begun[name])
        # What came from alice in one go after such a delay is later in its half of the recording, and for all who hear it.
        behind = [lag for other in (bob, carol) for lag in lags(other, "alice", begun["alice"])]
        assert max(apart) <= max(behind) + 20, f"{name} is {apart} ms from alice, who was heard after {behind}"
        assert -min(apart) <= max(late) + 20, f"{name} is {apart} ms from alice, and was heard after {late}"


def times(recording: Path, side: int, name: str, begun: int) -> dict[int, int]:
    """By the place in one direction of a recording, when a phone said that, in samples; without what it is not found in."""
    both = np.frombuffer(recording.read_bytes(), "<i2")
    heard, said, found = both[side::2], hiss(name), {}
    ahead = None
    for start in range(0, heard.size - WINDOW, WINDOW // 2):
        match = find_near(said, heard[start : start + WINDOW], None if ahead is None else start + ahead)
        if match.correlation > 0.2:
            ahead = match.offset - start
            found[start] = begun + match.offset
    return found


def find_near(said: Samples, heard: Samples, place: int | None) -> Match:
    """Where in the noise something is that was heard, within five seconds of a place that is known."""
    first, last = (0, said.size) if place is None else (max(place - 5 * RATE, 0), max(place + 5 * RATE, 0))
    match = find(said[first:last], without_tones(heard))
    return Match(first + match.offset, match.correlation)


def lags(listener: LivePhone, name: str, begun: int) -> list[int]:
    """After how many ms the listener heard what a phone said, for each half second in which it is heard."""
    found, said, heard = [], hiss(name), tuple(listener.heard)
    table = DECODE[listener.codec]
    for start in range(0, len(heard) - WINDOW // PACKET, WINDOW // PACKET):
        packets = [each.packet.payload for each in heard[start : start + WINDOW // PACKET]]
        match = find_near(said, table[np.frombuffer(b"".join(packets), np.uint8)], heard[start].tick * PACKET - begun)
        if match.correlation > 0.2:
            found.append((heard[start].tick * PACKET - begun - match.offset) // 8)
    return found


def without_tones(samples: Samples) -> Samples:
    """The noise that is behind them."""
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(samples.size, 1 / RATE)
    for hertz in TONES.values():
        spectrum[np.abs(frequency - hertz) < 25] = 0
    return np.fft.irfft(spectrum, samples.size).astype(np.int16)
