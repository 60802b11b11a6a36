"""What both parties of a call said at one moment stands at one place of its recording, whatever became of their packets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from globstar.dsp.g711 import linear_to_ulaw
from globstar.media.network import Impairment
from tests.interop.support.audio import find
from tests.support.phone import Samples, companded, noise
from tests.support.sip_phone import PhoneCall, phone_section, sip_office

RATE = 8000
SECONDS = 8
ALICE, BOB = noise(SECONDS, 31), noise(SECONDS, 32)
EXTENSIONS = """\
[default]
exten => 101,1,MixMonitor(${GLOBAL(FOLDER)}/both.raw,D)
 same => n,Dial(PJSIP/bob,20)
"""


async def say(call: PhoneCall, samples: Samples, packet_ms: int, *, pause: tuple[float, float] = (0, 0)) -> None:
    """Send sound in packets that are sent when their last sample has been said; nothing in the pause (silence suppression)."""
    size = RATE * packet_ms // 1000
    for start in range(0, len(samples) - size + 1, size):
        await asyncio.sleep(packet_ms / 1000)
        if not pause[0] <= start / RATE < pause[1]:
            call.send_rtp(linear_to_ulaw(samples[start : start + size].tobytes()), time=start)


def places(recording: Samples, said: Samples) -> dict[float, float]:
    """For each half second that can be found in a recording, by its time, where it is."""
    found = {}
    for start in range(0, len(said) - 1600, RATE // 2):
        match = find(recording, companded(said[start : start + 1600]))
        if match.correlation > 0.5:
            found[start / RATE] = match.offset / RATE
    return found


@pytest.mark.parametrize(
    ("impairment", "packet_ms", "pause"),
    [
        (Impairment(), 20, (0, 0)),
        (Impairment(), 60, (0, 0)),
        (Impairment(delay=0.001, jitter=0.045), 20, (0, 0)),
        (Impairment(drop=[*range(50, 350, 7), *range(120, 124)]), 20, (0, 0)),
        (Impairment(hold=range(40, 300, 9)), 20, (0, 0)),
        (Impairment(delay=0.001, jitter=0.03, loss=0.05, duplicate=0.02), 20, (0, 0)),
        (Impairment(), 20, (3.0, 3.04)),
        (Impairment(), 20, (3.0, 4.5)),
    ],
    ids=["even", "packets of 60 ms", "jitter", "loss", "disorder", "all of it", "a short pause", "a long pause"],
)
async def test_both_directions_are_aligned_within_20_ms(
    tmp_path: Path, impairment: Impairment, packet_ms: int, pause: tuple[float, float]
) -> None:
    pjsip = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
    extensions = f"[globals]\nFOLDER={tmp_path}\n{EXTENSIONS}"
    async with sip_office(tmp_path, pjsip, extensions) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        await called.answer()
        await call.answered()
        office.media.impair((alice.address[0], call.rtp_port), impairment)
        await asyncio.gather(say(call, ALICE, packet_ms, pause=pause), say(called, BOB, 20))
        await asyncio.sleep(0.2)
        await call.hang_up()
        await called.ended()
        await asyncio.sleep(1)
    both = np.frombuffer((tmp_path / "both.raw").read_bytes(), "<i2")
    said, heard = places(both[0::2].copy(), ALICE), places(both[1::2].copy(), BOB)
    assert len(heard) >= 2 * SECONDS - 2
    assert len(said) >= 2 * SECONDS - 5
    apart = {when: round(1000 * (place - heard[when])) for when, place in said.items() if when in heard}
    assert max(map(abs, apart.values())) <= 20, apart
