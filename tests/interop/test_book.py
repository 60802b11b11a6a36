"""SIPp callers run the dialplans of the book to the letter; what they hear is compared with the prompts.

The chapter is "Asterisk" in "The Architecture of Open Source Applications". All callers call at the same time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.support.audio import (
    Samples,
    find,
    find_sequence,
    read_wav,
    sine,
    tone_seconds,
    trimmed,
)
from tests.interop.support.office import BOOK, SERVICES, Office, Peer, cdr_rows
from tests.interop.support.programs import require_sounds
from tests.interop.support.rtp import RtpParty
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import free_port, wait_until
from tests.support.server import GlobstarProcess

FINAL = "exten => h,1,Verbose(1,at the end of ${CDR(dst)}: ${CDR(mycustomfield)})\n"
BRIDGING = "exten => 1234,1,Dial(SIP/bob)\n"

PATIENCE = 120.0
"""Seconds for a call, of which the longest takes half a minute where nothing else happens."""

SAME = 0.98
"""Correlation from which on a prompt counts as heard: through G.711 it is 0.9999, other words stay below 0.5."""


class Book:
    """The running server and what its callers need."""

    def __init__(self, server: GlobstarProcess, office: Office, directory: Path, bob: int) -> None:
        self.server, self.office, self.directory, self.bob = server, office, directory, bob

    def call(self, number: str, scenario: Scenario, user: str = "alice") -> Sipp:
        scenario.user = user
        return Sipp(scenario, self.directory, remote=self.office.port, number=number, timeout=PATIENCE)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    directory = tmp_path_factory.mktemp("book")
    bob = free_port(2)
    office = Office(
        [Peer("alice"), Peer("carol", context="bridging"), Peer("bob", port=bob)],
        contexts={"phones": BOOK + "\n" + SERVICES + "\n" + FINAL, "bridging": BRIDGING},
    )
    server = office.start(directory / "server")
    yield Book(server, office, directory, bob)
    problems = server.finish()
    assert not problems, f"{problems}\n{server.log_tail()}"


def prompt(name: str) -> Samples:
    return trimmed(read_wav(require_sounds() / f"{name}.wav"))


class Ear:
    """Waits for prompts one after the other; each is looked for in what came since the last look only, which is quick."""

    def __init__(self, party: RtpParty) -> None:
        self._party = party
        self._position = 0

    def hears(self, name: str, seconds: float = 30) -> None:
        """Until the prompt has been played, behind those before it."""
        wanted = prompt(name)

        def is_heard() -> bool:
            audio = self._party.said()[self._position :]
            match = find(audio, wanted)
            is_here = match.correlation > SAME
            self._position += match.offset + wanted.size if is_here else max(0, audio.size - wanted.size)
            return is_here

        wait_until(is_heard, seconds, name)


@pytest.fixture(scope="module")
def congratulations(book: Book) -> Iterator[Callable[[], Samples]]:
    """The caller of 1234, which takes half a minute; it goes on beside the other tests."""
    scenario = Scenario("book-1234")
    party = RtpParty()
    with party, book.call("1234", scenario.invite(party.port).answered().hung_up()) as sipp:

        def heard() -> Samples:
            sipp.passed()
            return party.said()

        yield heard
        sipp.passed()  # also where no other test has waited for its end


@pytest.mark.usefixtures("congratulations")
def test_5678_says_the_digits_that_were_entered(book: Book):
    with RtpParty() as party:
        scenario = Scenario("book-5678").invite(party.port).answered().hung_up()
        with book.call("5678", scenario) as sipp:
            Ear(party).hears("beep")
            party.send_digits("4071")
            sipp.passed()
        heard = party.said()
    beep = prompt("beep")
    start = find(heard, beep)
    said = find_sequence(heard[start.offset + beep.size :], [prompt(f"digits/{digit}") for digit in "4071"])
    assert min(match.correlation for match in said) > SAME, said
    others = [find(heard, prompt(f"digits/{digit}")).correlation for digit in "235689"]
    assert max(others) < 0.6, others
    assert len(heard) - start.offset - beep.size - said[-1].offset < 2 * 8000, "nothing more is said"


@pytest.mark.usefixtures("congratulations")
def test_555_tells_when_the_call_started_and_keeps_a_field_of_its_own(book: Book):
    with book.call("555", Scenario("book-555").invite(free_port(2)).refused(603, provisional=False)) as sipp:
        sipp.passed()
    book.server.wait_log("at the end of 555: snickerdoodle")
    started = re.search(r"Time this call started: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", book.server.log())
    assert started is not None
    # the book's caller is told nothing but "Decline" and the record says "FAILED" (the dialplan ends unanswered),
    # as Asterisk does
    wait_until(lambda: any(row[2] == "555" for row in cdr_rows(book.server)), 5, "the CDR of 555")
    row = next(row for row in cdr_rows(book.server) if row[2] == "555")
    assert row[9] == started[1]
    assert row[14] == "FAILED"


@pytest.mark.usefixtures("congratulations")
def test_bridging_connects_two_parties_who_hear_each_other(book: Book):
    with RtpParty() as caller, RtpParty() as callee:
        answering = Scenario("bob").ringing().pause(200).answer(callee.port)
        answering.expect_request("BYE").reply(200, "OK")
        calling = Scenario("carol").invite(caller.port)
        calling.answered().held().bye()
        with (
            Sipp(answering, book.directory, port=book.bob, timeout=PATIENCE) as called,
            book.call("1234", calling, user="carol") as sipp,
        ):
            wait_until(lambda: 200 in sipp.statuses(), 10, "the answer")
            for party, message in ((caller, sipp.received()), (callee, called.received())):
                body = next(m.body for m in reversed(message) if "m=audio" in m.body)
                found = re.search(r"m=audio (\d+)", body)
                assert found is not None
                party.remote = ("127.0.0.1", int(found[1]))
            enough = threading.Event()
            talking = [
                threading.Thread(target=caller.play, args=(sine(440, 60), enough)),
                threading.Thread(target=callee.play, args=(sine(1000, 60), enough)),
            ]
            for thread in talking:
                thread.start()
            try:
                wait_until(lambda: tone_seconds(caller.audio(), 1000) >= 1.6, 10, "the callee's tone")
                wait_until(lambda: tone_seconds(callee.audio(), 440) >= 1.6, 10, "the caller's tone")
            finally:
                enough.set()
                for thread in talking:
                    thread.join()
            sipp.go_on()
            sipp.passed()
            called.passed()
    invite = called.received()[0]
    assert invite.start_line.startswith("INVITE sip:bob@127.0.0.1:")


@pytest.mark.usefixtures("congratulations")
def test_star_123_plays_the_message_that_voicemail_took(book: Book):
    folder = book.server.paths["astspooldir"] / "voicemail" / "default" / "100" / "INBOX"
    with RtpParty() as party:
        scenario = Scenario("voicemail-leave").invite(party.port).answered().held().bye()
        with book.call("620", scenario) as sipp:
            Ear(party).hears("beep")
            party.play(sine(700, 4))  # two seconds of it are enough
            sipp.go_on()
            sipp.passed()
    wait_until((folder / "msg0000.txt").is_file, 20, "the message in INBOX")
    message = read_wav(folder / "msg0000.wav")
    assert tone_seconds(message, 700) >= 2.0
    described = (folder / "msg0000.txt").read_text()
    duration = re.search(r"^duration=(\d+)$", described, re.MULTILINE)
    assert duration is not None
    assert abs(int(duration[1]) - message.size / 8000) <= 1
    assert "callerchan=PJSIP/alice-" in described

    with RtpParty() as party:
        scenario = Scenario("book-123").invite(party.port).answered().hung_up()
        with book.call("*123", scenario) as sipp:
            ear = Ear(party)
            ear.hears("vm-login")
            party.send_digits("100#")
            ear.hears("vm-password")
            party.send_digits("4321#")
            ear.hears("vm-youhave")
            ear.hears("vm-onefor")
            party.send_digits("1")
            wait_until(lambda: tone_seconds(party.audio(), 700) >= 2.0, 30, "the message")
            # while the message plays, # would only skip forward in it (listen-control-forward-key)
            ear.hears("vm-advopts")
            party.send_digits("#")
            sipp.passed()
    wait_until((folder.parent / "Old" / "msg0000.txt").is_file, 20, "the message in Old, when the mailbox is left")
    wait_until(lambda: not (folder / "msg0000.txt").exists(), 20, "no message in INBOX")


def test_1234_plays_the_whole_recording(congratulations: Callable[[], Samples]):
    heard = congratulations()
    recorded = prompt("demo-congrats")
    match = find(heard, recorded)
    assert match.correlation > SAME
    # after the answer it starts at once, and the call ends when it has been played
    assert match.offset < 8000
    assert heard.size - match.offset - recorded.size < 8000
