"""Two phones with a codec each: what one says is heard by the other as well as the two codecs can carry it."""

from __future__ import annotations

import asyncio
import audioop
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.support.sip_phone import PhoneCall, SipOffice, Wire, phone_section, sip_office
from tests.support.sound_quality import (
    FORMATS,
    LINEAR,
    MADE,
    SPEECH,
    SPOKEN,
    VOCODERS,
    by_themselves,
    coded,
    decoded,
    encoded,
    original,
    segmental_ratio,
)
from tests.support.virtual_loop import run_virtual

#: Codecs with a wave form to compare.
CODECS = [name for name in coded() if name not in VOCODERS]
#: How much worse than the codecs by themselves a call may be, dB.
TOLERANCE = 1.0
EXTENSIONS = "[default]\nexten => _[a-z].,1,Dial(PJSIP/${EXTEN})\n"


def answer_to(call: PhoneCall, offer: Wire) -> str:
    """An answer that takes the codec of an offer as it stands, without error correction, which costs a codec bits."""
    host = call.phone.address[0]
    media = re.sub(r"m=audio \d+", f"m=audio {call.rtp_port}", offer.body[offer.body.index("m=audio") :])
    media = re.sub(r"a=fmtp:\d+ useinbandfec=1\r\n", "", media)
    return f"v=0\r\no=phone 7 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n{media}"


def payload_type(offer: Wire) -> int:
    """The first type of the audio of an offer."""
    found = re.search(r"m=audio \d+ \S+ (\d+)", offer.body)
    assert found is not None, offer.text
    return int(found[1])


def on_the_wire(name: str, packet: bytes) -> bytes:
    """Signed linear has its octet of more weight first there; to and fro."""
    return audioop.byteswap(packet, 2) if FORMATS[name].is_slin else packet


async def listen(office: SipOffice, source: str, destination: str, sound: str = MADE) -> list[bytes]:
    """Call from a phone with one codec to a phone with the other, say the test sound; the packets that are heard."""
    caller, callee = office.phones[f"from{source}"], office.phones[f"to{destination}"]
    call = caller.call(f"to{destination}", has_offer=False)
    await caller.get(100)
    other = await callee.ring()
    assert other.request is not None
    other.reply(200, "OK", body=answer_to(other, other.request))
    await callee.get("ACK")
    answer = await caller.get(200)
    call.to, call.target = answer["To"], re.sub(r"^<|>.*$", "", answer["Contact"])
    call.learn_media(answer)
    call._send("ACK", "Content-Type: application/sdp\r\n", answer_to(call, answer), cseq=int(answer["CSeq"].split()[0]))
    await asyncio.sleep(0.02)
    kind, format, time = payload_type(answer), FORMATS[source], 0
    for packet in encoded(source, sound):
        call.send_rtp(on_the_wire(source, packet), kind, time=time)
        samples = format.samples_in(packet) or format.sample_rate // 50
        time += samples * format.codec.clock_rate // format.sample_rate
        await asyncio.sleep(samples / format.sample_rate)
    await asyncio.sleep(0.3)
    kind = payload_type(other.request)
    heard = [on_the_wire(destination, payload) for type_heard, payload in other.heard if type_heard == kind]
    await call.hang_up()
    await other.ended()
    call.close()
    other.close()
    return heard


async def losses(root: Path, source: str, destinations: list[str], sound: str = MADE) -> list[str]:
    """What is worse than it should be, of the calls from one codec to others."""
    pjsip = phone_section(f"from{source}", allow=source, rtp_symmetric="yes")
    for index, name in enumerate(destinations):
        pjsip += phone_section(f"to{name}", contact=f"sip:to{name}@127.0.0.1:{15072 + index}", allow=name)
    wrong = []
    async with sip_office(root, pjsip, EXTENSIONS) as office:
        office.phone(f"from{source}")
        for name in destinations:
            office.phone(f"to{name}")
        for destination in destinations:
            heard = await listen(office, source, destination, sound)
            rate = FORMATS[destination].sample_rate
            here = segmental_ratio(decoded(destination, heard), rate, sound)
            there = segmental_ratio(by_themselves(source, destination, sound), rate, sound)
            if here < there - TOLERANCE:
                wrong.append(f"{source} to {destination}: {here:.2f} dB, {there:.2f} dB by themselves, {len(heard)} packets")
    return wrong


@pytest.mark.parametrize("source", CODECS)
def test_every_pair_of_codecs_in_a_call(tmp_path: Path, source: str) -> None:
    assert run_virtual(losses(tmp_path, source, CODECS)) == []


@pytest.mark.slow
@pytest.mark.parametrize("source", LINEAR)
def test_signed_linear_of_every_rate_to_every_codec_in_a_call(tmp_path: Path, source: str) -> None:
    """L16 of 96 and 192 kHz in packets of 20 ms exceeds a frame of Ethernet: the network cuts it and puts it together again."""
    assert run_virtual(losses(tmp_path, source, [*LINEAR, *CODECS])) == []


@pytest.mark.slow
@pytest.mark.parametrize("source", CODECS)
def test_every_codec_to_signed_linear_of_every_rate_in_a_call(tmp_path: Path, source: str) -> None:
    assert run_virtual(losses(tmp_path, source, LINEAR)) == []


@pytest.mark.slow
@pytest.mark.parametrize("source", CODECS)
def test_recorded_speech_between_every_pair_of_codecs(tmp_path: Path, source: str) -> None:
    if not SPEECH.is_file():
        pytest.skip(f"no recorded speech: {SPEECH} is missing")  # in CI a skip fails the run
    assert run_virtual(losses(tmp_path, source, CODECS, SPOKEN)) == []


async def through_lpc10(root: Path, source: str, destination: str) -> None:
    """Packets of LPC-10 are whole frames of 22.5 ms, one after the other, and what they say has the loudness of what was said."""
    pjsip = phone_section(f"from{source}", allow=source, rtp_symmetric="yes")
    pjsip += phone_section(f"to{destination}", contact=f"sip:to{destination}@127.0.0.1:15072", allow=destination)
    async with sip_office(root, pjsip, EXTENSIONS) as office:
        office.phone(f"from{source}")
        phone = office.phone(f"to{destination}")
        heard = await listen(office, source, destination)
    format = FORMATS[destination]
    assert {len(payload) for payload in heard} == {format.codec.sample_bytes or format.bytes_for(20)}
    times = [int.from_bytes(packet[4:8], "big") for packet in phone.calls[-1].packets]
    assert {later - earlier for earlier, later in pairwise(times)} == {format.samples_in(heard[0])}
    sound, wanted = (np.frombuffer(data, "<i2").astype(float) for data in (decoded(destination, heard), original(8000)))
    assert abs(len(sound) - len(wanted)) <= 3 * 180
    assert 0.4 < np.sqrt(np.mean(sound**2)) / np.sqrt(np.mean(wanted**2)) < 2.5


@pytest.mark.parametrize(
    ("source", "destination"), [("gsm", "lpc10"), ("lpc10", "gsm"), ("lpc10", "lpc10"), ("speex16", "lpc10")]
)
def test_lpc10_in_a_call(tmp_path: Path, source: str, destination: str) -> None:
    run_virtual(through_lpc10(tmp_path, source, destination))
