"""The rig itself: the drivers of SIPp and baresip and the ears, tried on one another without the server."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.interop.support.audio import find, find_sequence, level, read_wav, sine, tone_seconds, tone_share, trimmed
from tests.interop.support.baresip import Baresip
from tests.interop.support.capture import Capture
from tests.interop.support.programs import require_sounds
from tests.interop.support.rtp import RtpParty, decode_stream, encode
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Message, Sipp
from tests.support.loopback import HOST, wait_until


def test_sipp_calls_sipp_and_the_messages_are_read(tmp_path: Path):
    callee = Scenario("callee").ringing().pause(50).answer(6000).expect_request("BYE").reply(200, "OK")
    caller = Scenario("caller").invite(6002).answered().pause(100).bye()
    with Sipp(callee, tmp_path) as called, Sipp(caller, tmp_path, remote=called.port, number="bob") as calling:
        calling.passed()
        called.passed()
    assert calling.statuses() == [180, 200]
    assert [message.method for message in called.received()] == ["INVITE", "ACK", "BYE"]
    invite = called.received()[0]
    assert invite.start_line == f"INVITE sip:bob@127.0.0.1:{called.port} SIP/2.0"
    assert "m=audio 6002 RTP/AVP 0 101" in invite.body


def test_sipp_failure_is_told(tmp_path: Path):
    callee = Scenario("callee").expect_request("INVITE").reply(486, "Busy Here", tag=True).expect_request("ACK")
    caller = Scenario("caller").invite(6002).answered().bye()
    with Sipp(callee, tmp_path) as called, Sipp(caller, tmp_path, remote=called.port, number="bob") as calling:
        with pytest.raises(AssertionError, match="486 Busy Here"):
            calling.passed()


def test_sipp_takes_what_is_repeated_for_the_same(tmp_path: Path):
    """A copy of the first NOTIFY comes behind the second, as if its answer had been late; a third NOTIFY is a stranger."""
    watcher = Scenario("watcher")
    for _ in range(2):
        watcher.expect_request("NOTIFY").reply(200, "OK")
    with Sipp(watcher.held(), tmp_path) as sipp:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.settimeout(45)
            server.bind((HOST, 0))

            def notify(number: int) -> None:
                here = f"{HOST}:{server.getsockname()[1]}"
                text = (
                    f"NOTIFY sip:watcher@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{number}\r\n"
                    f"From: <sip:s@{HOST}>;tag=s\r\nTo: <sip:w@{HOST}>;tag=w\r\nCall-ID: one\r\nCSeq: {number} NOTIFY\r\n"
                    "Content-Length: 0\r\n\r\n"
                )
                server.sendto(text.encode(), (HOST, sipp.port))

            for number in (1, 2):
                notify(number)
                assert server.recv(65536).startswith(b"SIP/2.0 200 ")
            notify(1)
            wait_until(lambda: len(sipp.received()) == 3, 20, "the copy")
            assert sipp.strangers() == []
            notify(3)
            wait_until(sipp.strangers, 20, "the third NOTIFY is a stranger")
            with pytest.raises(AssertionError, match="CSeq: 3 NOTIFY"):
                sipp.passed()


def test_sipp_goes_on_only_when_it_has_come_so_far(tmp_path: Path):
    """The caller is told to before its call is answered, which the callee does once that has been said."""
    callee = Scenario("callee").ringing().held().answer(6000).expect_request("BYE").reply(200, "OK")
    caller = Scenario("caller").invite(6002).answered().held().bye()
    with Sipp(callee, tmp_path) as called, Sipp(caller, tmp_path, remote=called.port, number="bob") as calling:
        wait_until(lambda: calling.statuses() == [180], 20, "it rings")
        looks, messages = [0], calling.messages

        def seen() -> list[Message]:
            looks[0] += 1
            return messages()

        calling.messages = seen  # type: ignore[method-assign]
        early = threading.Thread(target=calling.go_on, name="early")
        early.start()
        wait_until(lambda: looks[0] > 1 or not early.is_alive(), 20, "it waits, or has not waited")
        called.go_on()
        early.join()
        calling.passed()
        called.passed()
    assert [message.method for message in calling.received()] == ["INVITE", "INVITE", "GO", "BYE"]


def test_a_refused_call_is_acknowledged(tmp_path: Path):
    callee = Scenario("callee").expect_request("INVITE").reply(486, "Busy Here", tag=True).expect_request("ACK")
    caller = Scenario("caller").invite(6002).refused(486)
    with Sipp(callee, tmp_path) as called, Sipp(caller, tmp_path, remote=called.port, number="bob") as calling:
        calling.passed()
        called.passed()


def test_a_call_that_is_given_up(tmp_path: Path):
    callee = Scenario("callee").ringing().cancelled()
    caller = Scenario("caller").invite(6002).expect(180).pause(50).cancel()
    with Sipp(callee, tmp_path) as called, Sipp(caller, tmp_path, remote=called.port, number="bob") as calling:
        calling.passed()
        called.passed()
    invite, cancel, ack = (message for message in called.received())
    assert (cancel.method, ack.method) == ("CANCEL", "ACK")
    assert invite.header("Via") == cancel.header("Via") == ack.header("Via")


def test_rtp_parties_hear_each_other_and_press_keys():
    with RtpParty() as left, RtpParty() as right:
        left.remote = ("127.0.0.1", right.port)
        playing = threading.Thread(target=left.play, args=(sine(440, 1),))
        playing.start()
        right.wait_audio(0.1)
        right.play(sine(1000, 0.8))
        playing.join()
        left.send_digits("19*#")
        right.wait_audio(1.0)
        heard_left, heard_right = left.audio(), right.audio()
        wait_until(lambda: right.digits() == "19*#", 20, "four digits")
    assert heard_right.size == 8000
    assert tone_share(heard_right, 440) > 0.98
    assert tone_share(heard_left, 1000) > 0.98
    assert level(heard_left) == pytest.approx(8000 / 2**0.5, rel=0.05)


@pytest.mark.parametrize("payload_type", [0, 8])
def test_g711_of_the_rig_matches_the_reference_vectors(payload_type: int):
    samples = np.arange(-32000, 32001, 997).astype(np.int16)
    from tests.interop.support.rtp import DECODE

    decoded = DECODE[payload_type][np.frombuffer(encode(samples, payload_type), np.uint8)].astype(int)
    # ITU-T G.711: sixteen intervals a segment, so the error stays below 1/32 of the value (or half the least step)
    assert (np.abs(decoded - samples) <= np.maximum(np.abs(samples.astype(int)) / 30, 8)).all()
    known = {0: {0xFF: 0, 0x80: 32124, 0x00: -32124, 0xF0: 120}, 8: {0xD5: 8, 0xAA: 32256, 0x2A: -32256}}
    assert {code: int(DECODE[payload_type][code]) for code in known[payload_type]} == known[payload_type]


def test_a_prompt_is_found_where_it_is_and_a_different_one_is_not():
    sounds = require_sounds()
    four, nine = (trimmed(read_wav(sounds / "digits" / f"{digit}.wav")) for digit in (4, 9))
    silence = np.zeros(3000, np.int16)
    noise = np.random.default_rng(7).normal(0, 30, 40000).astype(np.int16)
    heard = np.concatenate([silence, four, silence, nine, silence])
    heard = heard + noise[: heard.size]
    assert find(heard, four).offset == 3000
    assert find(heard, four).correlation > 0.95
    assert find(np.concatenate([silence, nine, silence]), four).correlation < 0.5
    in_order = find_sequence(heard, [four, nine])
    assert [match.offset for match in in_order] == [3000, 6000 + four.size]
    assert min(match.correlation for match in in_order) > 0.95
    assert find_sequence(heard, [nine, four])[1].correlation < 0.5


def test_two_baresips_talk_and_hold(tmp_path: Path):
    with (
        Baresip(tmp_path / "a", "a", tone=440) as a,
        Baresip(tmp_path / "b", "b", tone=1000, auto_answer=True) as b,
    ):
        a.dial("b", b.port)
        a.wait_event("CALL_ESTABLISHED")
        b.wait_event("CALL_RTPESTAB")
        a.wait_tone(1000, 0.8)
        b.wait_tone(440, 0.8)
        a.press("42")
        b.hangup()
        a.wait_event("CALL_CLOSED")
    assert tone_seconds(a.heard(), 1000) >= 0.8
    assert tone_seconds(b.heard(), 440) >= 0.8
    assert tone_seconds(b.heard(), 1000) == 0


def test_capture_sees_the_stream(tmp_path: Path):
    with RtpParty() as left, RtpParty() as right:
        left.remote = ("127.0.0.1", right.port)
        with Capture(tmp_path / "capture.pcap", right.port, right.port) as capture:
            left.play(sine(440, 0.5))
            right.wait_audio(0.5)
            wait_until(lambda: len(capture.rtp_to(right.port)) >= 25, 20, "25 packets", interval=0.1)
    packets = capture.rtp_to(right.port)
    assert len(packets) == 25
    assert tone_share(decode_stream(packets), 440) > 0.98
