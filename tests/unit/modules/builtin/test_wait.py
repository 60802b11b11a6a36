"""Answer, Wait, WaitDigit, WaitExten, Ringing, Progress and Proceeding."""

from __future__ import annotations

import asyncio

import pytest

from globstar.base.log import Level
from globstar.core.channel import ChannelState
from globstar.core.frame import Control
from globstar.core.generator import Generator
from globstar.core.system import System
from tests.support.calls import Call, load_dialplan, run_dialplan
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(("data", "lasts"), [("", 0.5), ("200", 0.2), (",i", 0), ("abc", 0.5), ("0", 0.5)])
async def test_answer_waits(system: System, data: str, lasts: float) -> None:
    start = system.now()
    with LogCapture():
        call = await run_dialplan(system, f"[default]\nexten => s,1,Answer({data})\n")
    assert system.now() - start == pytest.approx(lasts, abs=0.05)
    assert call.tech.answers == 1
    assert call.channel.state is ChannelState.UP


async def test_answer_twice_answers_once(system: System) -> None:
    start = system.now()
    call = await run_dialplan(system, "[default]\nexten => s,1,Answer()\n same => n,Answer(9000)\n")
    assert call.tech.answers == 1
    assert system.now() - start == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("data", "lasts"), [("1.5", 1.5), ("0", 0), ("-3", 0), ("abc", 0), ("", 0), ("2s", 2)])
async def test_wait_lasts(system: System, data: str, lasts: float) -> None:
    start = system.now()
    await run_dialplan(system, f"[default]\nexten => s,1,Wait({data})\n")
    assert system.now() - start == pytest.approx(lasts, abs=0.05)


async def test_conditions_are_indicated_at_once(system: System) -> None:
    call = await run_dialplan(system, "[default]\nexten => s,1,Progress()\n same => n,Ringing()\n same => n,Proceeding()\n")
    assert call.tech.told == [Control.PROGRESS, Control.RINGING, Control.PROCEEDING]


@pytest.mark.parametrize(
    ("data", "pressed", "result"),
    [
        ("5", "7", {"WAITDIGITSTATUS": "DTMF", "WAITDIGITRESULT": "7"}),
        ("5,12", "92", {"WAITDIGITSTATUS": "DTMF", "WAITDIGITRESULT": "2"}),
        ("5,12", "9", {"WAITDIGITSTATUS": "TIMEOUT"}),
        ("", "#", {"WAITDIGITSTATUS": "DTMF", "WAITDIGITRESULT": "#"}),
        ("soon", "", {"WAITDIGITSTATUS": "ERROR"}),
    ],
)
async def test_wait_digit(system: System, data: str, pressed: str, result: dict[str, str]) -> None:
    load_dialplan(system, f"[default]\nexten => s,1,WaitDigit({data})\n")
    call = Call(system).start()
    with LogCapture():
        await asyncio.sleep(1)
        await call.press(pressed)
        await call.end()
    assert call.variables == result


async def test_wait_digit_of_a_caller_who_hangs_up(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,WaitDigit()\n same => n,NoOp(never)\n")
    call = Call(system).start()
    await asyncio.sleep(1)
    call.hang_up()
    assert (await call.end()).variables == {"WAITDIGITSTATUS": "CANCEL"}
    assert len(call.steps) == 1


EXTENSIONS = "exten => 1,1,NoOp(one)\nexten => 123,1,NoOp(long)\nexten => _9X.,1,NoOp(${EXTEN})\n"


@pytest.mark.parametrize(
    ("pressed", "step", "seconds"),
    [("1", "NoOp(one)", 5.2), ("123", "NoOp(long)", 0.5), ("945", "NoOp(945)", 5.6)],
)
async def test_wait_exten_collects_as_long_as_more_could_match(system: System, pressed: str, step: str, seconds: float) -> None:
    load_dialplan(system, "[default]\nexten => s,1,WaitExten(9)\n" + EXTENSIONS)
    call = Call(system).start()
    await asyncio.sleep(1)
    start = system.now()
    await call.press(pressed)
    assert (await call.end()).steps[-1] == step
    assert system.now() - start == pytest.approx(seconds, abs=0.2)


@pytest.mark.parametrize(
    ("extra", "step"),
    [
        (" same => n,NoOp(next)\nexten => t,1,NoOp(t)\n", "NoOp(next)"),
        ("exten => t,1,NoOp(t)\nexten => e,1,NoOp(e)\n", "NoOp(t)"),
        ("exten => e,1,NoOp(${EXCEPTION(reason)})\n", "NoOp(RESPONSETIMEOUT)"),
        ("", "WaitExten(2)"),
    ],
)
async def test_wait_exten_without_digits(system: System, extra: str, step: str) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(system, "[default]\nexten => s,1,WaitExten(2)\n" + extra)
    assert call.steps[-1] == step
    assert bool(log.records) is (extra == "")


async def test_wait_exten_plays_dial_tone_until_the_first_digit(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,WaitExten(9,d)\nexten => 1,1,Wait(1)\n")
    call = Call(system).start()
    await asyncio.sleep(1)
    assert isinstance(call.channel.generator, Generator)
    await call.press("1")
    assert call.channel.generator is None
    await call.end()


async def test_wait_exten_takes_the_response_timeout(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,WaitExten()\nexten => t,1,NoOp()\n")
    call = Call(system)
    call.channel.response_timeout = 3
    start = system.now()
    await call.run()
    assert system.now() - start == pytest.approx(3, abs=0.1)
