"""func_callerid: CALLERID, CONNECTEDLINE and REDIRECTING."""

from __future__ import annotations

import pytest

from globstar.core import events
from globstar.core.frame import Control
from globstar.core.functions import FunctionError
from tests.unit.modules.funcs.conftest import Dialplan

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]  # the system's own, which ends with the fixture


@pytest.mark.parametrize(
    ("item", "written", "value"),
    [
        ("all", '"Ann Lee" <555-12 (3)>', '"Ann Lee" <555123>'),
        ("all", "A <sip:x@y>", '"A" <sip:x@y>'),
        ("all", "", '"" <>'),
        ("num", " 789 ", "789"),
        ("NAME", "O'Neil", "O'Neil"),
        ("num-valid", "0", "0"),
        ("num-plan", "17", "17"),
        ("ton", "33", "33"),
        ("pres", "prohib", "prohib"),
        ("pres", "35", "prohib"),
        ("name-charset", "utf8", "utf8"),
        ("tag", "t", "t"),
        ("subaddr", "99", "99"),
        ("subaddr-odd", "1", "1"),
        ("ani", "1", "1"),
        ("ani-all", '"B" <2>', '"B" <2>'),
        ("ani2", "23", "23"),
        ("dnid", "444", "444"),
        ("dnid-num-plan", "9", "9"),
        ("dnid-subaddr-type", "2", "2"),
        ("rdnis", "555", "555"),
        ("priv-name", "P", "P"),
    ],
)
async def test_caller_id_gives_back_what_was_written(dialplan: Dialplan, item: str, written: str, value: str) -> None:
    dialplan.set("CALLERID(all)", '"X" <1>')
    dialplan.set(f"CALLERID({item})", written)
    assert (dialplan.get(f"CALLERID({item})"), dialplan.warned) == (value, False)


async def test_the_combined_presentation_is_that_of_the_part_that_says_most(dialplan: Dialplan) -> None:
    dialplan.set("CALLERID(all)", '"X" <1>')
    dialplan.set("CALLERID(name-pres)", "unavailable")
    assert dialplan.get("CALLERID(pres)") == "allowed_not_screened"
    dialplan.set("CALLERID(num-pres)", "prohib_not_screened")
    assert dialplan.get("CALLERID(pres)") == "prohib_not_screened"
    dialplan.set("CALLERID(num-valid)", "0")
    assert dialplan.get("CALLERID(pres)") == "unavailable"


async def test_a_given_caller_id_is_taken_apart(dialplan: Dialplan) -> None:
    assert dialplan.get('CALLERID(name,"Bo, B" <42>)') == "Bo, B"
    assert dialplan.get('CALLERID(num,"Bo" <42>)') == "42"
    assert not dialplan.warned
    assert dialplan.get('CALLERID(pres,"Bo" <42>)') == ""
    assert dialplan.warned


@pytest.mark.parametrize("function", ["CALLERID", "CONNECTEDLINE", "REDIRECTING"])
@pytest.mark.parametrize("item", ["bogus", "", "priv-", "dnid-bogus"])
async def test_unknown_items_are_refused(dialplan: Dialplan, function: str, item: str) -> None:
    assert (dialplan.get(f"{function}({item})"), dialplan.warned) == ("", True)
    with pytest.raises(FunctionError):
        dialplan.set(f"{function}({item})", "1")


@pytest.mark.parametrize(
    ("item", "value"), [("pres", "bogus"), ("num-plan", "x"), ("name-charset", "klingon"), ("num-pres", "99")]
)
async def test_values_that_cannot_be_are_refused(dialplan: Dialplan, item: str, value: str) -> None:
    before = dialplan.get(f"CALLERID({item})")
    with pytest.raises(FunctionError):
        dialplan.set(f"CALLERID({item})", value)
    assert dialplan.get(f"CALLERID({item})") == before


async def test_a_changed_caller_id_is_told(dialplan: Dialplan) -> None:
    told: list[object] = []
    dialplan.system.bus.subscribe(events.CallerIdChanged, told.append)
    dialplan.set("CALLERID(num)", "5")
    dialplan.set("CALLERID(ani)", "6")
    assert len(told) == 1


async def test_the_endpoint_is_told_of_the_connected_line_unless_inhibited(dialplan: Dialplan) -> None:
    dialplan.set("CONNECTEDLINE(num,i)", "77")
    assert dialplan.call.tech.told == []
    dialplan.set("CONNECTEDLINE(source,i)", "transfer_alerting")
    dialplan.set("CONNECTEDLINE(name)", "Zed")
    assert dialplan.call.tech.told == [Control.CONNECTED_LINE]
    assert dialplan.get("CONNECTEDLINE(all)") == '"Zed" <77>'
    assert dialplan.get("CONNECTEDLINE(source)") == "transfer_alerting"
    with pytest.raises(FunctionError):
        dialplan.set("CONNECTEDLINE(source)", "rumour")


@pytest.mark.parametrize(
    ("written", "reason", "warned"),
    [("cfb", "cfb", False), ("unconditional", "cfu", False), ("2", "cfnr", False), ("send_to_vm", "send_to_vm", False),
     ("nonsense", "nonsense", True), ("99", "99", True)],
)  # fmt: skip
async def test_reasons_of_redirection(dialplan: Dialplan, written: str, reason: str, warned: bool) -> None:
    dialplan.set("REDIRECTING(reason,i)", written)
    assert (dialplan.get("REDIRECTING(reason)"), dialplan.warned) == (reason, warned)


async def test_redirecting_parties_are_separate(dialplan: Dialplan) -> None:
    items = ["orig-num", "from-num", "to-num", "priv-orig-num", "priv-from-num", "priv-to-num", "count"]
    for number, item in enumerate(items):
        dialplan.set(f"REDIRECTING({item},i)", str(number))
    assert [dialplan.get(f"REDIRECTING({item})") for item in items] == [str(number) for number in range(len(items))]
    assert dialplan.get("CALLERID(rdnis)") == "1"
    assert dialplan.call.tech.told == []
    dialplan.set("REDIRECTING(pres)", "prohib")
    assert dialplan.get("REDIRECTING(from-pres)") == "prohib"
    assert dialplan.call.tech.told == [Control.REDIRECTING]
