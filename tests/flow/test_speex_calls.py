"""Speex as a phone asks for it in its SDP (RFC 5574): mode, variable bit rate, length of packets."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from globstar.dsp.g711 import linear_to_ulaw
from globstar.modules.codecs import speex
from globstar.proto.rtp.speex import speex_frames
from tests.support.sip_phone import PhoneCall, phone_section, sip_office

pytestmark = [
    pytest.mark.virtual_time,
    # tools/install-test-tools brings it; a user may do without
    pytest.mark.skipif(speex.library() is None, reason="libspeex is not installed"),
]

PLAN = "[default]\nexten => _[a-z].,1,Dial(PJSIP/${EXTEN})\n"
NOISE = linear_to_ulaw(np.random.default_rng(5).integers(-6000, 6000, 16000, np.int16).tobytes())


async def heard(root: Path, wishes: str, **options: str) -> PhoneCall:
    """Bob's call in which alice has spoken for a second and was silent for another; he answers with these lines."""
    pjsip = phone_section("alice", allow="ulaw", rtp_symmetric="yes")
    pjsip += phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow="speex", **options)
    async with sip_office(root, pjsip, PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = alice.call("bob")
        await alice.get(100)
        called = await bob.ring()
        sdp = called.sdp("0").replace(" 0\r\na=rtpmap:0 PCMU/8000", " 110\r\na=rtpmap:110 speex/8000")
        called.reply(200, body=sdp + wishes)
        await bob.get("ACK")
        await calling.answered()
        await office.bridged()
        for sound in (NOISE[:8000], b"\xff" * 8000):
            for start in range(0, 8000, 160):
                calling.send_rtp(sound[start : start + 160])
                await asyncio.sleep(0.02)
        await calling.hang_up()
        await called.ended()
        return called


def modes(call: PhoneCall) -> set[int]:
    """Of the frames that a phone has heard."""
    return {bits >> (size - 5) for kind, payload in call.heard if kind == 110 for bits, size in speex_frames(payload) or ()}


@pytest.mark.parametrize(
    ("asked", "used"),
    [("", {3}), ('a=fmtp:110 mode="7,any"\r\n', {7}), ('a=fmtp:110 mode="5,4";vbr=on\r\n', {5}), ("a=fmtp:110 mode=2\r\n", {2})],
)
async def test_rfc5574_the_mode_that_a_phone_likes_best(tmp_path: Path, asked: str, used: set[int]) -> None:
    assert modes(await heard(tmp_path, asked)) == used


async def test_rfc5574_variable_bit_rate_where_a_phone_wants_it(tmp_path: Path) -> None:
    assert len(modes(await heard(tmp_path, "a=fmtp:110 vbr=on\r\n"))) > 1


async def test_rfc5574_packets_have_whole_frames_and_no_fewer_than_asked_for(tmp_path: Path) -> None:
    called = await heard(tmp_path, "a=ptime:30\r\n", use_ptime="yes")
    stamps = [int.from_bytes(packet[4:8], "big") for packet in called.packets]
    assert {later - sooner & 0xFFFFFFFF for sooner, later in pairwise(stamps)} == {320}
    assert {len(speex_frames(payload) or ()) for kind, payload in called.heard if kind == 110} == {2}
