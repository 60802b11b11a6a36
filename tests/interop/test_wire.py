"""tshark decodes what a server sends without a warning: SIP, SDP, RTP of every kind, RTCP, SRTP, DTLS, STUN and TURN, text, fax.

The calls are those of the flow tests; what their phones send is not judged.
"""

from __future__ import annotations

import importlib
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.interop.support.wire import Wire
from tests.support.sip_phone import phone_section, sip_office
from tests.support.srtp_phone import PROFILES
from tests.support.virtual_loop import run_virtual

audio_truth_calls: Any = importlib.import_module("tests.flow.test_audio_truth")
bundle_calls: Any = importlib.import_module("tests.flow.test_sip_bundle")
digit_calls: Any = importlib.import_module("tests.flow.test_digits_four_ways")
direct_calls: Any = importlib.import_module("tests.flow.test_direct_media_offers")
dtls_calls: Any = importlib.import_module("tests.flow.test_sip_dtls")
fax_calls: Any = importlib.import_module("tests.flow.test_sip_fax")
hold_calls: Any = importlib.import_module("tests.flow.test_sip_hold")
ice_calls: Any = importlib.import_module("tests.flow.test_sip_ice")
ice_servers_calls: Any = importlib.import_module("tests.flow.test_sip_ice_servers")
media_features_calls: Any = importlib.import_module("tests.flow.test_sip_media_features")
packet_calls: Any = importlib.import_module("tests.flow.test_packet_times")
secured_media_calls: Any = importlib.import_module("tests.flow.test_sip_secured_media")
speex_calls: Any = importlib.import_module("tests.flow.test_speex_calls")

#: Codecs whose packets tshark knows by their static or named types.
SPOKEN = (
    "ulaw", "alaw", "g722", "gsm", "g726", "g726aal2", "opus", "speex", "speex16", "speex32", "g729", "ilbc", "adpcm", "amr",
    "amrwb", "slin16", "slin44",
)  # fmt: skip


async def speak(folder: Path, source: str, destination: str) -> None:
    """A call from one codec to another."""
    pjsip = phone_section(f"from{source}", allow=source, rtp_symmetric="yes")
    pjsip += phone_section(f"to{destination}", contact=f"sip:to{destination}@127.0.0.1:15072", allow=destination)
    async with sip_office(folder, pjsip, audio_truth_calls.EXTENSIONS) as office:
        office.phone(f"from{source}")
        office.phone(f"to{destination}")
        assert await audio_truth_calls.listen(office, source, destination)


def judge(wire: Wire, folder: Path, call: Coroutine[object, object, None], *kinds: str, unread: str = "") -> None:
    """Have the call, and see that tshark finds ``kinds`` of packets and nothing against any but a kind that it cannot read."""
    run_virtual(call)
    verdict = wire.judged(folder / "wire.pcap")
    assert [text for text in verdict.complaints if not unread or f" {unread}: " not in text.replace("raw:ip:udp:", "")] == []
    assert not verdict.kinds["data"], verdict.kinds
    for kind in ("sip:sdp", *kinds):
        assert any(found.startswith(kind) for found in verdict.kinds), (kind, verdict.kinds)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    return Wire(monkeypatch)


@pytest.mark.parametrize("codec", SPOKEN)
def test_sound_of_every_codec(wire: Wire, tmp_path: Path, codec: str) -> None:
    if codec not in (*audio_truth_calls.CODECS, *audio_truth_calls.LINEAR):
        pytest.skip(f"{codec}: its library is not installed")  # in CI a skip fails the run
    judge(wire, tmp_path, speak(tmp_path, "ulaw" if codec != "ulaw" else "alaw", codec), "rtp", "rtcp")


def test_digits(wire: Wire, tmp_path: Path) -> None:
    judge(wire, tmp_path, media_features_calls.test_how_a_digit_is_sent(tmp_path, "rfc4733", "0 101", "event"), "rtp:rtpevent")


@pytest.mark.parametrize("ms", [80, 250])
def test_digits_of_the_dialplan(wire: Wire, tmp_path: Path, ms: int) -> None:
    call = digit_calls.test_digits_of_the_dialplan_last_as_long_as_was_asked_for(tmp_path, ms)
    judge(wire, tmp_path, call, "rtp:rtpevent")


def test_frames_of_speex_in_the_mode_that_is_asked_for(wire: Wire, tmp_path: Path) -> None:
    call = speex_calls.test_rfc5574_the_mode_that_a_phone_likes_best(tmp_path, 'a=fmtp:110 mode="7,any"\r\n', {7})
    judge(wire, tmp_path, call, "rtp")


def test_shorter_packets_at_the_end_of_prompts(wire: Wire, tmp_path: Path) -> None:
    async def listen() -> None:
        plan = f"Playback({tmp_path}/one)\nWait(1)\nPlayback({tmp_path}/two)\nWait(9)"
        assert len(await packet_calls.prompted(tmp_path, plan)) == 4

    judge(wire, tmp_path, listen(), "rtp")


def test_offers_after_direct_media(wire: Wire, tmp_path: Path) -> None:
    judge(wire, tmp_path, direct_calls.test_rfc3264_8_who_is_not_held_is_offered_all_again(tmp_path))


def test_comfort_noise_and_reports(wire: Wire, tmp_path: Path) -> None:
    call = media_features_calls.test_rfc3389_comfort_noise_is_passed_on_to_who_knows_it(tmp_path, "0 13 101", True)
    judge(wire, tmp_path, call, "rtp", "rtcp")


def test_reports_on_the_port_of_rtp(wire: Wire, tmp_path: Path) -> None:
    judge(wire, tmp_path, media_features_calls.test_rtcp_on_the_port_of_rtp(tmp_path), "rtp", "rtp:rtcp")


def test_hold(wire: Wire, tmp_path: Path) -> None:
    judge(wire, tmp_path, hold_calls.test_three_ways_to_hold(tmp_path, "sendonly", "recvonly"), "rtp")


@pytest.mark.parametrize(("theirs", "ours"), [(2, 3), (2, 0), (0, 2)])
def test_text(wire: Wire, tmp_path: Path, theirs: int, ours: int) -> None:
    call = media_features_calls.test_rfc4103_text_between_phones_of_different_redundancy(tmp_path, theirs, ours)
    judge(wire, tmp_path, call, "rtp", "rtcp")


def test_a_picture_and_a_request_for_one(wire: Wire, tmp_path: Path) -> None:
    judge(wire, tmp_path, media_features_calls.test_rfc4585_a_lost_picture_is_told_by_rtcp(tmp_path), "rtcp")


def test_video_in_the_middle_of_a_call(wire: Wire, tmp_path: Path) -> None:
    judge(wire, tmp_path, media_features_calls.test_video_in_the_middle_of_a_call(tmp_path), "sip:xml")


@pytest.mark.parametrize("suite", PROFILES)
def test_keys_of_every_suite_and_what_is_encrypted_by_them(wire: Wire, tmp_path: Path, suite: str) -> None:
    """tshark takes the tag of AES-GCM in reports for that of HMAC-SHA1, so it cannot know where a report ends."""
    call = secured_media_calls.test_rfc4568_5_1_2_an_offered_suite_is_answered(tmp_path, suite)
    judge(wire, tmp_path, call, "rtp", "rtcp", unread="rtcp" if "GCM" in suite else "")


def test_a_bundle(wire: Wire, tmp_path: Path) -> None:
    judge(wire, tmp_path, bundle_calls.test_hold_and_back_keep_the_transport_of_a_bundle(tmp_path), "rtp")


def test_new_keys_by_dtls(wire: Wire, tmp_path: Path) -> None:
    judge(wire, tmp_path, dtls_calls.test_dtls_rekey_gives_new_keys_while_the_call_goes_on(tmp_path, "active"), "dtls", "rtp")


def test_a_browser(wire: Wire, tmp_path: Path) -> None:
    judge(wire, tmp_path, ice_calls.test_webrtc_calls_a_browser_with_everything(tmp_path), "dtls", "rtp", "stun")


def test_a_way_through_turn(wire: Wire, tmp_path: Path) -> None:
    call = ice_servers_calls.test_packets_go_through_the_turn_server_where_nothing_else_does(tmp_path, True, "UDP")
    judge(wire, tmp_path, call, "stun")


def test_fax(wire: Wire, tmp_path: Path) -> None:
    judge(wire, tmp_path, fax_calls.test_t38_passes(tmp_path))
