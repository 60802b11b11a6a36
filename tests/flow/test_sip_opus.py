"""Sections of codecs.conf with type=opus: formats by names of their own, in SDP and in what the encoder makes."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.config.source import MemorySource
from globstar.core.format import find_format
from globstar.core.format import opus as plain_opus
from globstar.dsp.g711 import linear_to_ulaw
from globstar.modules.codecs.opus import library
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office
from tests.support.switch import LogCapture

# in CI a skip fails the run
pytestmark = pytest.mark.skipif(library() is None, reason="the Python package opuslib-next-bundled is not installed")

CODECS = """\
[thrifty]
type=opus
bitrate=8000
max_playback_rate=8000
cbr=yes
complexity=3
fec=no

[lavish]
type=opus
bitrate=64000
application=audio
signal=music
max_bandwidth=full
packet_loss=5

[silk8]
type=silk
samprate=8000

[broken]
type=opus
bitrate=9
signal=loud
"""
EXTENSIONS = "[default]\nexten => _[a-z].,1,Dial(PJSIP/${EXTEN})\n"


def phones(*names: str) -> str:
    """alice speaks ulaw; each other phone a format of its name."""
    text = phone_section("alice", rtp_symmetric="yes")
    for index, name in enumerate(names):
        text += phone_section(name, contact=f"sip:{name}@127.0.0.1:{15072 + index}", allow=name)
    return text


async def spoken(office: SipOffice, name: str, fmtp: str) -> tuple[str, list[int]]:
    """Call a phone that asks for ``fmtp`` and speak noise: the parameters of our offer, and the lengths of our packets."""
    alice, other = office.phones["alice"], office.phones[name]
    call = alice.call(name)
    await alice.get(100)
    called = await other.ring()
    assert called.request is not None
    found = re.search(r"a=rtpmap:(\d+) opus/48000/2\r\n(?:a=fmtp:\d+ ([^\r]*))?", called.request.body)
    assert found is not None, called.request.body
    line = f"m=audio {called.rtp_port} RTP/AVP {found[1]}\r\na=rtpmap:{found[1]} opus/48000/2\r\na=fmtp:{found[1]} {fmtp}\r\n"
    called.reply(200, "OK", body=f"v=0\r\no=b 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{line}")
    await other.get("ACK")
    await call.answered()
    noise = np.random.default_rng(1).integers(-6000, 6000, 8000, np.int16)
    await speak(call, linear_to_ulaw(noise.tobytes()))
    sizes = [len(payload) for _, payload in called.heard][5:]
    await call.hang_up()
    await called.ended()
    return found[2] or "", sizes


async def speak(call: PhoneCall, sound: bytes) -> None:
    for start in range(0, len(sound), 160):
        call.send_rtp(sound[start : start + 160], time=start)
        await asyncio.sleep(0.02)


async def test_named_formats_are_offered_with_their_parameters_and_heeded(tmp_path: Path) -> None:
    names = ("thrifty", "lavish", "opus")
    async with sip_office(tmp_path, phones(*names), EXTENSIONS, {"codecs.conf": CODECS}) as office:
        for name in ("alice", *names):
            office.phone(name)
        told, sizes = await spoken(office, "thrifty", "useinbandfec=1")
        assert told == "maxplaybackrate=8000;maxaveragebitrate=8000;cbr=1;useinbandfec=0"
        assert set(sizes) == {20}  # 8,000 bit/s
        told, loud = await spoken(office, "lavish", "useinbandfec=1")
        assert told == "maxaveragebitrate=64000;useinbandfec=1"
        assert 120 <= sum(loud) / len(loud) <= 200
        told, capped = await spoken(office, "lavish", "maxaveragebitrate=16000")  # the other side's wish is heeded as well
        assert sum(capped) / len(capped) <= 50
        told, usual = await spoken(office, "opus", "useinbandfec=1")
        assert told == "useinbandfec=1"
        assert 20 < sum(usual) / len(usual) <= 60


async def test_what_cannot_be_is_told_and_names_go_with_the_module(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with sip_office(tmp_path, phones("opus"), EXTENSIONS, {"codecs.conf": CODECS}) as office:
            told = log.texts(Level.WARNING)
            assert any("codecs.conf" in text and "'9'" in text and "bitrate" in text for text in told), told
            assert any("'loud'" in text for text in told)
            thrifty = find_format("Thrifty")
            assert thrifty is not None
            assert thrifty.codec is plain_opus.codec
            assert find_format("opus") is plain_opus
            assert (find_format("silk8") or plain_opus).codec is not plain_opus.codec
            office.system.configuration.source = MemorySource({"codecs.conf": "[opus]\ntype=opus\ndtx=yes\n"})
            await office.system.loader.reload("codec_opus")
            assert find_format("thrifty") is None
            assert (find_format("opus") or plain_opus).attributes["fmtp"] == "usedtx=1;useinbandfec=1"
            await office.system.loader.unload("codec_opus", force=True)
            assert find_format("opus") is plain_opus


async def test_a_section_does_not_take_the_name_of_another_codec(tmp_path: Path) -> None:
    with LogCapture(Level.WARNING) as log:
        files = {"codecs.conf": "[ulaw]\ntype=opus\n[SLIN8]\ntype=opus\n[opus]\ntype=opus\ndtx=yes\n"}
        async with sip_office(tmp_path, phone_section("alice", allow="ulaw,opus"), "", files) as office:
            allowed = office.driver.settings.endpoints["alice"].audio_formats
    assert [format.codec.name for format in allowed] == ["ulaw", "opus"]
    told = [text for text in log.texts(Level.WARNING) if "codecs.conf" in text]
    assert told == [
        "codecs.conf:1: [ulaw] has no effect: another codec has this name",
        "codecs.conf:3: [SLIN8] has no effect: another codec has this name",
    ]
