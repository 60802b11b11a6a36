"""INVITE with Replaces (RFC 3891): taking over calls and picking up what rings, on virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core import events
from tests.support.sip_transfer import dialog_of, talk, transfer_office

NOBODY = "sip:nobody@127.0.0.1:15060"


async def test_a_call_takes_the_place_of_another(tmp_path: Path) -> None:
    """200 for the new one, BYE for the old one; the bridge and the partner stay. What it dials is no matter."""
    async with transfer_office(tmp_path) as (office, (alice, bob, carol, _)):
        entered: list[events.BridgeEntered] = []
        a, b = await talk(alice, "101", bob)
        office.system.bus.subscribe(events.BridgeEntered, entered.append)
        (bridge,) = office.system.bridges.values()
        c = carol.call("nowhere", extra=f"Replaces: {dialog_of(b)}\r\nRequire: replaces\r\n")
        await carol.get(100)
        await c.answered()
        assert (await b.ended())["Reason"] == "Q.850;cause=16"
        await asyncio.gather(a.speak(10, 0x11), c.speak(10, 0x22))
        await asyncio.sleep(0.1)
        assert (c.sounds(), a.sounds()) == ({0x11: 10}, {0x22: 10})
        assert list(office.system.bridges.values()) == [bridge]
        (event,) = entered
        assert event.swapped is not None
        assert event.swapped.name.startswith("PJSIP/bob")
        await a.hang_up()
        await c.ended()
        await office.quiet()


async def test_the_side_that_called_can_be_replaced_too(tmp_path: Path) -> None:
    """The caller's phone is replaced; its dialplan ends, the callee goes on."""
    async with transfer_office(tmp_path) as (office, (alice, bob, carol, _)):
        a, b = await talk(alice, "101", bob)
        c = carol.call("100", extra=f"Replaces: {dialog_of(a)}\r\n")
        await carol.get(100)
        await c.answered()
        await a.ended()
        await c.hang_up()
        await b.ended()
        await office.quiet()
        assert not office.system.channels


async def test_a_ringing_call_is_picked_up(tmp_path: Path) -> None:
    """A dialog that we began and nobody answered yet: the new call answers it (BLF pickup)."""
    async with transfer_office(tmp_path) as (office, (alice, bob, carol, _)):
        picked: list[events.CallPickedUp] = []
        office.system.bus.subscribe(events.CallPickedUp, picked.append)
        a = alice.call("101")
        await alice.get(100)
        b = await bob.ring()
        b.reply(180)
        await alice.get(180)
        c = carol.call("101", extra=f"Replaces: {dialog_of(b, early_only=True)}\r\n")
        await carol.get(100)
        await c.answered()
        b.reply(200, "OK", request=await bob.get("CANCEL"))
        b.reply(487)
        await bob.get("ACK")
        await a.answered()
        await asyncio.sleep(0.1)
        assert [event.target.name[:9] for event in picked] == ["PJSIP/bob"]
        await a.speak(5, 0x11)
        await asyncio.sleep(0.1)
        assert c.sounds() == {0x11: 5}
        await c.hang_up()
        await a.ended()


async def test_an_application_is_taken_over(tmp_path: Path) -> None:
    """The replaced call runs an application: the new one goes on in it."""
    extensions = "[default]\nexten => 700,1,Answer()\n same => n,Echo()\n"
    async with transfer_office(tmp_path, extensions) as (office, (alice, _, carol, _)):
        a = await alice.dial("700")
        c = carol.call("700", extra=f"Replaces: {dialog_of(a)}\r\n")
        await carol.get(100)
        await c.answered()
        await a.ended()
        await asyncio.sleep(0.1)
        await c.speak(10, 0x22)
        await asyncio.sleep(0.2)
        assert c.sounds().get(0x22, 0) >= 8
        await c.hang_up()
        await office.quiet()
        assert not office.system.channels


@pytest.mark.parametrize(
    ("replaces", "status"),
    [
        ("nobody@nowhere;to-tag=1;from-tag=2", 481),
        ("nonsense", 400),
        ("a;to-tag=1;from-tag=2\r\nReplaces: b;to-tag=1;from-tag=2", 400),
    ],
)
async def test_what_replaces_nothing(tmp_path: Path, replaces: str, status: int) -> None:
    """RFC 3891 3: no such dialog, or no Replaces that can be read; there is a channel for a moment, as with Asterisk."""
    async with transfer_office(tmp_path) as (office, (_, _, carol, _)):
        ended: list[events.ChannelHungUp] = []
        office.system.bus.subscribe(events.ChannelHungUp, ended.append)
        c = carol.call("101", extra=f"Replaces: {replaces}\r\n")
        await carol.get(100)
        c.refused(await carol.get(status))
        await office.quiet()
        assert not office.system.channels
        assert [(int(end.channel.hangup_cause), end.channel.extension) for end in ended] == [(0, "101")]


async def test_early_only_spares_an_answered_call(tmp_path: Path) -> None:
    """RFC 3891 3: 486, and the call goes on."""
    async with transfer_office(tmp_path) as (office, (alice, bob, carol, _)):
        a, b = await talk(alice, "101", bob)
        c = carol.call("101", extra=f"Replaces: {dialog_of(b, early_only=True)}\r\n")
        await carol.get(100)
        c.refused(await carol.get(486))
        await office.quiet()
        await a.hang_up()
        await b.ended()


async def test_an_unanswered_call_to_us_is_not_replaced(tmp_path: Path) -> None:
    """RFC 3891 3: an early dialog that the other side began is 481."""
    async with transfer_office(tmp_path) as (_, (alice, bob, carol, _)):
        a = alice.call("101")
        await alice.get(100)
        b = await bob.ring()
        b.reply(180)
        a.to = (await alice.get(180))["To"]
        c = carol.call("101", extra=f"Replaces: {dialog_of(a)}\r\n")
        await carol.get(100)
        c.refused(await carol.get(481))
        await b.answer()
        await a.answered()
        await a.hang_up()
        await b.ended()


async def test_a_replaced_party_does_not_go_on_elsewhere(tmp_path: Path) -> None:
    """Dial options F and g are for other ends: who is replaced is hung up."""
    extensions = "[default]\nexten => 700,1,Dial(PJSIP/bob,20,F(default^600^1)g)\n same => n,Wait(100)\n"
    async with transfer_office(tmp_path, extensions) as (office, (alice, bob, carol, dave)):
        a, b = await talk(alice, "700", bob)
        c = carol.call("101", extra=f"Replaces: {dialog_of(b)}\r\n")
        await carol.get(100)
        await c.answered()
        await b.ended()
        d = dave.call("100", extra=f"Replaces: {dialog_of(a)}\r\n")
        await dave.get(100)
        await d.answered()
        await a.ended()
        await d.hang_up()
        await c.ended()
        await office.quiet()
        assert not office.system.channels
