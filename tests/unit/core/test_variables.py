"""Channel and global variables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from globstar.core.settings import Options
from globstar.core.variables import split_name
from tests.support.calls import Call, load_dialplan, run_dialplan
from tests.support.switch import running_system


@pytest_asyncio.fixture
async def call(tmp_path: Path) -> AsyncIterator[Call]:
    async with running_system(tmp_path) as system:
        yield Call(system)
        for channel in list(system.channels.values()):
            channel.hangup()


@pytest.mark.parametrize(
    ("name", "parts"), [("X", ("X", 0)), ("_X", ("X", 1)), ("__X", ("X", 2)), ("___X", ("_X", 2)), ("", ("", 0))]
)
def test_underscores_say_how_far_a_variable_goes(name: str, parts: tuple[str, int]) -> None:
    assert split_name(name) == parts


async def test_names_are_case_sensitive_and_underscores_no_part_of_them(call: Call) -> None:
    variables = call.channel.variables
    variables.set("__Trunk", "a")
    assert (variables.get("Trunk"), variables.get("trunk"), variables.get("__Trunk")) == ("a", None, None)
    assert call.set == [("__Trunk", "a")]


async def test_builtin_variables_win_and_globals_come_last(call: Call) -> None:
    channel = call.channel
    channel.system.globals.set("G", "global")
    channel.set_variable("EXTEN", "999")
    assert channel.get_variable("EXTEN") == "s"
    assert channel.get_variable("G") == "global"
    channel.set_variable("G", "")
    assert channel.get_variable("G") == ""
    channel.variables.delete("G")
    assert channel.get_variable("G") == "global"
    assert channel.get_variable("EPOCH") == "1700000000"
    assert channel.get_variable("NOPE") is None


async def test_setting_again_makes_a_variable_the_newest_and_sets_its_reach(call: Call) -> None:
    variables = call.channel.variables
    for name, value in (("__A", "1"), ("B", "2"), ("A", "3")):
        variables.set(name, value)
    assert list(variables) == [("B", "2"), ("A", "3")]
    assert variables.inheritance("A") == 0


async def test_inheritance_is_newest_first_and_drops_one_underscore(call: Call) -> None:
    for name in ("A", "_B", "__C"):
        call.channel.set_variable(name, name)
    child = Call(call.system, name="Scripted/2")
    call.channel.variables.inherit_to(child.channel)
    assert child.set == [("__C", "__C"), ("B", "_B")]
    grandchild = Call(call.system, name="Scripted/3")
    child.channel.variables.inherit_to(grandchild.channel)
    assert grandchild.set == [("__C", "__C")]


async def test_unset_tells_only_of_what_had_a_value(call: Call) -> None:
    variables = call.channel.variables
    variables.set("A", "1")
    variables.set("B", "")
    call.set.clear()
    for name in ("A", "B", "C"):
        variables.unset(name)
    assert call.set == [("A", "")]
    assert len(variables) == 0


async def test_assign_tells_nobody(call: Call) -> None:
    call.channel.variables.assign("_A", "1")
    assert call.set == []
    assert call.channel.variables.inheritance("A") == 1


async def test_globals_drop_underscores_and_can_be_cleared(call: Call) -> None:
    variables = call.system.globals
    variables.set("__G", "1")
    assert variables.get("G") == "1"
    assert ("G", "1") in list(variables)
    variables.clear()
    assert len(variables) == 0


async def test_the_folders_of_asterisk_conf_can_be_read_and_not_set(call: Call) -> None:
    """ASTETCDIR and the others; ASTDBDIR is the data base without its ending, as observed."""
    directories = call.system.directories
    plan = "[default]\nexten => s,1,Set(ASTLOGDIR=elsewhere)\n"
    plan += " same => n,Set(PLACES=${ASTETCDIR} ${ASTMODDIR} ${ASTVARLIBDIR} ${ASTDATADIR} ${ASTKEYDIR} ${ASTAGIDIR})\n"
    plan += " same => n,Set(MORE=${ASTCACHEDIR} ${ASTSPOOLDIR} ${ASTRUNDIR} ${ASTLOGDIR} ${ASTSBINDIR} ${ASTDBDIR})\n"
    load_dialplan(call.system, plan)
    await call.run()
    assert call.variables["PLACES"].split(" ") == [
        directories.astetcdir, directories.astmoddir, directories.astvarlibdir, directories.astdatadir, directories.astkeydir,
        directories.astagidir,
    ]  # fmt: skip
    assert call.variables["MORE"].split(" ") == [
        directories.astcachedir, directories.astspooldir, directories.astrundir, directories.astlogdir, directories.astsbindir,
        f"{directories.astdbdir}/astdb",
    ]  # fmt: skip


async def test_names_of_the_system_can_be_read(tmp_path: Path) -> None:
    options = Options(systemname="north", entityid="00:11:22:33:44:55")
    async with running_system(tmp_path, options=options) as system:
        call = await run_dialplan(system, "[default]\nexten => s,1,Set(R=${SYSTEMNAME} ${ENTITYID})\n")
        assert call.variables["R"] == "north 00:11:22:33:44:55"


async def test_what_a_network_said_of_the_caller_can_be_read(call: Call) -> None:
    """CALLINGPRES, CALLINGANI2, CALLINGTON and CALLINGTNS are what CALLERID() sets under other names."""
    plan = "[default]\nexten => s,1,Set(BEFORE=${CALLINGPRES} ${CALLINGANI2} ${CALLINGTON} ${CALLINGTNS})\n"
    plan += " same => n,Set(CALLERID(pres)=prohib)\n same => n,Set(CALLERID(ani2)=62)\n same => n,Set(CALLERID(ton)=33)\n"
    plan += " same => n,Set(CALLERID(num)=100)\n same => n,Set(CALLINGPRES=0)\n"
    plan += " same => n,Set(AFTER=${CALLINGPRES} ${CALLINGANI2} ${CALLINGTON} ${CALLINGTNS})\n"
    load_dialplan(call.system, plan)
    call.channel.dialed.transit_network_select = 5
    await call.run()
    assert call.variables["BEFORE"] == "67 0 0 5"  # there is no number
    assert call.variables["AFTER"] == "35 62 33 5"


async def test_the_hint_of_the_own_extension_can_be_read(call: Call) -> None:
    """HINT and HINTNAME, nothing where there is none."""
    plan = "[default]\nexten => s,hint,Test/1&Test/2,Front desk\nexten => s,1,Set(R=${HINT}|${HINTNAME})\n"
    load_dialplan(call.system, plan + " same => n,Goto(t,1)\nexten => t,1,Set(NONE=<${HINT}|${HINTNAME}>)\n")
    await call.run()
    assert (call.variables["R"], call.variables["NONE"]) == ("Test/1&Test/2|Front desk", "<|>")


class _Maker:
    """Gives values that tell how often and for what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, name: str) -> str:
        self.asked.append(name)
        return f"{name} of {len(self.asked)}"


async def test_a_value_for_later_is_made_once_when_it_is_asked_for(call: Call) -> None:
    variables, maker = call.channel.variables, _Maker()
    variables.set_later(("A", "B", "C"), maker)
    assert maker.asked == []
    assert (variables.has_own("A"), variables.has_own("D"), len(variables)) == (True, False, 3)
    assert (variables.get("B"), variables.get("B"), variables.own("B")) == ("B of 1", "B of 1", "B of 1")
    assert variables.own("A") == "A of 2"
    assert list(variables) == [("A", "A of 2"), ("B", "B of 1"), ("C", "C of 3")], "who lists them makes the rest"
    assert maker.asked == ["B", "A", "C"]


async def test_a_value_for_later_gives_way_to_what_is_set_or_deleted(call: Call) -> None:
    variables, maker = call.channel.variables, _Maker()
    variables.set_later(("A", "B", "C", "D"), maker)
    variables.set("A", "own")
    variables.assign("B", "assigned")
    variables.delete("C")
    variables.unset("D")
    assert [variables.get(name) for name in "ABCD"] == ["own", "assigned", None, None]
    assert list(variables) == [("A", "own"), ("B", "assigned")]
    assert maker.asked == []
    variables.set_later(("A", "C"), maker)
    assert list(variables) == [("B", "assigned"), ("A", "A of 1"), ("C", "C of 2")], "set again, they are the newest"


async def test_a_value_for_later_is_not_inherited_even_if_one_of_its_name_was(call: Call) -> None:
    channel, maker = call.channel, _Maker()
    channel.set_variable("__A", "inherited")
    channel.set_variable("__B", "inherited")
    channel.variables.set_later(("A",), maker)
    child = Call(channel.system, name="Scripted/2").channel
    channel.variables.inherit_to(child)
    assert list(child.variables) == [("__B", "inherited")]
    assert (channel.variables.inheritance("A"), maker.asked) == (0, [])


async def test_copies_have_values_for_later_as_they_are(call: Call) -> None:
    channel, maker = call.channel, _Maker()
    channel.variables.set_later(("A", "B"), maker)
    other = Call(channel.system, name="Scripted/2").channel
    channel.variables.copy_to(other)
    assert list(other.variables) == [("A", "A of 1"), ("B", "B of 2")]
    assert list(channel.variables) == list(other.variables)


async def test_older_variables_do_not_touch_values_for_later(call: Call) -> None:
    channel, maker = call.channel, _Maker()
    channel.variables.set_later(("A", "B"), maker)
    parent = Call(channel.system, name="Scripted/2").channel
    parent.set_variable("__B", "older")
    parent.set_variable("__C", "older")
    parent.variables.inherit_to(channel)
    assert list(channel.variables) == [("__B", "older"), ("__C", "older"), ("A", "A of 1")]


@pytest.mark.parametrize("is_watched", [True, False])
async def test_variables_that_are_set_together_are_set_in_order(call: Call, is_watched: bool) -> None:
    variables = call.channel.variables
    variables.set("B", "old")
    variables.set("__C", "inherited")
    call.set.clear()
    if not is_watched:
        call.channel.system.heard.variable_set.clear()
    variables.set_all({"A": "1", "B": "2"})
    assert list(variables) == [("__C", "inherited"), ("A", "1"), ("B", "2")]
    variables.set_all({"C": "3", "A": ""})
    assert list(variables) == [("B", "2"), ("C", "3"), ("A", "")]  # C is not inherited any more
    assert call.set == ([("A", "1"), ("B", "2"), ("C", "3"), ("A", "")] if is_watched else [])


@pytest.mark.parametrize("is_watched", [True, False])
async def test_only_what_is_not_empty_is_made_empty(call: Call, is_watched: bool) -> None:
    variables = call.channel.variables
    variables.set_all({"A": "1", "B": "", "D": "4"})
    call.set.clear()
    if not is_watched:
        call.channel.system.heard.variable_set.clear()
    variables.make_empty(("A", "B", "C"))
    assert list(variables) == [("B", ""), ("D", "4"), ("A", "")]
    assert call.set == ([("A", "")] if is_watched else [])
