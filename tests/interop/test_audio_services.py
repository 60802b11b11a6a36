"""Spying, recording, holding and music in calls of a real server, by what people hear: each phone says a tone of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.support.audio import read_wav, sine, write_wav
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
 same => n,MixMonitor(call.wav,r(said.wav)t(heard.wav))
 same => n,Dial(PJSIP/bob)
exten => _spy-.,1,Answer
 same => n,ChanSpy(PJSIP/alice,${EXTEN:4})
 same => n,Wait(20)
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
    office = Office([], contexts={"phones": DIALPLAN}, files={"musiconhold.conf": MUSIC.format(folder=folder)})
    with ExitStack() as stack:
        phones = {name: stack.enter_context(Handset(name, office.port, hertz)) for name, hertz in VOICES.items()}
        office.members.extend(Peer(name, phone.port) for name, phone in phones.items())
        yield Room(globstar_process(office.configuration()), phones)


def spoken(room: Room, name: str) -> Callable[[float], set[str]]:
    """Who is in a recording around a time in seconds."""
    samples = read_wav(room.server.paths["astspooldir"] / "monitor" / name)
    voices = (*VOICES.items(), ("music", MUSIC_HZ))

    def around(seconds: float) -> set[str]:
        part = samples[round(8000 * (seconds - 0.15)) : round(8000 * (seconds + 0.15))]
        return {voice for voice, hertz in voices if amplitude(part, hertz) > LOUD}

    return around


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
    began = time.monotonic()
    marks: list[tuple[float, set[str]]] = []

    def mark(heard: str) -> None:
        """All hear what they shall since a while."""
        room.wait_hears(alice=heard)
        start = time.monotonic()
        wait_until(lambda: time.monotonic() > start + 1.6, 5, "some time")  # the recording began a bit before we did
        marks.append((time.monotonic() - began - 0.3, set(heard.split())))

    mark("bob")
    bob.hold()
    mark("music")
    bob.unhold()
    mark("bob")
    bob.refer("carol")
    carol.wait_up()
    mark("carol")
    alice.hang_up()
    room.server.wait_idle()
    both, said, heard = (spoken(room, name) for name in ("call.wav", "said.wav", "heard.wav"))
    assert [both(when) for when, _ in marks] == [{"alice"} | voices for _, voices in marks]
    assert [said(when) for when, _ in marks] == [{"alice"}] * 4
    assert [heard(when) for when, _ in marks] == [voices for _, voices in marks]
