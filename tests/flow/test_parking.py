"""Parking (res_parking): calls wait in a place, are taken out, or come back, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from globstar.core import events
from globstar.core.cli import run_command
from globstar.core.frame import digit_begin, digit_end
from globstar.interfaces.ami.reference import reference
from tests.support.ami import AmiClient, start_manager
from tests.support.ami_world import ami_world
from tests.support.sip_phone import SipOffice, SipPhone
from tests.support.sip_transfer import dialog_of, notified, refer_to, talk, transfer_office
from tests.support.switch import LogCapture

EXTENSIONS = """\
[default]
include => parkedcalls
exten => 200,1,Dial(PJSIP/bob,20,kK)
exten => 210,1,Park(,st(5))
exten => 211,1,Park(,sc(back,s,1)t(5))
exten => 212,1,ParkAndAnnounce(default,t(20),silence:PARKED,PJSIP/dave)
exten => 213,1,Set(PARKINGEXTEN=702)
 same => n,Park(default,s)
exten => 214,1,Set(PARKINGDYNAMIC=default)
 same => n,Set(PARKINGDYNCONTEXT=parkedcalls)
 same => n,Set(PARKINGDYNEXTEN=800)
 same => n,Set(PARKINGDYNPOS=801-802)
 same => n,Park(mine,s)
exten => 215,1,Park(nowhere,s)
 same => n,Set(GLOBAL(WENT_ON)=1)
 same => n,Hangup()
exten => 216,1,ParkedCall(default)
exten => 217,1,Park(,s)
exten => 218,1,Set(PARKINGLOT=second)
 same => n,Park(,s)
exten => 219,1,Set(CHANNEL(parkinglot)=default)
 same => n,Set(PARKINGLOT=second)
 same => n,Park(default,s)
[back]
exten => s,1,Set(GLOBAL(BACK)=${PARKING_SPACE} ${PARKEDLOT} ${PARKER} ${PARKER_FLAT})
 same => n,Wait(100)
[parkedcallstimeout]
exten => PJSIP_alice,1,Set(GLOBAL(BACK)=flat)
 same => n,Wait(100)
"""
PARKING = """\
[general]
parkeddynamic=yes
[default]
parkext=700
parkpos=701-703
parkingtime=10
parkinghints=yes
{more}
"""


@asynccontextmanager
async def lot(root: Path, more: str = "", features: str = "") -> AsyncIterator[tuple[SipOffice, list[SipPhone]]]:
    """An office with a parking lot."""
    files = {"res_parking.conf": PARKING.format(more=more), "features.conf": features}
    async with transfer_office(root, EXTENSIONS, files) as office:
        yield office


def kinds(office: SipOffice) -> list[str]:
    """A live list of what the listeners are told of parking."""
    told: list[str] = []
    office.system.bus.subscribe(events.ParkingChanged, lambda event: told.append(f"{event.kind} {event.space}"))
    return told


def reference_fields(event: str) -> list[str]:
    """The names of an event's fields, as clients know them."""
    return [field.partition("=")[0] for field in reference("event")[event].fields]


def state(office: SipOffice, device: str) -> str:
    """The state of a device."""
    return str(office.system.device_states.state(device).name)


async def test_park_and_take_out(tmp_path: Path) -> None:
    """Dial 700, wait; somebody dials 701 and both talk until one hangs up."""
    async with lot(tmp_path) as (office, (alice, _, carol, _)):
        told = kinds(office)
        a = await alice.dial("217")
        assert state(office, "park:701@parkedcalls") == "INUSE"
        assert state(office, "park:702@parkedcalls") == "NOT_INUSE"
        assert office.system.device_states.extension_state("parkedcalls", "701") == 1
        c = await carol.dial("701")
        await asyncio.sleep(0.1)
        await asyncio.gather(a.speak(10, 0x11), c.speak(10, 0x22))
        await asyncio.sleep(0.1)
        assert (c.sounds(), a.sounds()) == ({0x11: 10}, {0x22: 10})
        assert state(office, "park:701@parkedcalls") == "NOT_INUSE"
        await c.hang_up()
        await a.ended()
        assert told == ["ParkedCall 701", "UnParkedCall 701"]
        await office.quiet()


async def test_who_is_parked_can_be_asked(tmp_path: Path) -> None:
    """PARK_GET_CHANNEL(): the channel of a place, nothing for an empty one, an error for no place and no lot."""
    async with lot(tmp_path) as (office, (alice, *_)):
        a = await alice.dial("217")
        (channel,) = office.system.channels.values()
        read = office.system.functions.read
        assert read(channel, "PARK_GET_CHANNEL", "701,default") == channel.name
        assert read(channel, "PARK_GET_CHANNEL", "701") == channel.name
        assert read(channel, "PARK_GET_CHANNEL", "702") == ""
        with LogCapture() as log:
            assert read(channel, "PARK_GET_CHANNEL", "701,nowhere") == ""
            assert read(channel, "PARK_GET_CHANNEL", "x") == ""
        assert len(log.records) == 2
        await a.hang_up()


async def test_the_lot_of_a_call(tmp_path: Path) -> None:
    """The one that Park names, else that of PARKINGLOT."""
    second = "[second]\nparkext=900\nparkpos=901-902\ncontext=seconds\n"
    async with lot(tmp_path, second) as (office, (alice, bob, *_)):
        told = kinds(office)
        a, b = await alice.dial("218"), await bob.dial("219")
        assert told == ["ParkedCall 901", "ParkedCall 701"]
        await a.hang_up()
        await b.hang_up()


async def test_a_parked_call_hangs_up(tmp_path: Path) -> None:
    """The place is free again."""
    async with lot(tmp_path) as (office, (alice, *_)):
        told = kinds(office)
        a = await alice.dial("217")
        await a.hang_up()
        assert told == ["ParkedCall 701", "ParkedCallGiveUp 701"]
        assert state(office, "park:701@parkedcalls") == "NOT_INUSE"


async def test_an_attended_transfer_to_the_lot_puts_the_partner_in_the_place(tmp_path: Path) -> None:
    """The consultation call waits in 701; the partner takes its place there, is told of so, and is taken out as usual."""
    async with lot(tmp_path) as (office, (alice, bob, carol, _)):
        client = AmiClient(await start_manager(office.system))
        client.log_in()
        a, b = await talk(alice, "101", bob)
        consultation = await alice.dial("217")
        replaced = next(iter(office.system.services["parking"].lots["default"].calls.values())).channel
        client.take()
        assert (await a.request_inside("REFER", refer_to("217", dialog_of(consultation)))).status == 202
        assert [(await notified(alice))[0] for _ in range(2)] == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
        await consultation.ended()
        await asyncio.sleep(0.1)
        told = [event for event in client.events() if event[0][1].startswith(("Parked", "UnParked", "AttendedTransfer"))]
        assert [event[0][1] for event in told] == ["ParkedCallSwap", "AttendedTransfer"]
        fields = told[0]
        assert [name for name, _ in fields[2:]] == list(reference_fields("ParkedCallSwap"))
        swap = dict(fields)
        assert swap["ParkeeChannel"].startswith("PJSIP/bob-")
        assert (swap["ParkerChannel"], swap["Parkinglot"], swap["ParkingSpace"]) == (replaced.name, "default", "701")
        assert dict(told[1])["Result"] == "Success"
        assert state(office, "park:701@parkedcalls") == "INUSE"
        c = await carol.dial("701")
        await asyncio.sleep(0.1)
        await asyncio.gather(b.speak(10, 0x11), c.speak(10, 0x22))
        await asyncio.sleep(0.1)
        assert (c.sounds(), b.sounds()) == ({0x11: 10}, {0x22: 10})
        await c.hang_up()
        await b.ended()
        await client.session.hub.close()
        await office.quiet()


async def test_who_came_by_an_attended_transfer_has_the_rest_of_the_time(tmp_path: Path) -> None:
    async with lot(tmp_path) as (office, (alice, bob, *_)):
        told = kinds(office)
        a, b = await talk(alice, "101", bob)
        start = office.system.now()
        consultation = await alice.dial("217")
        await asyncio.sleep(4)
        assert (await a.request_inside("REFER", refer_to("217", dialog_of(consultation)))).status == 202
        assert [(await notified(alice))[0] for _ in range(2)] == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
        await consultation.ended()
        await alice.ring()
        assert 9 < office.system.now() - start < 11
        assert told == ["ParkedCall 701", "ParkedCallSwap 701", "ParkedCallTimeOut 701"]
        await b.hang_up()


async def test_who_came_by_an_attended_transfer_hangs_up(tmp_path: Path) -> None:
    """Two wait, one of them leaves: the other's place stays taken."""
    async with lot(tmp_path) as (office, (alice, bob, carol, _)):
        told = kinds(office)
        waiting = await carol.dial("217")
        a, b = await talk(alice, "101", bob)
        consultation = await alice.dial("217")
        assert (await a.request_inside("REFER", refer_to("217", dialog_of(consultation)))).status == 202
        assert [(await notified(alice))[0] for _ in range(2)] == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
        await consultation.ended()
        await b.hang_up()
        assert told == ["ParkedCall 701", "ParkedCall 702", "ParkedCallSwap 702", "ParkedCallGiveUp 702"]
        assert state(office, "park:702@parkedcalls") == "NOT_INUSE"
        assert state(office, "park:701@parkedcalls") == "INUSE"
        await waiting.hang_up()
        await office.quiet()


async def test_parked_by_refer_comes_back_to_who_parked(tmp_path: Path) -> None:
    """REFER to the parking extension: the party waits, the phone that parked is called after the time."""
    async with lot(tmp_path) as (office, (alice, bob, *_)):
        told = kinds(office)
        a, b = await talk(alice, "101", bob)
        assert (await a.request_inside("REFER", refer_to("700"))).status == 202
        assert told == ["ParkedCall 701"]
        assert "PJSIP/alice" in await run_command(office.system, "parking show default")
        start = office.system.now()
        assert (await notified(alice))[0] == "SIP/2.0 100 Trying"
        assert (await notified(alice))[0] == "SIP/2.0 200 OK"
        assert 9 < office.system.now() - start < 11
        back = await alice.ring()
        assert told == ["ParkedCall 701", "ParkedCallTimeOut 701"]
        assert back.request is not None
        assert '"Bob" <sip:101@' in back.request["From"]
        await a.hang_up()
        await back.answer()
        await back.hang_up()
        await b.ended()


async def test_parked_by_code(tmp_path: Path) -> None:
    """Dial options k and K: the code parks the other one, the place is said, and the parker is let go."""
    features = "[featuremap]\nparkcall => #72\n"
    async with lot(tmp_path, features=features) as (office, (alice, bob, carol, _)):
        told = kinds(office)
        a, b = await talk(alice, "200", bob)
        channel = office.system.channels["PJSIP/alice-00000000"]
        for digit in "#72":
            channel.deliver(digit_begin(digit))
            channel.deliver(digit_end(digit, 100))
        await a.ended()
        assert told == ["ParkedCall 701"]
        c = await carol.dial("701")
        await asyncio.sleep(0.1)
        await asyncio.gather(b.speak(10, 0x11), c.speak(10, 0x22))
        await asyncio.sleep(0.1)
        assert c.sounds() == {0x11: 10}
        await b.hang_up()
        await c.ended()


async def test_options_of_park(tmp_path: Path) -> None:
    """t: another time; c: where the call goes after it; and what the dialplan learns."""
    async with lot(tmp_path) as (office, (alice, *_)):
        start = office.system.now()
        a = await alice.dial("211")
        for _ in range(100):
            if office.system.globals.get("BACK") is not None:
                break
            await asyncio.sleep(0.1)
        assert 4.9 < office.system.now() - start < 5.5
        assert office.system.globals.get("BACK") == "701 default PJSIP/alice PJSIP_alice"
        await a.hang_up()


async def test_no_way_back_to_the_origin(tmp_path: Path) -> None:
    """comebacktoorigin=no: the context of the lot, at the extension that is the parker's name."""
    async with lot(tmp_path, "comebacktoorigin=no") as (office, (alice, *_)):
        a = await alice.dial("210")
        await asyncio.sleep(6)
        assert office.system.globals.get("BACK") == "flat"
        await a.hang_up()


async def test_places(tmp_path: Path) -> None:
    """First free, a wanted one, and a full lot."""
    async with lot(tmp_path) as (office, (alice, bob, carol, dave)):
        told = kinds(office)
        calls = [await alice.dial("213"), await bob.dial("217"), await carol.dial("217")]
        assert told == ["ParkedCall 702", "ParkedCall 701", "ParkedCall 703"]
        d = await dave.dial("217")
        await d.ended()
        await calls[1].hang_up()
        again = await bob.dial("217")
        assert told[-1] == "ParkedCall 701"
        for call in (calls[0], calls[2], again):
            await call.hang_up()


async def test_findslot_next(tmp_path: Path) -> None:
    """The place after the last one that was taken."""
    async with lot(tmp_path, "findslot=next") as (office, (alice, *_)):
        told = kinds(office)
        for _ in range(4):
            await (await alice.dial("217")).hang_up()
        assert [text for text in told if text.startswith("ParkedCall ")] == [f"ParkedCall {n}" for n in (701, 702, 703, 701)]


async def test_an_empty_place(tmp_path: Path) -> None:
    """The caller is answered and hears that nobody is there."""
    async with lot(tmp_path) as (_, (alice, *_)):
        a = await alice.dial("702")
        await a.ended()


async def test_the_one_that_waits_longest(tmp_path: Path) -> None:
    """ParkedCall without a place."""
    async with lot(tmp_path) as (office, (alice, bob, carol, _)):
        told = kinds(office)
        a, b = await alice.dial("213"), await bob.dial("217")
        c = await carol.dial("216")
        await asyncio.sleep(0.1)
        assert told[-1] == "UnParkedCall 702"
        await c.hang_up()
        await a.ended()
        await b.hang_up()


async def test_dynamic_lots(tmp_path: Path) -> None:
    """parkeddynamic: a lot of its own, with its extensions; without it there is no such lot."""
    async with lot(tmp_path) as (office, (alice, _, carol, _)):
        told = kinds(office)
        a = await alice.dial("214")
        assert told == ["ParkedCall 801"]
        assert "Parking Lot: mine" in await run_command(office.system, "parking show")
        c = await carol.dial("801")
        await c.hang_up()
        await a.ended()
    async with lot(tmp_path / "two", "[general](+)\nparkeddynamic=no") as (office, (alice, *_)):
        call = alice.call("215")
        await alice.get(100)
        call.refused(await alice.get(603))
        assert office.system.globals.get("WENT_ON") == "1"


async def test_parking_show(tmp_path: Path) -> None:
    """As recorded (vectors g10_misc_idle, g05_park_by_extension_blind_refer)."""
    async with lot(tmp_path, "parkedmusicclass=default") as (office, (alice, *_)):
        details = (
            "Parking Lot: default\n" + "-" * 74 + "\n"
            "Parking Extension   :  700\n"
            "Parking Context     :  parkedcalls\n"
            "Parking Spaces      :  701-703\n"
            "Parking Time        :  10 sec\n"
            "Comeback to Origin  :  yes\n"
            "Comeback Context    :  parkedcallstimeout (comebacktoorigin=yes, not used)\n"
            "Comeback Dial Time  :  30 sec\n"
            "MusicOnHold Class   :  default\n"
            "Enabled             :  yes\n"
            "Dynamic             :  no\n\n"
        )
        general = "\nParking General Options\n-----------------------\nDynamic Parking     :  yes\n\n"
        assert await run_command(office.system, "parking show") == f"{general}{details}\n"
        calls = "Parked Calls\n------------\n"
        assert await run_command(office.system, "parking show default") == f"\n{details}{calls}  (none)\n\n\n"
        a = await alice.dial("217")
        one = "  Space               :  701\n  Channel             :  PJSIP/alice-00000000\n"
        one += "  Parker Dial String  :  PJSIP/alice\n\n\n"
        assert await run_command(office.system, "parking show default") == f"\n{details}{calls}{one}"
        assert "Could not find" in await run_command(office.system, "parking show other")
        await a.hang_up()


async def test_park_and_announce(tmp_path: Path) -> None:
    """Somebody is called and hears the place."""
    async with lot(tmp_path) as (office, (alice, _, _, dave)):
        a = await alice.dial("212")
        d = await dave.ring()
        assert d.request is not None
        assert '"Alice" <sip:100@' in d.request["From"]
        await d.answer()
        await d.ended()
        channel: Any = office.system.channels["PJSIP/alice-00000000"]
        assert channel.get_variable("PARKEDAT") == "701"
        await a.hang_up()


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_rights_after_taking_out(tmp_path: Path, who: str) -> None:
    """parkedcallhangup: the code ends the call for those who may press it."""
    async with lot(tmp_path, f"parkedcallhangup={who}", "[featuremap]\ndisconnect=*0\n") as (office, (alice, _, carol, _)):
        a = await alice.dial("217")
        c = await carol.dial("701")
        await asyncio.sleep(0.1)
        channel = next(one for one in office.system.channels.values() if (who == "caller") == ("carol" in one.name))
        for digit in "*0":
            channel.deliver(digit_begin(digit))
            channel.deliver(digit_end(digit, 100))
        await asyncio.gather(a.ended(), c.ended())


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_recording_after_taking_out(tmp_path: Path, who: str) -> None:
    """parkedcallrecording: the code of automixmon records the call for those who may press it, and for no other."""
    features = "[featuremap]\nautomixmon=*3\n"
    async with lot(tmp_path, f"parkedcallrecording={who}", features) as (office, (alice, _, carol, _)):
        a = await alice.dial("217")
        c = await carol.dial("701")
        await asyncio.sleep(0.1)
        folder = Path(office.system.directories.astspooldir) / "monitor"
        for may_record in (False, True):
            channel = next(
                one for one in office.system.channels.values() if ((who == "caller") == ("carol" in one.name)) is may_record
            )
            for digit in "*3":
                channel.deliver(digit_begin(digit))
                channel.deliver(digit_end(digit, 100))
            await asyncio.sleep(0.1)
            assert len(list(folder.glob("auto-*.wav"))) == may_record
        await c.hang_up()
        await a.ended()


@pytest.mark.parametrize("option", ["k", "K"])
async def test_bridge_lets_a_party_park_the_other(tmp_path: Path, option: str) -> None:
    """Bridge() with k, K: parkcall of features.conf for the other party, for this one."""
    plan = f"exten => 220,1,Answer()\n same => n,Wait(100)\nexten => 221,1,Bridge(${{OTHER}},{option})\n"
    features = "[featuremap]\nparkcall=#72\n"
    files = {"res_parking.conf": PARKING.format(more=""), "features.conf": features}
    async with transfer_office(tmp_path, EXTENSIONS.replace("[back]", f"{plan}[back]"), files) as (office, (alice, _, carol, _)):
        a = await alice.dial("220")
        await asyncio.sleep(1)  # the phone is in Wait, behind which there is nothing
        office.system.globals.set("OTHER", next(iter(office.system.channels)))
        c = await carol.dial("221")
        await asyncio.sleep(0.5)
        parker, parked = (c, a) if option == "K" else (a, c)
        channel = next(one for one in office.system.channels.values() if parker.phone.name in one.name)
        for digit in "#72":
            channel.deliver(digit_begin(digit))
            channel.deliver(digit_end(digit, 100))
        await parker.ended()
        assert parked.phone.name in await run_command(office.system, "parking show default")
        await parked.hang_up()


async def test_reload_keeps_parked_calls(tmp_path: Path) -> None:
    """Settings are read again, extensions are made anew, the call waits on."""
    async with lot(tmp_path) as (office, (alice, _, carol, _)):
        a = await alice.dial("217")
        await run_command(office.system, "dialplan reload")
        service: Any = office.system.services["parking"]
        service.load()
        c = await carol.dial("701")
        await c.hang_up()
        await a.ended()
        service.stop()
        assert not office.system.plan.exists("parkedcalls", "701", 1)
        service.load()


async def manager(office: SipOffice) -> AmiClient:
    """A client that hears all events from now on."""
    client = AmiClient(await start_manager(office.system))
    client.log_in()
    await asyncio.sleep(0)
    client.take()
    return client


async def test_what_managers_are_told_of_a_call_that_comes_back(tmp_path: Path) -> None:
    """It leaves the bridge from its old place; only then it is told where it goes on."""
    async with lot(tmp_path) as (office, (alice, *_)):
        client = await manager(office)
        a = await alice.dial("211")
        await asyncio.sleep(6)
        told = [dict(message) for message in client.events()]
        wanted = {"ParkedCall", "ParkedCallTimeOut", "BridgeLeave", "Newexten"}
        names = [message["Event"] for message in told if message["Event"] in wanted and message.get("Application") != "Park"]
        assert names[:4] == ["ParkedCall", "ParkedCallTimeOut", "BridgeLeave", "Newexten"]
        found = {name: next(message for message in told if message["Event"] == name) for name in wanted - {"Newexten"}}
        for name, place, times in (
            ("ParkedCall", ("default", "211"), ("5", "0")),
            ("ParkedCallTimeOut", ("back", "s"), ("0", "5")),
        ):
            message = found[name]
            assert (message["ParkeeContext"], message["ParkeeExten"]) == place
            assert (message["ParkingTimeout"], message["ParkingDuration"]) == times
        assert (found["BridgeLeave"]["Context"], found["BridgeLeave"]["Exten"]) == ("default", "211")
        await a.hang_up()
        await office.quiet()


@pytest.mark.parametrize(("transferer", "is_said"), [("", True), ("PJSIP/bob-00000007", False)])
async def test_the_place_is_said_before_the_music(tmp_path: Path, transferer: str, is_said: bool) -> None:
    """Who parks hears the place first; who was transferred there hears music at once."""
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "tune.ulaw").write_bytes(b"\x31" * 80000)
    files = {
        "res_parking.conf": PARKING.format(more=""),
        "musiconhold.conf": f"[default]\nmode=files\ndirectory={tmp_path}/music\n",
    }
    plan = f"[default]\ninclude => parkedcalls\nexten => 1,1,Set(BLINDTRANSFER={transferer})\n same => n,Goto(700,1)\n"
    async with ami_world(tmp_path, plan=plan, files=files) as ami:
        for digit in "701":
            ami.world.sound(f"digits/{digit}", 0.5)
        await ami.ask("Events", EventMask="call")
        ami.world.tech.phones["alice"].dials("1")
        await ami.world.settle(1.0)
        assert ("Event: MusicOnHoldStart" in ami.client.take()) != is_said
        await ami.world.settle(1.0)
        assert ("Event: MusicOnHoldStart" in ami.client.take()) == is_said
