"""What actions do to the sound of a channel, and what they send to its endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.channel import Channel
from tests.support.ami_world import ami_world

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(("direction", "ways"), [("in", (1, 0)), ("out", (0, 1)), ("all", (1, 1))])
async def test_muteaudio_and_its_end(tmp_path: Path, direction: str, ways: tuple[int, int]) -> None:
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        channel = call.channel
        for _ in range(2):  # twice is once
            assert await ami.message("MuteAudio", Channel=channel.name, Direction=direction, State="on") == "Success"
        assert (len(channel.read_hooks), len(channel.write_hooks)) == ways
        assert await ami.message("MuteAudio", Channel=channel.name, Direction="all", State="off") == "Success"
        assert (len(channel.read_hooks), len(channel.write_hooks)) == (0, 0)


async def test_muteaudio_as_a_function_and_what_is_refused(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        name = call.channel.name
        assert await ami.message("Setvar", Channel=name, Variable="MUTEAUDIO(out)", Value="1") == "Success: Variable Set"
        assert len(call.channel.write_hooks) == 1
        assert await ami.message("Setvar", Channel=name, Variable="MUTEAUDIO(up)", Value="1") == "Error: Operation failed"
        assert await ami.message("MuteAudio", Channel=name, Direction="bad", State="on") == "Error: Failed to mute/unmute stream"
        assert await ami.message("MuteAudio", Channel=name, Direction="in") == "Error: State not specified"
        assert await ami.message("MuteAudio", Channel=name, State="on") == "Error: Direction not specified"
        assert await ami.message("MuteAudio", Direction="in", State="on") == "Error: Channel not specified"
        assert await ami.message("MuteAudio", Channel="none", Direction="in", State="on") == "Error: No such channel"


def variable(channel: Channel, name: str) -> str:
    return channel.variables.get(name) or ""


async def test_controlplayback(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call = ami.world.tech.phones["alice"].dials("300")
        await ami.world.settle(5.0)
        name = call.channel.name
        for command in ("pause", "pause", "restart", "forward", "forward", "reverse"):
            assert await ami.message("ControlPlayback", Channel=name, Control=command) == "Success"
        assert await ami.message("ControlPlayback", Channel=name, Control="stop") == "Success"
        await ami.world.settle(0.1)
        assert variable(call.channel, "CPLAYBACKSTATUS") == "REMOTESTOPPED"
        assert 2500 <= int(variable(call.channel, "CPLAYBACKOFFSET")) <= 3600
        nothing = "Error: The channel plays nothing that can be controlled"
        assert await ami.message("ControlPlayback", Channel=name, Control="stop") == nothing
        assert await ami.message("ControlPlayback", Channel=name, Control="faster") == "Error: Unknown control type"
        assert await ami.message("ControlPlayback", Channel=name) == "Error: Control type not specified"
        assert await ami.message("ControlPlayback", Control="stop") == "Error: Channel not specified"


async def test_sendflash_and_playmf(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        name = call.channel.name
        assert await ami.message("SendFlash", Channel=name) == "Success: Flash successfully queued"
        assert not ami.world.seen(events.ChannelFlashed)
        assert await ami.message("SendFlash", Channel=name, Receive="true") == "Success: Flash successfully queued"
        assert [event.channel for event in ami.world.seen(events.ChannelFlashed)] == [call.channel]
        assert await ami.message("PlayMF", Channel=name, Digit="5") == "Success: MF successfully queued"
        assert call.channel.generator is not None
        assert await ami.message("PlayMF", Channel=name, Digit="x") == "Error: Invalid digit"
        assert (
            await ami.message("PlayMF", Channel=name, Digit="5", Duration="long") == "Error: Could not convert Duration parameter"
        )
        assert await ami.message("PlayMF", Channel=name) == "Error: No digit specified"


async def test_aocmessage_reaches_the_endpoint_and_who_listens(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        name = call.channel.name
        await ami.ask("Events", EventMask="aoc")
        amount = {"ChargeType": "Currency", "CurrencyAmount": "125", "CurrencyMultiplier": "OneHundredth", "CurrencyName": "EUR"}
        answer = await ami.message("AOCMessage", Channel=name, MsgType="D", TotalType="SubTotal", **amount)
        assert answer == "Success: AOC Message successfully queued on channel"
        (event,) = ami.world.seen(events.ChargeAdvised)
        assert str(event.advice.amount) == "1.25"
        assert event.advice.currency == "EUR"
        assert not event.advice.is_total
        for headers, problem in (
            ({"MsgType": "X", "ChargeType": "NA"}, "Invalid MsgType"),
            ({"MsgType": "E", "ChargeType": "Gold"}, "Invalid ChargeType"),
            ({"MsgType": "E", "ChargeType": "Unit"}, "Invalid UnitAmount(0)"),
            ({"MsgType": "E", **amount, "CurrencyAmount": "-1"}, "Invalid CurrencyAmount"),
            ({"MsgType": "E", **amount, "CurrencyMultiplier": "Million"}, "Invalid CurrencyMultiplier"),
            ({"MsgType": "E", "ChargeType": "FREE", "AOCBillingId": "Never"}, "Invalid AOCBillingId"),
            ({"MsgType": "E", "ChargeType": "Unit", "UnitAmount(0)": "1", "UnitType(0)": "17"}, "Invalid UnitType(0)"),
            ({"MsgType": "E", "ChargeType": "FREE", "ChargingAssociationId": "40000"}, "Invalid ChargingAssociationId"),
            ({"MsgType": "E", "ChargeType": "FREE", "ChargingAssociationPlan": "x"}, "Invalid ChargingAssociationPlan"),
        ):
            assert await ami.message("AOCMessage", Channel=name, **headers) == f"Error: {problem}"


async def test_units_and_the_call_that_charges_belong_to(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        units = {"MsgType": "E", "ChargeType": "Unit", "UnitAmount(0)": "7", "UnitAmount(1)": "2", "UnitType(0)": "3"}
        ami.client.take()
        await ami.message("AOCMessage", Channel=call.channel.name, **units, ChargingAssociationNumber="5551000")
        await ami.message("AOCMessage", Channel=call.channel.name, **units, ChargingAssociationId="-12")
        await ami.message("AOCMessage", Channel=call.channel.name, **units | {"MsgType": "D"}, ChargingAssociationId="1")
        advices = [event.advice for event in ami.world.seen(events.ChargeAdvised)]
        spec = ami.world.system.registry("manager event").get("ChargeAdvised")
        assert spec is not None
        told = [next(iter(spec.translate(events.ChargeAdvised(call.channel, advice)))) for advice in advices]
        of_units = [
            ("Charge", ""), ("Type", "Units"), ("BillingID", "NotAvailable"), ("TotalType", "Total"), ("Units", ""),
            ("NumberOf", "9"), ("TypeOf", "3"),
        ]  # fmt: skip
        shown = [event.fields[event.fields.index(("Linkedid", call.channel.linked_id)) + 1 :] for event in told]
        assert shown[0] == [("ChargingAssociation", ""), ("Number", "5551000"), ("Plan", "0"), *of_units]
        assert shown[1] == [("ChargingAssociation", ""), ("ID", "-12"), *of_units]
        assert shown[2] == of_units  # only what is charged in the end belongs to another call
