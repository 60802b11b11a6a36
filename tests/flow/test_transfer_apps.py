"""The applications AttendedTransfer and BlindTransfer, run by digit codes of [applicationmap]."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core.channel import Channel
from globstar.core.frame import digit_begin, digit_end
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone
from tests.support.sip_transfer import transfer_office

FEATURES = """\
[general]
xfersound=
xferfailsound=
[applicationmap]
attended => #7,self,AttendedTransfer,102
blind => #6,self,BlindTransfer,102
nowhere => #5,self,BlindTransfer,999
empty => #4,self,BlindTransfer
"""
EXTENSIONS = """\
[default]
exten => 200,1,Set(DYNAMIC_FEATURES=attended#blind#nowhere#empty)
 same => n,Dial(PJSIP/bob,20)
exten => 300,1,Answer()
 same => n,BlindTransfer(102)
 same => n,Set(GLOBAL(BLIND)=${BLINDTRANSFERSTATUS})
 same => n,AttendedTransfer(102)
 same => n,Set(GLOBAL(ATTENDED)=${ATTENDEDTRANSFERSTATUS})
 same => n,Hangup()
"""


async def press(office: SipOffice, digits: str) -> Channel:
    """Alice presses digits."""
    channel = office.system.channels["PJSIP/alice-00000000"]
    for digit in digits:
        channel.deliver(digit_begin(digit))
        channel.deliver(digit_end(digit, 100))
    await asyncio.sleep(0.1)
    return channel


async def connected(alice: SipPhone, bob: SipPhone) -> tuple[PhoneCall, PhoneCall]:
    """Alice has called bob."""
    a = alice.call("200")
    await alice.get(100)
    b = await bob.ring()
    await b.answer()
    await a.answered()
    await asyncio.sleep(0.1)
    return a, b


async def test_attended_transfer(tmp_path: Path) -> None:
    """The extension is called while the other one waits; hanging up completes the transfer."""
    async with transfer_office(tmp_path, EXTENSIONS, {"features.conf": FEATURES}) as (office, (alice, bob, carol, _)):
        a, b = await connected(alice, bob)
        channel = await press(office, "#7")
        c = await carol.ring()
        assert channel.get_variable("ATTENDEDTRANSFERSTATUS") == "SUCCESS"
        await c.answer()
        await asyncio.sleep(0.1)
        await a.speak(5, 0x11)
        await asyncio.sleep(0.1)
        assert c.sounds().get(0x11, 0) >= 4
        assert 0x11 not in b.sounds()
        await a.hang_up()
        await asyncio.sleep(0.2)
        await b.speak(5, 0x22)
        await asyncio.sleep(0.1)
        assert c.sounds().get(0x22, 0) >= 3
        await b.hang_up()
        await c.ended()


async def test_blind_transfer(tmp_path: Path) -> None:
    """The other one goes to the extension, and the transferer is out."""
    async with transfer_office(tmp_path, EXTENSIONS, {"features.conf": FEATURES}) as (office, (alice, bob, carol, _)):
        a, b = await connected(alice, bob)
        await press(office, "#6")
        c = await carol.ring()
        await a.ended()
        await c.answer()
        await c.hang_up()
        await b.ended()


@pytest.mark.parametrize("code", ["#5", "#4"])
async def test_a_transfer_to_nowhere(tmp_path: Path, code: str) -> None:
    """FAILURE, and the call goes on."""
    async with transfer_office(tmp_path, EXTENSIONS, {"features.conf": FEATURES}) as (office, (alice, bob, *_)):
        a, b = await connected(alice, bob)
        channel = await press(office, code)
        assert channel.get_variable("BLINDTRANSFERSTATUS") == "FAILURE"
        await a.speak(5, 0x11)
        await asyncio.sleep(0.1)
        assert b.sounds() == {0x11: 5}
        await a.hang_up()
        await b.ended()


async def test_nobody_to_transfer(tmp_path: Path) -> None:
    """On a channel that is not bridged."""
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, *_)):
        await (await alice.dial("300")).ended()
        assert (office.system.globals.get("BLIND"), office.system.globals.get("ATTENDED")) == ("INVALID", "FAILURE")
