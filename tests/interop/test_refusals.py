"""Calls that fail, seen by the caller as Asterisk shows them (compat/sip_cause_map.tsv and the golden traces)."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.support.office import Office, Peer, Phone, cdr_rows
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import GlobstarProcess

DIALPLAN = """\
exten => 100,1,Answer()
 same => n,Hangup()
exten => 201,1,Dial(PJSIP/bob)
 same => n,Verbose(1,Dial ended: ${DIALSTATUS} ${HANGUPCAUSE})
exten => 202,1,Dial(PJSIP/bob,5)
 same => n,Verbose(1,Dial ended: ${DIALSTATUS} ${HANGUPCAUSE})
exten => 205,1,Dial(PJSIP/nobody)
 same => n,Verbose(1,Dial ended: ${DIALSTATUS} ${HANGUPCAUSE})
exten => 206,1,Dial(PJSIP/nosuchendpoint)
 same => n,Verbose(1,Dial ended: ${DIALSTATUS} ${HANGUPCAUSE})
exten => 207,1,Dial(NOSUCH/thing)
 same => n,Verbose(1,Dial ended: ${DIALSTATUS} ${HANGUPCAUSE})
exten => h,1,Verbose(1,Call ended: ${DIALSTATUS} ${HANGUPCAUSE})
"""


class Bench:
    """The server of this module, and one SIPp a test."""

    def __init__(self, server: GlobstarProcess, office: Office, bob: int) -> None:
        self.server, self.office, self.bob = server, office, bob
        self.marker = 0

    def ended(self, line: str) -> None:
        """Until ``line`` is logged after the last time this was asked."""

        def found() -> bool:
            # the end of the line counts: the trace of the call has the same words, and comes first
            log = (self.server.paths["astlogdir"] / "full").read_text(errors="replace")
            match = re.compile(rf"{re.escape(line)}$", re.MULTILINE).search(log, self.marker)
            if match is not None:
                self.marker = match.end()
            return match is not None

        wait_until(found, 20, f"{line!r} in the log")

    def refused(self, directory: Path, number: str, status: int, **options: str) -> Sipp:
        """A call from alice that ends with ``status``."""
        scenario = Scenario(f"caller-{number}").invite(free_port(2)).refused(status)
        scenario.user = "alice"
        with Sipp(scenario, directory, remote=self.office.port, number=number, **options) as sipp:  # type: ignore[arg-type]
            return sipp.passed()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bob = free_port(2)
    members: list[Phone | Peer] = [
        Peer("alice"),
        Peer("bob", port=bob),
        Peer("nobody"),
        Phone("authy", "secret1"),
        Peer("gsmonly", codecs="gsm"),
    ]
    office = Office(members, contexts={"phones": DIALPLAN})
    server = office.start(tmp_path_factory.mktemp("refusals") / "server")
    yield Bench(server, office, bob)
    problems = server.finish()
    assert not problems, f"{problems}\n{server.log_tail()}"


def challenged_twice(bench: Bench, directory: Path, user: str, password: str) -> Sipp:
    """A caller whose answer to the challenge is not accepted either."""
    scenario = Scenario(f"caller-{user}")
    scenario.user = user
    scenario.invite(free_port(2), auth=True).refused(401, provisional=False)
    with Sipp(scenario, directory, remote=bench.office.port, number="100", user=user, password=password) as sipp:
        return sipp.passed()


def test_the_right_password_is_accepted(bench: Bench, tmp_path: Path):
    scenario = Scenario("caller")
    scenario.user = "authy"
    scenario.invite(free_port(2), auth=True).answered().hung_up()
    with Sipp(scenario, tmp_path, remote=bench.office.port, number="100", user="authy", password="secret1") as sipp:
        sipp.passed()
    challenge = next(message for message in sipp.received() if message.status == 401)
    assert re.fullmatch(
        r'Digest\s+realm="asterisk",nonce="[^"]+",opaque="[^"]+",algorithm=MD5,qop="auth"',
        challenge.header("WWW-Authenticate"),
    )


def test_a_wrong_password_is_challenged_again(bench: Bench, tmp_path: Path):
    sipp = challenged_twice(bench, tmp_path, "authy", "wrong")
    assert sipp.statuses() == [401]
    bench.server.wait_idle()


def test_an_unknown_user_cannot_be_told_from_a_wrong_password(bench: Bench, tmp_path: Path):
    unknown = challenged_twice(bench, tmp_path, "stranger", "whatever")
    known = challenged_twice(bench, tmp_path, "authy", "wrong")

    def shape(sipp: Sipp) -> list[list[str]]:
        messages = {message.text: message for message in sipp.received()}  # one that is repeated counts once
        return [sorted(line.partition(":")[0] for line in message.text.splitlines()[1:] if line) for message in messages.values()]

    assert shape(unknown) == shape(known)


def test_an_unknown_extension_is_404_before_any_channel(bench: Bench, tmp_path: Path):
    sipp = bench.refused(tmp_path, "999", 404)
    assert sipp.statuses() == [404]
    assert not any(row[2] == "999" for row in cdr_rows(bench.server))


def test_no_common_codec_is_488(bench: Bench, tmp_path: Path):
    scenario = Scenario("caller").invite(free_port(2), ("ilbc",)).refused(488)
    scenario.user = "alice"
    with Sipp(scenario, tmp_path, remote=bench.office.port, number="100") as sipp:
        sipp.passed()
    assert sipp.statuses() == [100, 488]


@pytest.mark.parametrize(
    ("status", "reason", "seen", "dialstatus", "cause"),
    [
        (400, "Bad Request", 503, "CHANUNAVAIL", 127),
        (403, "Forbidden", 503, "CHANUNAVAIL", 21),
        (404, "Not Found", 503, "CHANUNAVAIL", 1),
        (408, "Request Timeout", 503, "CHANUNAVAIL", 18),
        (410, "Gone", 503, "CHANUNAVAIL", 22),
        (484, "Address Incomplete", 503, "CHANUNAVAIL", 28),
        (486, "Busy Here", 486, "BUSY", 17),
        (488, "Not Acceptable Here", 503, "CHANUNAVAIL", 58),
        (500, "Server Internal Error", 503, "CHANUNAVAIL", 38),
        (503, "Service Unavailable", 503, "CONGESTION", 34),
        (600, "Busy Everywhere", 486, "BUSY", 17),
        (603, "Decline", 503, "CHANUNAVAIL", 21),
        (604, "Does Not Exist Anywhere", 503, "CHANUNAVAIL", 1),
    ],
)
def test_what_the_callee_answers(bench: Bench, tmp_path: Path, status: int, reason: str, seen: int, dialstatus: str, cause: int):
    callee = Scenario("callee").expect_request("INVITE").reply(status, reason, tag=True).expect_request("ACK")
    with Sipp(callee, tmp_path, port=bench.bob) as called:
        caller = bench.refused(tmp_path, "201", seen)
        called.passed()
    assert caller.statuses() == [100, seen]
    bench.ended(f"Dial ended: {dialstatus} {cause}")
    bench.server.wait_idle()


def test_busy_after_ringing(bench: Bench, tmp_path: Path):
    callee = Scenario("callee").ringing().pause(100).reply(486, "Busy Here", tag=True).expect_request("ACK")
    with Sipp(callee, tmp_path, port=bench.bob) as called:
        caller = bench.refused(tmp_path, "201", 486)
        called.passed()
    assert caller.statuses() == [100, 180, 486]
    bench.ended("Dial ended: BUSY 17")


def test_the_caller_gives_up(bench: Bench, tmp_path: Path):
    callee = Scenario("callee").ringing().cancelled()
    caller = Scenario("caller").invite(free_port(2)).expect(100).expect(180).pause(100)
    caller.user = "alice"
    caller.cancel()
    with (
        Sipp(callee, tmp_path, port=bench.bob) as called,
        Sipp(caller, tmp_path, remote=bench.office.port, number="201") as calling,
    ):
        calling.passed()
        called.passed()
    bench.ended("Call ended: CANCEL 127")
    bench.server.wait_idle()


@pytest.mark.parametrize("rings", [True, False], ids=["it rings", "silent"])
def test_nobody_answers(bench: Bench, tmp_path: Path, rings: bool):
    callee = Scenario("callee")
    if rings:
        callee.ringing()
    else:
        callee.expect_request("INVITE").reply(100, "Trying")
    callee.cancelled()
    with Sipp(callee, tmp_path, port=bench.bob) as called:
        caller = bench.refused(tmp_path, "202", 603)
        called.passed()
    assert caller.statuses() == ([100, 180, 603] if rings else [100, 603])
    bench.ended("Dial ended: NOANSWER 0")


def test_nobody_is_there(bench: Bench, tmp_path: Path):
    """Not even 100 comes back: the call ends in time all the same, and CANCEL, which may not be sent, is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind((HOST, bench.bob))
        caller = bench.refused(tmp_path, "202", 603)
        assert caller.statuses() == [100, 603]
        bench.ended("Dial ended: NOANSWER 0")
        bench.server.wait_idle()
        mute.setblocking(False)
        received = []
        with contextlib.suppress(BlockingIOError):
            while True:
                received.append(mute.recv(65536).split(b" ")[0])
    assert len(received) >= 2, "RFC 3261 17.1.1.2: INVITE is repeated"
    assert set(received) == {b"INVITE"}, "RFC 3261 9.1: no CANCEL before a provisional response"


@pytest.mark.parametrize(
    ("number", "dialstatus", "cause"),
    [("205", "CHANUNAVAIL", 3), ("206", "CHANUNAVAIL", 3), ("207", "CHANUNAVAIL", 66)],
    ids=["not registered", "no such endpoint", "no such technology"],
)
def test_nowhere_to_go(bench: Bench, tmp_path: Path, number: str, dialstatus: str, cause: int):
    caller = bench.refused(tmp_path, number, 503)
    assert caller.statuses() == [100, 503]
    bench.ended(f"Dial ended: {dialstatus} {cause}")
