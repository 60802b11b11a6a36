"""Call pickup: groups by number and name, directed, by mark, with sounds; on virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core import events
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone
from tests.support.sip_transfer import transfer_office

EXTENSIONS = """\
[default]
exten => 400,1,Pickup(101@phones)
 same => n,Set(GLOBAL(NOTHING)=1)
 same => n,Hangup()
exten => 401,1,Pickup(red@PICKUPMARK)
exten => 402,1,PickupChan(PJSIP/bob)
exten => 403,1,PickupChan(PJSIP/b,p)
exten => 404,1,Pickup()
exten => 405,1,Pickup(999&101@phones)
exten => 406,1,PickupChan(PJSIP/dave&PJSIP/bob)
exten => 500,1,Set(__PICKUPMARK=red)
 same => n,Dial(PJSIP/bob)
"""
GROUPS = {"call_group": "1", "pickup_group": "1"}


async def ringing(alice: SipPhone, bob: SipPhone, number: str = "101") -> tuple[PhoneCall, PhoneCall]:
    """A call of alice that rings at bob."""
    a = alice.call(number)
    await alice.get(100)
    b = await bob.ring()
    b.reply(180)
    await alice.get(180)
    return a, b


async def cancelled(bob: SipPhone, b: PhoneCall) -> str:
    """The call that rang is given up: the Reason of CANCEL."""
    cancel = await bob.get("CANCEL")
    b.reply(200, "OK", request=cancel)
    b.reply(487)
    await bob.get("ACK")
    return cancel["Reason"]


async def picked_up(office: SipOffice, phones: list[SipPhone], how: str, number: str = "101") -> None:
    """Carol picks up what rings at bob by dialling ``how``, and talks to alice."""
    alice, bob, carol, _ = phones
    a, b = await ringing(alice, bob, number)
    c = carol.call(how)
    await carol.get(100)
    await c.answered()
    await cancelled(bob, b)
    await a.answered()
    await asyncio.sleep(0.1)
    await asyncio.gather(a.speak(5, 0x11), c.speak(5, 0x22))
    await asyncio.sleep(0.1)
    assert (c.sounds(), a.sounds()) == ({0x11: 5}, {0x22: 5})
    await a.hang_up()
    await c.ended()
    await office.quiet()
    assert not office.system.channels


@pytest.mark.parametrize(
    ("how", "number"),
    [
        ("400", "101"),
        ("401", "500"),
        ("402", "101"),
        ("403", "101"),
        ("404", "101"),
        ("405", "101"),
        ("406", "101"),
        ("*8", "101"),
    ],
)
async def test_ways_to_pick_up(tmp_path: Path, how: str, number: str) -> None:
    """By extension, by mark, by channel, by the beginning of its name, by group, from a list; and the pickup extension."""
    async with transfer_office(tmp_path, EXTENSIONS, **GROUPS) as (office, phones):
        await picked_up(office, phones, how, number)


async def test_named_groups(tmp_path: Path) -> None:
    """named_call_group and named_pickup_group."""
    async with transfer_office(tmp_path, EXTENSIONS, named_call_group="sales,desk", named_pickup_group="desk") as (
        office,
        phones,
    ):
        await picked_up(office, phones, "*8")


async def test_another_group(tmp_path: Path) -> None:
    """Groups that do not meet: nothing to pick up, 403; the call rings on."""
    async with transfer_office(tmp_path, EXTENSIONS, call_group="1", pickup_group="2") as (office, (alice, bob, carol, _)):
        a, b = await ringing(alice, bob)
        c = carol.call("*8")
        await carol.get(100)
        c.refused(await carol.get(403))
        await b.answer()
        await a.answered()
        await a.hang_up()
        await b.ended()
        await office.quiet()


async def test_nothing_to_pick_up(tmp_path: Path) -> None:
    """The dialplan goes on."""
    async with transfer_office(tmp_path, EXTENSIONS, **GROUPS) as (office, (_, _, carol, _)):
        c = carol.call("400")
        await carol.get(100)
        c.refused(await carol.get(603))
        assert office.system.globals.get("NOTHING") == "1"


async def test_sounds(tmp_path: Path) -> None:
    """pickupsound when it worked, pickupfailsound, after an answer, when it did not."""
    features = {"features.conf": "[general]\npickupsound=well\npickupfailsound=badly\n"}
    async with transfer_office(tmp_path, EXTENSIONS, features, **GROUPS) as (office, phones):
        alice, bob, carol, _ = phones
        folder = Path(office.system.directories.astdatadir) / "sounds" / "en"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("well", "badly"):
            (folder / f"{name}.ulaw").write_bytes(b"\x55" * 1600)
        played: list[tuple[str, str]] = []
        office.system.bus.subscribe(events.FilePlayed, lambda event: played.append((event.channel.name[:11], event.file)))
        a, b = await ringing(alice, bob)
        c = carol.call("*8")
        await carol.get(100)
        await c.answered()
        await cancelled(bob, b)
        await a.answered()
        await asyncio.sleep(0.5)
        await asyncio.gather(a.speak(5, 0x11), c.speak(5, 0x22))
        await asyncio.sleep(0.1)
        assert a.sounds() == {0x22: 5}
        await a.hang_up()
        await c.ended()
        nothing = await carol.dial("*8")
        await nothing.ended()
        assert [file.partition(".")[0] for _, file in played] == ["well", "badly"]
        assert {who for who, _ in played} == {"PJSIP/carol"}
