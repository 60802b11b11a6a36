"""func_strings."""

from __future__ import annotations

import time

import pytest

from globstar.core.functions import FunctionError
from tests.unit.modules.funcs.conftest import Dialplan

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]  # the system's own, which ends with the fixture


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("LEN()", "0"),
        ("LEN(é)", "2"),
        ("TOUPPER(straße)", "STRAßE"),
        ("TOLOWER(ÄB)", "Äb"),
        ("TRIM(\t a b \n)", "a b"),
        ("LTRIM( a )", "a "),
        ("RTRIM( a )", " a"),
        ('QUOTE(a"b\\c)', '"a\\"b\\\\c"'),
        ('CSV_QUOTE(a"b)', '"a""b"'),
        ("KEYPADHASH(Globstar-42)", "4562782742"),
        ("FILTER(0-9a-f,12xyzab)", "12ab"),
        ("FILTER(\\x30-\\x39,a1,b2)", "12"),
        ("FILTER(^a,^ab)", "^a"),
        ("FILTER(],a]b)", "]"),
        ('REGEX("^a+$" aaa)', "1"),
        ('REGEX("a"b)', "0"),
        ('REGEX("^ x"  x)', "1"),
        ("EVAL(${PASSTHRU(x)}$[1+1])", "x2"),
    ],
)
async def test_text_functions(dialplan: Dialplan, text: str, value: str) -> None:
    assert (dialplan.get(text), dialplan.warned) == (value, False)


@pytest.mark.parametrize(
    "text",
    ["EVAL()", "FILTER(abc)", "REGEX(abc)", 'REGEX("[" a)', "REPLACE(V,)", "STRREPLACE(V)", "FIELDNUM(V,-)", "LISTFILTER(V)",
     "POP()", "SHIFT()", "STRFTIME(1,UTC,)", "STRPTIME(x)", "STRPTIME(x,UTC,%Y)"],
)  # fmt: skip
async def test_what_is_malformed_is_warned_of(dialplan: Dialplan, text: str) -> None:
    assert (dialplan.get(text), dialplan.warned) == ("", True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("FIELDQTY(V,-)", "3"),
        ("FIELDQTY(W,\\,)", "2"),
        ("FIELDQTY(W,\\x2c)", "2"),
        ("FIELDQTY(NONE,-)", "0"),
        ("FIELDNUM(V,-,b)", "2"),
        ("FIELDNUM(V,-,)", "0"),
        ("LISTFILTER(V,-,b)", "a-c"),
        ("REPLACE(V,a-c,.)", "..b.."),
        ("REPLACE(V,ac)", "-b-"),
        ("STRREPLACE(V,-,::,1)", "a::b-c"),
        ("STRBETWEEN(V,,)", "a,-,b,-,c"),
    ],
)
async def test_functions_of_a_variable(dialplan: Dialplan, text: str, value: str) -> None:
    dialplan.channel.set_variable("V", "a-b-c")
    dialplan.channel.set_variable("W", "x,y")
    assert (dialplan.get(text), dialplan.warned) == (value, False)


async def test_lists_grow_and_shrink_at_both_ends(dialplan: Dialplan) -> None:
    for name, value in (("PUSH", "b"), ("PUSH", "c,d"), ("UNSHIFT", "a")):
        dialplan.set(f"{name}(LIST)", value)
    assert dialplan.channel.get_variable("LIST") == "a,b,c,d"
    assert [dialplan.get(f"{name}(LIST)") for name in ("SHIFT", "POP", "SHIFT", "POP", "POP")] == ["a", "d", "b", "c", ""]
    assert dialplan.channel.get_variable("LIST") == ""


async def test_a_list_needs_a_name(dialplan: Dialplan) -> None:
    with pytest.raises(FunctionError):
        dialplan.set("PUSH()", "x")


async def test_hash_and_array(dialplan: Dialplan) -> None:
    dialplan.set("HASH(h,a)", "1")
    dialplan.set("HASH(_h,b)", "2")
    assert dialplan.get("HASH(h,b)") == "2"
    assert dialplan.channel.variables.inheritance("~HASH~h~b~") == 1
    assert dialplan.get("HASHKEYS(h)") == "b,a"
    assert dialplan.get("HASH(h)") == "2,1"
    dialplan.set("ARRAY(A,B,C)", "x,y\\,z")
    assert [dialplan.channel.get_variable(name) for name in "ABC"] == ["x", "y,z", ""]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("STRFTIME(1709650845,UTC,%F %T %s %%)", "2024-03-05 15:00:45 1709650845 %"),
        ("STRFTIME(1709650845.123456,UTC,%q %1q %6q %9q)", "123 1 123456 123456000"),
        ("STRFTIME(0,UTC,%F\0%c)", "1970-01-01"),
        ("STRFTIME(1709650845,America/New_York,%H %Z %z)", "10 EST -0500"),
        ("STRFTIME(-1,UTC,%Y)", "1969"),
        ("STRFTIME(,UTC,%Y-%m-%d)", "2023-11-14"),
        ("STRPTIME(2024-03-05 15:00:45,UTC,%Y-%m-%d %H:%M:%S)", "1709650845"),
        ("STRPTIME(5 Mar 24 3 pm,UTC,%d %b %y %I %p)", "1709650800"),
        ("STRPTIME(2024-03-05T10:00:45-0500,UTC,%FT%T%z)", "1709650845"),
        ("STRPTIME(2024-065,UTC,%Y-%j)", "1709596800"),
        ("STRPTIME(1709650845,UTC,%s)", "1709650845"),
        ("STRPTIME(20240305,UTC,%Y%m%d)", "1709596800"),
        ("STRPTIME(2024-02-30 and more,UTC,%Y-%m-%d)", "1709251200"),
    ],
)
async def test_times(dialplan: Dialplan, text: str, value: str) -> None:
    assert (dialplan.get(text), dialplan.warned) == (value, False)


async def test_z_names_the_zone_asked_for_or_the_server_s(dialplan: Dialplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as recorded, which was UTC for every zone."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert dialplan.get("STRFTIME(1709650845,America/New_York,%Z %z)") == "EST -0500"
        assert dialplan.get("STRFTIME(1720000000,America/New_York,%Z %z)") == "EDT -0400"
        assert dialplan.get("STRFTIME(1720000000,,%Z %z)") == "CEST +0200"
    finally:
        monkeypatch.undo()
        time.tzset()
