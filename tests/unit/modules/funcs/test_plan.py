"""func_dialplan, func_evalexten, func_module, func_sysinfo."""

from __future__ import annotations

import pytest

from tests.support.calls import load_dialplan, run_dialplan
from tests.unit.modules.funcs.conftest import Dialplan

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]  # the system's own, which ends with the fixture

PLAN = """
[default]
exten => s,1,Set(R=${EVAL_SUB(sub,1(3))}${ARG1}${EXTEN})
exten => 100,1,NoOp(<${X}>)
 same => n(lab),Return(${X}!)
exten => _2XX,1,NoOp()
exten => sub,1,Set(LOCAL(Y)=$[${ARG1}*2])
 same => n,Wait(1)
 same => n,Return(${Y})
"""


@pytest.mark.parametrize(
    ("place", "value"),
    [("default", "1"), ("none", "0"), ("default,234", "1"), ("default,300", "0"), ("default,100,2", "1"), ("default,100,3", "0"),
     ("default,100,lab", "1"), ("default,100,none", "0")],
)  # fmt: skip
async def test_dialplan_exists(dialplan: Dialplan, place: str, value: str) -> None:
    load_dialplan(dialplan.system, PLAN)
    assert (dialplan.get(f"DIALPLAN_EXISTS({place})"), dialplan.warned) == (value, False)


async def test_the_data_of_an_extension_is_evaluated(dialplan: Dialplan) -> None:
    load_dialplan(dialplan.system, PLAN)
    dialplan.channel.set_variable("X", "fee")
    assert dialplan.get("EVAL_EXTEN(default,100,1)") == "<fee>"
    assert dialplan.get("EVAL_EXTEN(default,100,lab)") == "fee!"
    assert not dialplan.warned
    assert (dialplan.get("EVAL_EXTEN(default,100,7)"), dialplan.warned) == ("", True)


async def test_a_subroutine_is_evaluated_in_the_midst_of_a_text(dialplan: Dialplan) -> None:
    call = await run_dialplan(dialplan.system, PLAN)
    assert call.variables["R"] == "6s"


async def test_modules_are_looked_for(dialplan: Dialplan) -> None:
    assert [dialplan.get(f"IFMODULE({name})") for name in ("func_math.so", "func_math", "nope.so", "")] == ["1", "1", "0", "0"]


async def test_the_machine_is_asked(dialplan: Dialplan) -> None:
    assert int(dialplan.get("SYSINFO(totalram)")) >= int(dialplan.get("SYSINFO(freeram)")) > 0
    assert int(dialplan.get("SYSINFO(numprocs)")) > 0
    assert dialplan.get("SYSINFO(uptime)").isdigit()
    float(dialplan.get("SYSINFO(loadavg)"))
    assert not dialplan.warned
    assert (dialplan.get("SYSINFO(weather)"), dialplan.warned) == ("", True)
