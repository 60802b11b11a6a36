"""func_math, func_logic, func_cut, func_sprintf, func_rand."""

from __future__ import annotations

import pytest

from globstar.core.functions import FunctionError
from tests.unit.modules.funcs.conftest import Dialplan

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]  # the system's own, which ends with the fixture


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("MATH(1+2)", "3.000000"),
        ("MATH(-7%3,int)", "-1"),
        ("MATH(7/0,int)", "0"),
        ("MATH(7%0)", "0.000000"),
        ("MATH(12 XOR 10,int)", "6"),
        ("MATH(255*1,hex)", "ff"),
        ("MATH(-1*1,hex)", "ffffffff"),
        ("MATH(66+1,char)", "C"),
        ("MATH(2>=2)", "TRUE"),
        ("MATH(2!=2)", "FALSE"),
        ("MATH(9999999999+1,int)", "10000000000"),
        ("MIN(,5)", "5"),
        ("MAX(10,9.999)", "10"),
        ("ABS(-2.5)", "2.500000"),
        ("DIGIT_SUM(1a29)", "12"),
        ("IF(0?a)", ""),
        ("IF(1? a : b )", "a"),
        ('IF(1?"a:b":c)', "a:b"),
        ("IF(0?a:b:c)", "b:c"),
        ("IF(?a:b)", ""),
        ("ISNULL()", "1"),
        ("EXISTS( )", "1"),
        ("SET(X=5)", "5"),
        ("SPRINTF(%5.1f|%-5d|%05d|%x|%s,2.25,7,42,-1,é)", "  2.2|7    |00042|ffffffff|é"),
        ("SPRINTF(%#o %+d %c%%,8,3,65)", "010 +3 A%"),
        ("SPRINTF(%a,1)", "0x1p+0"),
        ("SORT(a:3,b:-1.5,c:0,d)", "b,c,a"),
    ],
)
async def test_values(dialplan: Dialplan, text: str, value: str) -> None:
    assert (dialplan.get(text), dialplan.warned) == (value, False)


@pytest.mark.parametrize(
    "text",
    ["MATH()", "MATH(1)", "MATH(1+x)", "MATH(1+1,octal)", "MAX()", "MAX(a)", "ABS()", "DIGIT_SUM(x)", "INC()", "SET(X)",
     "IFTIME(?a:b)", "SPRINTF()", "SPRINTF(%d)", "SPRINTF(%d,x)", "SPRINTF(%z,1)", "SPRINTF(%*d,5,4)", "SPRINTF(50%)",
     "CUT(V,-)", "CUT(V,-,x)", "SORT()"],
)  # fmt: skip
async def test_what_is_malformed_is_warned_of(dialplan: Dialplan, text: str) -> None:
    assert (dialplan.get(text), dialplan.warned) == ("", True)


@pytest.mark.parametrize(
    ("spec", "value", "warned"),
    [
        ("1", "a", False),
        ("2-3", "b-c", False),
        ("-2", "a-b", False),
        ("3-", "c-d", False),
        ("1&3-4", "a-c-d", False),
        ("9", "", False),
        ("4-2", "", False),
        ("3&1", "c", True),
    ],
)
async def test_cut(dialplan: Dialplan, spec: str, value: str, warned: bool) -> None:
    dialplan.channel.set_variable("V", "a-b-c-d")
    assert (dialplan.get(f"CUT(V,-,{spec})"), dialplan.warned) == (value, warned)


async def test_counting_wraps_at_32_bits_and_says_when_there_is_no_number(dialplan: Dialplan) -> None:
    dialplan.channel.set_variable("N", "2147483646")
    assert [dialplan.get("INC(N)") for _ in range(2)] == ["2147483647", "-2147483648"]
    dialplan.channel.set_variable("N", "9.5")
    assert dialplan.get("DEC(N)") == ""
    assert dialplan.channel.get_variable("N") == "9.5"
    assert len(dialplan.log.records) == 1
    assert not dialplan.warned


async def test_a_random_number_is_between_the_bounds(dialplan: Dialplan) -> None:
    assert {dialplan.get("RAND(3,1)") for _ in range(200)} == {"1", "2", "3"}


async def test_variables_are_deleted_and_looked_for(dialplan: Dialplan) -> None:
    dialplan.channel.set_variable("V", "")
    assert dialplan.get("VARIABLE_EXISTS(V)") == "1"
    dialplan.set("DELETE(V)", "")
    assert dialplan.get("VARIABLE_EXISTS(V)") == "0"
    with pytest.raises(FunctionError):
        dialplan.set("SET(V)", "1")


async def test_test_time_rules_iftime_too(dialplan: Dialplan) -> None:
    """Asterisk's IFTIME does not look at TESTTIME; see docs/differences.md."""
    dialplan.set("TESTTIME()", "2024/03/05 15:00:45 UTC")
    assert dialplan.get("IFTIME(15:00-15:00,tue,5,mar,UTC?yes:no)") == "yes"
    assert dialplan.get("IFTIME(*,wed,*,*,UTC?yes:no)") == "no"
    for wrong in ("", "2024/13/05 15:00:45", "2024/03/05 15:00:45 Nowhere/City", "soon"):
        with pytest.raises(FunctionError):
            dialplan.set("TESTTIME()", wrong)
