"""Spying, recording, holding and music in calls of a real server, by what people hear: each phone says a tone of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile

from tests.interop.support.audio import level, read_wav, sine, windows, write_wav
from tests.interop.support.handset import Handset, amplitude
from tests.interop.support.office import Office, Peer
from tests.support.loopback import wait_until
from tests.support.server import GlobstarProcess, ServerFactory

pytestmark = pytest.mark.leaks_threads  # each phone's threads end with the fixture that made the phone

VOICES = {"alice": 500, "bob": 900, "carol": 1300, "spy": 2300}
MUSIC_HZ = 3100
LOUD = 800
DIALPLAN = """\
exten => bob,1,Dial(PJSIP/bob)
exten => carol,1,Dial(PJSIP/carol)
exten => record,1,Answer
 same => n,MixMonitor(call.wav,r(said.wav)t(heard.wav),touch ${ASTSPOOLDIR}/whole)
 same => n,Dial(PJSIP/bob)
exten => join,1,Answer
 same => n,BridgeAdd(PJSIP/alice)
 same => n,Hangup
exten => voicemail,1,VoiceMail(100&101@default,s)
exten => _spy-.,1,Answer
 same => n,ChanSpy(PJSIP/alice,${EXTEN:4})
 same => n,Wait(20)
"""
VOICEMAIL = """\
[general]
format=wav49|wav
[default]
100 => 1,Alice
101 => 1,Bob
"""
MUSIC = """\
[default]
mode=files
directory={folder}
"""


class Room:
    """The server and its phones."""

    def __init__(self, server: GlobstarProcess, phones: dict[str, Handset]) -> None:
        self.server = server
        self.phones = phones

    def hears(self, name: str, seconds: float = 0.4) -> set[str]:
        """Whom a phone hears just now."""
        samples = self.phones[name].heard(seconds)
        return {voice for voice, hertz in (*VOICES.items(), ("music", MUSIC_HZ)) if amplitude(samples, hertz) > LOUD}

    def wait_hears(self, **expected: str) -> None:
        """Until each phone hears whom it shall, named with blanks between."""
        wanted = {name: set(voices.split()) for name, voices in expected.items()}
        wait_until(lambda: all(self.hears(name) == voices for name, voices in wanted.items()), 15,
                   lambda: str({name: self.hears(name) for name in wanted}))  # fmt: skip

    def talk(self, number: str = "bob") -> None:
        """Alice calls bob, and they hear one another."""
        self.phones["alice"].call(number)
        self.phones["bob"].wait_up()
        self.wait_hears(alice="bob", bob="alice")


@pytest.fixture
def room(globstar_process: ServerFactory, tmp_path: Path) -> Iterator[Room]:
    folder = tmp_path / "music"
    folder.mkdir()
    write_wav(folder / "music.wav", sine(MUSIC_HZ, 30))
    office = Office(
        [], contexts={"phones": DIALPLAN}, files={"musiconhold.conf": MUSIC.format(folder=folder), "voicemail.conf": VOICEMAIL}
    )
    with ExitStack() as stack:
        phones = {name: stack.enter_context(Handset(name, office.port, hertz)) for name, hertz in VOICES.items()}
        office.members.extend(Peer(name, phone.port) for name, phone in phones.items())
        yield Room(globstar_process(office.configuration()), phones)


def recorded(room: Room, name: str) -> list[set[str]]:
    """Who is in a recording, for each fifth of a second."""
    samples = read_wav(room.server.paths["astspooldir"] / "monitor" / name)
    voices = (*VOICES.items(), ("music", MUSIC_HZ))
    return [{voice for voice, hertz in voices if amplitude(part, hertz) > LOUD} for part in windows(samples, 0.2)]


def follows(heard: list[set[str]], expected: list[set[str]]) -> bool:
    """Whether in turn each of ``expected`` is heard for a second in all, and nobody else meanwhile.

    Less may be heard at any time, as somebody has no processor, and two of them at once where one follows the other.
    """
    at, seen = 0, [0] * len(expected)
    for voices in heard:
        after = expected[at + 1] if at + 1 < len(expected) else expected[at]
        if voices == after != expected[at] and seen[at] >= 5:
            at += 1
        elif not voices <= expected[at] and not (seen[at] >= 5 and voices <= expected[at] | after):
            return False
        seen[at] += voices == expected[at]
    return min(seen) >= 5


def test_the_keys_of_a_spy_change_who_hears_it(room: Room) -> None:
    room.talk()
    spy = room.phones["spy"].call("spy-qdx(9)")
    room.wait_hears(spy="alice bob", alice="bob", bob="alice")
    for key, alice, bob in (("5", "bob spy", "alice"), ("6", "bob spy", "alice spy"), ("4", "bob", "alice")):
        spy.press(key)
        room.wait_hears(spy="alice bob", alice=alice, bob=bob)
    spy.press("9")
    room.wait_hears(spy="", alice="bob", bob="alice")
    spy.hang_up()
    wait_until(lambda: "native_rtp" in room.server.cli("bridge show all"), 10, "relayed packets again")


@pytest.mark.parametrize(
    ("options", "spy", "alice"), [("qo", "alice", "bob"), ("qW", "", "bob spy"), ("qB", "alice bob", "bob spy")]
)
def test_what_options_let_a_spy_hear_and_say(room: Room, options: str, spy: str, alice: str) -> None:
    room.talk()
    room.phones["spy"].call(f"spy-{options}")
    room.wait_hears(spy=spy, alice=alice, bob="alice spy" if "B" in options else "alice")


def test_a_recording_goes_on_through_hold_and_transfer(room: Room) -> None:
    """Whoever is held hears the music alone, and so does the recording; bob sends the caller to carol afterwards."""
    alice, bob, carol = (room.phones[name] for name in ("alice", "bob", "carol"))
    alice.call("record")
    bob.wait_up()
    marks: list[set[str]] = []

    def mark(heard: str) -> None:
        """Alice hears that for a while, in which nobody is held up: what comes at once afterwards is too much for a recording."""
        room.wait_hears(alice=heard)
        since = time.monotonic()

        def in_time() -> int:
            arrivals = [packet.arrival for packet in tuple(alice.rtp.packets) if packet.arrival > since]
            return sum(0.01 < later - sooner < 0.04 for sooner, later in pairwise(arrivals))

        wait_until(lambda: in_time() >= 70, 20, f"{heard} for a while")
        marks.append({heard})

    mark("bob")
    bob.hold()
    mark("music")
    bob.unhold()
    mark("bob")
    bob.refer("carol")
    carol.wait_up()
    mark("carol")
    alice.hang_up()
    wait_until((room.server.paths["astspooldir"] / "whole").exists, 20, "the files are whole")
    both, said, heard = (recorded(room, name) for name in ("call.wav", "said.wav", "heard.wav"))
    assert follows(both, [{"alice"} | voices for voices in marks]), both
    assert follows(said, [{"alice"}]), said
    assert sum(voices == {"alice"} for voices in said) >= 4 * 5, said
    assert follows(heard, marks), heard


def test_who_joins_a_call_makes_it_a_conference_until_two_are_left(room: Room) -> None:
    room.talk()
    room.phones["carol"].call("join")
    room.wait_hears(alice="bob carol", bob="alice carol", carol="alice bob")
    room.phones["spy"].call("join")
    room.wait_hears(alice="bob carol spy", bob="alice carol spy", carol="alice bob spy", spy="alice bob carol")
    assert "softmix" in room.server.cli("bridge show all")
    room.phones["bob"].hang_up()
    room.phones["carol"].hang_up()
    room.wait_hears(alice="spy", spy="alice")
    wait_until(lambda: "native_rtp" in room.server.cli("bridge show all"), 10, "relayed packets again")
    room.phones["alice"].hang_up()
    room.phones["spy"].wait_down()


def test_a_message_is_kept_for_each_mailbox_in_each_format(room: Room) -> None:
    folder = room.server.paths["astspooldir"] / "voicemail" / "default"
    alice = room.phones["alice"].call("voicemail")
    wait_until(lambda: any(file.stat().st_size > 8000 for file in folder.rglob("tmp/*.wav")), 15, "a recording that has begun")
    alice.hang_up()
    kept = [folder / f"{box}/INBOX/msg0000.{form}" for box in ("100", "101") for form in ("wav", "WAV")]
    wait_until(lambda: all(file.is_file() for file in kept), 15, "messages in both formats, which come by renaming whole files")
    levels = [level(soundfile.read(file, dtype="int16")[0]) for file in kept]
    assert levels == pytest.approx([levels[0]] * 4, rel=0.1)
    assert levels[0] > 1000
