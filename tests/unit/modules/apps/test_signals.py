"""Waiting for other things than digits: Signal, WaitForCondition, WaitUntil, WaitForRing; SendDTMF, Transfer, texts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from globstar.base.log import Level
from globstar.core.channel import Channel
from globstar.core.frame import Control, Frame, FrameType, TransferResult, control
from globstar.core.system import System
from tests.support.calls import Call, ScriptedTech, load_dialplan, run_dialplan
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time


async def test_a_signal_lets_all_go_on_that_wait_for_it(system: System) -> None:
    plan = (
        "[wait]\nexten => s,1,WaitForSignal(door,60)\n[other]\nexten => s,1,WaitForSignal(window,60)\n"
        "[send]\nexten => s,1,Signal(door,open, wide)\n same => n,Signal(door)\n"
    )
    load_dialplan(system, plan)
    first, second = Call(system, "wait").start(), Call(system, "wait", name="Scripted/2").start()
    other = Call(system, "other", name="Scripted/3").start()
    await asyncio.sleep(1)
    sender = await Call(system, "send", name="Scripted/4").run()
    assert [value for _, value in sender.set] == ["SUCCESS", "FAILURE"]
    for call in (first, second):
        assert (await call.end()).variables == {"WAITFORSIGNALPAYLOAD": "open, wide", "WAITFORSIGNALSTATUS": "SIGNALED"}
    assert (await other.end()).variables == {"WAITFORSIGNALSTATUS": "TIMEOUT"}


async def test_waiting_for_a_signal_ends_with_the_call(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,WaitForSignal(door)\n[send]\nexten => s,1,Signal(door)\n")
    call = Call(system).start()
    await asyncio.sleep(1)
    call.hang_up()
    assert (await call.end()).variables == {"WAITFORSIGNALSTATUS": "HANGUP"}
    assert (await Call(system, "send", name="Scripted/2").run()).variables == {"SIGNALSTATUS": "FAILURE"}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ('#,#["#{READY}"="yes"],10', "TRUE"),
        ("#,#[1=2],2", "TIMEOUT"),
        ("#,1", "TRUE"),
        ("##,1", "FAILURE"),
        ("#", "FAILURE"),
        ('%,%["%{READY}"="yes"],10,3', "TRUE"),
    ],
)
async def test_wait_for_condition(system: System, arguments: str, status: str) -> None:
    load_dialplan(system, f"[default]\nexten => s,1,WaitForCondition({arguments})\n")
    call = Call(system).start()
    with LogCapture():
        await asyncio.sleep(1)
        call.channel.set_variable("READY", "yes")
        await call.end()
    assert call.variables["WAITFORCONDITIONSTATUS"] == status


@pytest.mark.parametrize(
    ("epoch", "status", "lasts"), [("1700000010.5", "OK", 10.5), ("1699999999", "PAST", 0), ("soon", "FAILURE", 0)]
)
async def test_wait_until(system: System, epoch: str, status: str, lasts: float) -> None:
    start = system.now()
    with LogCapture():
        call = await run_dialplan(system, f"[default]\nexten => s,1,WaitUntil({epoch})\n")
    assert call.variables == {"WAITUNTILSTATUS": status}
    assert system.now() - start == pytest.approx(lasts, abs=0.05)


async def test_wait_for_ring_counts_only_rings_after_the_time(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,WaitForRing(2)\n same => n,NoOp(rang)\n")
    call = Call(system).start()
    start = system.now()
    for _ in range(3):
        await asyncio.sleep(0.9)
        call.channel.deliver(control(Control.RING))
    await call.end()
    assert system.now() - start == pytest.approx(2.7, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "digits", "lasts"),
    [
        ("12", [("1", 100), ("2", 100)], 0.7),
        ("1w2W", [("1", 100), ("2", 100)], 2.2),
        ("1,100,300", [("1", 300)], 0.4),
        ("1,,10", [("1", 80)], 0.33),
        ("aB", [("A", 100), ("B", 100)], 0.7),
    ],
)
async def test_send_dtmf(system: System, arguments: str, digits: list[tuple[str, int]], lasts: float) -> None:
    start = system.now()
    call = await run_dialplan(system, f"[default]\nexten => s,1,SendDTMF({arguments})\n")
    assert call.tech.digits == digits
    assert system.now() - start == pytest.approx(lasts, abs=0.05)


async def test_send_dtmf_to_another_channel_and_flash(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,SendDTMF(5f,,,Scripted/2)\n[other]\nexten => s,1,Wait(9)\n")
    other = Call(system, "other", name="Scripted/2").start()
    call = await Call(system).run()
    assert call.tech.digits == []
    assert other.tech.digits == [("5", 100)]
    assert other.tech.told == [Control.FLASH]
    await other.end()


async def test_send_dtmf_mistakes_are_warned_of(system: System) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(
            system, "[default]\nexten => s,1,SendDTMF()\n same => n,SendDTMF(1,,,nobody)\n same => n,SendDTMF(x)\n"
        )
    assert len(call.steps) == 3
    assert len(log.records) == 3


class ReferringTech(ScriptedTech):
    """Can transfer; the result comes a second later."""

    def __init__(self, result: TransferResult) -> None:
        super().__init__()
        self.result = result
        self.destination = ""

    def transfer(self, channel: Channel, destination: str) -> bool:
        self.destination = destination
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, channel.deliver, control(Control.TRANSFER, TransferResult.PROGRESS))
        loop.call_later(1, channel.deliver, control(Control.TRANSFER, self.result))
        return True

    def channel_read(self, channel: Channel, item: str) -> str | None:
        return "486" if item == "transfer_result" and self.result is TransferResult.FAILED else None


@pytest.mark.parametrize(
    ("data", "result", "status", "code", "destination"),
    [
        ("bob", TransferResult.SUCCESS, "SUCCESS", "0", "bob"),
        ("Scripted/bob", TransferResult.SUCCESS, "SUCCESS", "0", "bob"),
        ("bob", TransferResult.FAILED, "FAILURE", "486", "bob"),
        ("SIP/bob", TransferResult.SUCCESS, "UNSUPPORTED", "0", ""),
        ("", TransferResult.SUCCESS, "FAILURE", "0", ""),
    ],
)
async def test_transfer(system: System, data: str, result: TransferResult, status: str, code: str, destination: str) -> None:
    load_dialplan(system, f"[default]\nexten => s,1,Transfer({data})\n")
    call = Call(system)
    tech = ReferringTech(result)
    call.channel.tech = tech
    with LogCapture():
        await call.run()
    assert call.variables == {"TRANSFERSTATUS": status, "TRANSFERSTATUSPROTOCOL": code}
    assert tech.destination == destination


async def test_transfer_that_a_technology_cannot_do(system: System) -> None:
    call = await run_dialplan(system, "[default]\nexten => s,1,Transfer(bob)\n")
    assert call.variables["TRANSFERSTATUS"] == "UNSUPPORTED"


async def test_texts_go_both_ways(system: System) -> None:
    plan = "[default]\nexten => s,1,SendText(hello, world)\n same => n,ReceiveText(5)\n same => n,NoOp(${RECEIVETEXTMESSAGE})\n"
    load_dialplan(system, plan)
    call = Call(system).start()
    await asyncio.sleep(1)
    call.channel.deliver(Frame(FrameType.TEXT, 0, "hi"))
    await call.end()
    assert call.tech.texts == ["hello, world"]
    assert call.steps[-1] == "NoOp(hi)"
    assert call.variables["SENDTEXTSTATUS"] == call.variables["RECEIVETEXTSTATUS"] == "SUCCESS"


@pytest.mark.parametrize(("step", "name", "status"), [
    ("SendText()", "SENDTEXTSTATUS", "FAILURE"), ("ReceiveText()", "RECEIVETEXTSTATUS", "FAILURE"),
    ("ReceiveText(1)", "RECEIVETEXTSTATUS", "FAILURE"),
])  # fmt: skip
async def test_no_text(system: System, step: str, name: str, status: str) -> None:
    with LogCapture():
        call: Any = await run_dialplan(system, f"[default]\nexten => s,1,{step}\n")
    assert call.variables[name] == status
