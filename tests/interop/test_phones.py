"""Two baresip phones, registered with digest, talk through the server: tones cross, hold, hang-up from each side."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.support.audio import tone_seconds
from tests.interop.support.baresip import Baresip
from tests.interop.support.capture import Capture
from tests.interop.support.office import Office, Phone, cdr_rows
from tests.interop.support.rtp import decode_stream
from tests.support.loopback import wait_until
from tests.support.server import GlobstarProcess, ServerFactory

pytestmark = pytest.mark.leaks_threads  # each phone's reader ends with the fixture that made the phone

TONE = {"100": 440.0, "101": 1000.0}
DIALPLAN = "exten => _1XX,1,Dial(PJSIP/${EXTEN},90)\n same => n,Hangup()\n"


class Pair:
    """The server and its two phones."""

    def __init__(self, server: GlobstarProcess, directory: Path, port: int, stack: ExitStack, **options: str) -> None:
        self.server = server
        self.a, self.b = (
            stack.enter_context(
                Baresip(
                    directory / name,
                    name,
                    registrar=port,
                    password=f"secret-of-{name}",
                    tone=TONE[name],
                    codecs=options.get(f"codecs_{name}", "pcmu"),
                    transport=options.get("transport", "udp"),
                )
            )
            for name in ("100", "101")
        )
        self.a.wait_registered()
        self.b.wait_registered()

    def connect(self) -> None:
        """100 dials 101, which answers."""
        self.a.dial("101")
        self.b.wait_event("CALL_INCOMING")
        self.a.wait_event("CALL_RINGING")
        self.b.accept()
        self.a.wait_event("CALL_ESTABLISHED")
        self.b.wait_event("CALL_ESTABLISHED")
        self.a.wait_event("CALL_RTPESTAB")
        self.b.wait_event("CALL_RTPESTAB")


@pytest.fixture
def make_pair(globstar_process: ServerFactory, tmp_path: Path) -> Iterator[object]:
    with ExitStack() as stack:

        def make(**options: str) -> Pair:
            members = [
                Phone(
                    name,
                    f"secret-of-{name}",
                    codecs=options.get(f"allow_{name}", "ulaw"),
                    direct_media="direct_media" in options,
                )
                for name in ("100", "101")
            ]
            office = Office(list(members), contexts={"phones": DIALPLAN})
            server = globstar_process(office.configuration())
            return Pair(server, tmp_path, office.port, stack, **options)

        yield make


def test_registrations_with_digest_are_shown(make_pair):
    pair = make_pair()
    contacts = pair.server.cli("pjsip show contacts")
    assert f"100/sip:100@127.0.0.1:{pair.a.port}" in contacts.replace("sip:100-", "sip:100@") or "100/sip:100" in contacts
    assert "101/sip:101" in contacts
    assert "Objects found: 2" in contacts
    endpoints = pair.server.cli("pjsip show endpoints")
    assert endpoints.count("Not in use") == 2
    assert "secret-of" not in pair.server.log()
    pair.a.close()
    wait_until(lambda: "Objects found: 1" in pair.server.cli("pjsip show contacts"), 5, "100 is unregistered")


def test_a_wrong_password_does_not_register(globstar_process: ServerFactory, tmp_path: Path):
    office = Office([Phone("100", "secret-of-100")])
    server = globstar_process(office.configuration())
    with Baresip(tmp_path / "100", "100", registrar=office.port, password="guessed") as phone:
        failed = phone.wait_event("REGISTER_FAIL")
        assert "401" in failed["param"]
    assert "No objects found" in server.cli("pjsip show contacts")
    assert "guessed" not in server.log()


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_tones_cross_and_either_side_hangs_up(make_pair, side: str, transport: str):
    pair = make_pair(transport=transport)
    pair.connect()
    assert pair.server.channel_count() == 2
    wait_until(lambda: pair.server.cli("pjsip show endpoints").count("In use ") == 2, 10, "both are in use")
    pair.a.wait_tone(TONE["101"], 1.6)
    pair.b.wait_tone(TONE["100"], 1.6)
    first, second = (pair.a, pair.b) if side == "caller" else (pair.b, pair.a)
    first.hangup()
    second.wait_event("CALL_CLOSED")
    pair.server.wait_idle()
    pair.a.close()
    pair.b.close()
    assert tone_seconds(pair.a.heard(), TONE["101"]) >= 1.5
    assert tone_seconds(pair.b.heard(), TONE["100"]) >= 1.5
    assert tone_seconds(pair.a.heard(), TONE["100"]) == 0, "the caller hears itself"
    wait_until(lambda: cdr_rows(pair.server), 20, "the record, which is written a moment after the call")
    rows = cdr_rows(pair.server)
    assert [(row[1], row[2], row[14]) for row in rows] == [("100", "101", "ANSWERED")]
    assert rows[0][5].startswith("PJSIP/100-")
    assert rows[0][6].startswith("PJSIP/101-")


def hold_and_resume(pair: Pair) -> float:
    """In a call that begins 100 holds 101 for a while and takes it back; returns the seconds that it was surely held."""

    def is_held() -> bool:
        return re.search(r"101/101 +On Hold ", pair.server.cli("pjsip show endpoints")) is not None

    pair.connect()
    pair.b.wait_tone(TONE["100"], 1.4)
    pair.a.hold()
    wait_until(is_held, 10, "101 is on hold")
    began = time.monotonic()
    time.sleep(1.5)  # how long is on hold is what is tested: the other one is to be silent for as long as this took
    held = time.monotonic() - began
    pair.a.resume()
    wait_until(lambda: not is_held(), 10, "101 is no longer on hold")
    return held


def test_hold_silences_and_unhold_brings_the_tone_back(make_pair):
    pair = make_pair()
    began = time.monotonic()
    held = hold_and_resume(pair)
    pair.b.wait_tone(TONE["100"], 2.6)
    pair.b.hangup()
    pair.a.wait_event("CALL_CLOSED")
    lasted = time.monotonic() - began
    pair.server.wait_idle()
    pair.a.close()
    pair.b.close()
    # before the hold and after it, but not between (0.4 s for the signalling at the edges)
    assert 2.6 <= tone_seconds(pair.b.heard(), TONE["100"]) <= lasted - held + 0.4


def test_who_held_the_call_hears_the_other_side_again(make_pair, tmp_path: Path):
    """Packets are captured, as baresip does not record what comes after its own hold."""
    pair = make_pair()
    with Capture(tmp_path / "a.pcap", pair.a.rtp, pair.a.rtp + 9) as capture:
        hold_and_resume(pair)
        resumed = time.time()

        def heard_since() -> float:
            ports = range(pair.a.rtp, pair.a.rtp + 10, 2)
            packets = [packet for port in ports for packet in capture.rtp_to(port) if packet.arrival > resumed]
            return tone_seconds(decode_stream(packets), TONE["101"])

        wait_until(lambda: heard_since() >= 1.0, 5, "the tone of 101 at 100 after the hold", interval=0.2)
        pair.b.hangup()
        pair.a.wait_event("CALL_CLOSED")


def test_digits_pass_through_the_bridge(make_pair):
    pair = make_pair()
    pair.connect()
    pair.a.press("159#")
    wait_until(lambda: pair.b.output().count("(end=1)") >= 4, 5, "four digits at the callee")
    pair.a.hangup()
    pair.b.wait_event("CALL_CLOSED")
    pressed = [line.split("'")[1] for line in pair.b.output().splitlines() if "(end=1)" in line and "'" in line]
    assert pressed == list("159#")


def test_a_caller_with_ulaw_and_a_callee_with_alaw_understand_each_other(make_pair):
    pair = make_pair(allow_101="alaw", codecs_101="pcma")
    pair.connect()
    pair.a.wait_tone(TONE["101"], 1.0)
    pair.b.wait_tone(TONE["100"], 1.0)
    pair.a.hangup()
    pair.b.wait_event("CALL_CLOSED")
    pair.a.close()
    pair.b.close()
    assert tone_seconds(pair.a.heard(), TONE["101"]) >= 1.0
    assert tone_seconds(pair.b.heard(), TONE["100"]) >= 1.0


def test_the_caller_gives_up_while_it_rings(make_pair):
    pair = make_pair()
    pair.a.dial("101")
    pair.b.wait_event("CALL_INCOMING")
    pair.a.wait_event("CALL_RINGING")
    assert "Ringing" in pair.server.cli("pjsip show endpoints")
    pair.a.hangup()
    pair.b.wait_event("CALL_CLOSED")
    pair.server.wait_idle()
    wait_until(lambda: cdr_rows(pair.server), 20, "the record")
    assert [row[14] for row in cdr_rows(pair.server)] == ["NO ANSWER"]


def test_the_callee_declines(make_pair):
    pair = make_pair()
    pair.a.dial("101")
    pair.b.wait_event("CALL_INCOMING")
    pair.b.hangup()
    pair.a.wait_event("CALL_CLOSED")
    pair.server.wait_idle()


def test_direct_media_and_back_for_a_hold(make_pair, tmp_path: Path):
    """The phones' packets bypass the server; a hold brings them back to it, and its end lets them go again."""
    pair = make_pair(direct_media="yes")
    first, last = min(pair.a.rtp, pair.b.rtp), max(pair.a.rtp, pair.b.rtp) + 9
    with Capture(tmp_path / "both.pcap", first, last) as capture:
        pair.connect()

        def between(since: float) -> int:
            """Packets from one phone's ports to the other's."""
            a, b = range(pair.a.rtp, pair.a.rtp + 10), range(pair.b.rtp, pair.b.rtp + 10)
            return sum(
                1
                for when, source, target, _ in capture.datagrams()
                if when > since and ((source in a and target in b) or (source in b and target in a))
            )

        wait_until(lambda: between(0) >= 50, 10, "the phones send to one another", interval=0.2)
        pair.a.hold()
        wait_until(lambda: re.search(r"101/101 +On Hold ", pair.server.cli("pjsip show endpoints")) is not None, 5, "101 is held")
        wait_until(lambda: between(time.time() - 1) == 0, 10, "nothing is sent for a second", interval=0.2)
        held = time.time()
        pair.a.resume()
        wait_until(lambda: between(held) >= 50, 10, "they do so again", interval=0.2)
        pair.a.hangup()
        pair.b.wait_event("CALL_CLOSED")
        pair.server.wait_idle()
    pair.a.close()
    pair.b.close()
