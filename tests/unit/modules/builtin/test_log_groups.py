"""LOG_GROUP(): while a group is shown, the details of other calls are not logged."""

from __future__ import annotations

import pytest

from globstar.base.log import Level, hub
from globstar.core.cli import run_command
from globstar.core.system import System
from tests.support.calls import Call, load_dialplan
from tests.support.switch import LogCapture

PLAN = """[default]
exten => s,1,Set(LOG_GROUP()=vip)
 same => n,Verbose(1,inside)
 same => n,Set(LOG_GROUP()=)
 same => n,Verbose(1,out again)
 same => n,Log(NOTICE,told anyway)
[other]
exten => s,1,Verbose(1,of another)
"""


async def test_only_the_details_of_the_group_are_logged(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "verbosity", 1)
    load_dialplan(system, PLAN)
    await run_command(system, "logger filter changroup vip on")
    one, two = Call(system), Call(system, "other", name="Scripted/2")
    one.channel.call_id, two.channel.call_id = "C-00000001", "C-00000002"
    with LogCapture(Level.VERBOSE | Level.NOTICE) as log:
        await one.run()
        await two.run()
    texts = "\n".join(record.message for record in log.records)
    assert [text for text in ("inside", "out again", "told anyway", "of another") if text in texts] == ["inside", "told anyway"]
    await run_command(system, "logger filter reset")


async def test_a_group_is_of_a_channel(system: System) -> None:
    with LogCapture() as log:
        system.functions.write(None, "LOG_GROUP", "", "vip")
    assert log.texts(Level.WARNING)
