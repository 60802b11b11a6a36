"""Expressions beyond the recorded ones: precedence, faults, caching, bounds."""

from __future__ import annotations

import pytest

from globstar.dialplan import evaluate
from globstar.dialplan.expression import MAX_DEPTH, unquoted
from tests.support.scope import ScriptedScope


def run(text: str) -> tuple[str, bool]:
    scope = ScriptedScope()
    return evaluate(text, scope), scope.warned


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1 + 2 * 3 - 4 / 2", "5"),
        ("1 | 0 & 0", "1"),
        ("0 | 2 = 2", "1"),
        ("1 + 1 = 2 & 3 > 2", "1"),
        ("-2 * -3", "6"),
        ("- 2 ~~ 3", "-23"),
        ("!0 & !0", "1"),
        ('"a" ~~ "b" : "ab"', "2"),
        ("1 ? 2 ? 3 :: 4 :: 5", "3"),
        ("1 ? a :: 0 ? b :: c", "a"),
        ("(0 ? 1 :: 2) + 1", "3"),
        ("1/3*3", "1"),
        ("0.1 + 0.2 = 0.3", "1"),
        ("2 * 3.0", "6"),
        ("17 > 9", "1"),
        ("007 = 7", "1"),
        ('"x" != "y"', "1"),
        ('"x" == "x"', "1"),
        ("100000000000000000 * 100", "1e+19"),
        ("99999999999999999 + 1", "100000000000000000"),
        ("99999999999999999 * 9", "899999999999999991"),
        ("99999999999999999 * 99999999999999999", "9.9999999999999998e+33"),
        ('"ab" : "a(x)?b"', "2"),
        ('"abc" : "x(.)"', ""),
        ('"abc" =~ "x"', "0"),
        ("ATAN2(1, 1) * 4", "3.14159265358979324"),
        ("MAXIMUM", "MAXIMUM"),
        ("TOUPPER(ab) = AB", "1"),
        ("LEN() + 1", "1"),
        ("\u65e5 = \u65e5", "1"),
        ("a,b", "a"),
    ],
)
def test_value(text: str, result: str) -> None:
    assert run(text)[0] == result


@pytest.mark.parametrize(
    "text", ["ROUND(1,2)", "POW()", "NOSUCH(1)", "1 / 0", "a + 1", "(", "1 ~~", "LEN(", "LEN(1 2)", "a,b", ","]
)
def test_fault_is_warned_about(text: str) -> None:
    assert run(text)[1]


def test_only_the_left_operand_is_complained_about() -> None:
    assert run("1 + x") == ("1", False)
    assert run("x + 1") == ("1", True)


def test_pure_results_are_kept_and_warnings_are_not_lost_by_that() -> None:
    assert [run("21 * 2 + 0") for _ in range(2)] == [("42", False)] * 2
    assert [run("y + 1 + 0") for _ in range(2)] == [("1", True)] * 2


def test_functions_are_called_each_time() -> None:
    calls: list[str] = []

    def count(args: str) -> str:
        calls.append(args)
        return str(len(calls))

    scope = ScriptedScope(functions={"NEXT": count})
    assert [evaluate("NEXT(a) + 1", scope) for _ in range(3)] == ["2", "3", "4"]
    assert calls == ["a"] * 3


def test_arguments_of_functions_are_expressions() -> None:
    scope = ScriptedScope(functions={"F": lambda args: f"<{args}>"})
    assert evaluate('F(1 + 1, "a b", G)', scope) == '<2,"a b",G>'


@pytest.mark.parametrize(
    "text", ["(" * 1000 + "1" + ")" * 1000, "-" * 1000 + "1", "1 ? " * 1000 + "1", "!" * 1000, "LEN(" * 1000]
)
def test_depth_is_bounded(text: str) -> None:
    assert run(text) == ("0", True)


def test_depth_of_real_expressions_is_enough() -> None:
    assert run("(" * (MAX_DEPTH - 1) + "7" + ")" * (MAX_DEPTH - 1)) == ("7", False)
    assert run(" + ".join(["1"] * 1000)) == ("1000", False)


def test_unquoted() -> None:
    assert [unquoted(text) for text in ('"a"', 'a"', '"', '""', "")] == ["a", 'a"', '"', "", ""]
