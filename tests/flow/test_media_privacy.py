"""PrivacyManager: how often and how long a number is asked for, which numbers count, and who is not asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.party import PartyId
from globstar.core.system import System
from tests.support.phone import Phone, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

PLAN = """[default]
exten => s,1,PrivacyManager({arguments})
same => n,NoOp(${{PRIVACYMGRSTATUS}} ${{CALLERID(num)}} ${{CALLERID(name)}})
[known]
exten => _12XX,1,NoOp()
"""


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    for index, name in enumerate(("unident", "prompt", "incorrect", "thankyou")):
        sound(tmp_path / "data" / "sounds" / "en", f"privacy-{name}", noise(0.3, 400 + index))
    async with media_system(tmp_path, modules=["app_privacy", "func_callerid"]) as system:
        yield system


async def asked(system: System, arguments: str, *entries: str, caller: PartyId | None = None) -> Phone:
    """A caller who enters something each time it is asked."""
    phone = Phone(system, name=f"Phone/{system.now()}", caller=caller or PartyId()).start(PLAN.format(arguments=arguments))
    for entry in entries:
        await phone.prompt("privacy-prompt")
        await phone.press(entry)
    return await phone.end()


@pytest.mark.parametrize(
    ("arguments", "entries", "prompts", "result"),
    [
        ("", ["5551234567#"], "prompt thankyou", "SUCCESS 5551234567 Privacy Manager"),
        ("", ["1#", "12#", "123#"], "prompt incorrect prompt incorrect prompt incorrect", "FAILED  "),
        ("2", ["1#", "5551234567#"], "prompt incorrect prompt thankyou", "SUCCESS 5551234567 Privacy Manager"),
        ("2", ["1#", "12#"], "prompt incorrect prompt incorrect", "FAILED  "),
        ("1,4", ["123#"], "prompt incorrect", "FAILED  "),
        ("1,4", ["1234#"], "prompt thankyou", "SUCCESS 1234 Privacy Manager"),
        ("2,4,,known", ["9999#", "1234#"], "prompt incorrect prompt thankyou", "SUCCESS 1234 Privacy Manager"),
        ("1,4", [""], "prompt incorrect", "FAILED  "),
    ],
)
async def test_attempts_length_and_context(system: System, arguments: str, entries: list[str], prompts: str, result: str) -> None:
    phone = await asked(system, arguments, *entries)
    assert phone.prompts == ["privacy-unident", *(f"privacy-{name}" for name in prompts.split())]
    assert phone.steps[-1] == f"NoOp({result})"
    assert phone.answered_at is not None


async def test_who_has_a_number_is_not_asked(system: System) -> None:
    phone = await asked(system, "1,4", caller=PartyId.of("Ann", "100"))
    assert (phone.prompts, phone.steps[-1], phone.answered_at) == ([], "NoOp(SUCCESS 100 Ann)", None)


@pytest.mark.parametrize("arguments", ["x", "0", "1,x", "-1,-2"])
async def test_numbers_that_make_no_sense_are_told_and_the_usual_ones_count(system: System, arguments: str) -> None:
    with LogCapture() as log:
        phone = await asked(system, arguments, "5551234567#")
    assert any("is not greater than zero" in text for text in log.texts(Level.WARNING))
    assert phone.steps[-1] == "NoOp(SUCCESS 5551234567 Privacy Manager)"


async def test_a_caller_who_hangs_up_while_asked(system: System) -> None:
    phone = Phone(system, caller=PartyId()).start(PLAN.format(arguments="3"))
    await phone.prompt("privacy-prompt")
    await phone.press("12")
    phone.hang_up()
    await phone.end()
    assert phone.steps == ["PrivacyManager(3)"]
    assert not phone.channel.caller.id.number.valid
