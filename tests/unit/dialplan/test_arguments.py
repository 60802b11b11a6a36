"""Arguments of applications."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.dialplan import argument, parse_options, split_arguments, split_raw
from globstar.dialplan.arguments import bar_to_comma
from tests.support.scope import ScriptedScope
from tests.support.vectors import load_vectors


@pytest.mark.parametrize(
    "case", load_vectors("substitution", lambda case: len(case["steps"]) > 1 and case["steps"][1].startswith("Gosub(sub,1("))
)
def test_asterisk_gosub_arguments(case: dict[str, Any]) -> None:
    scope = ScriptedScope()
    scope.run_set(case["steps"][0])
    found = re.fullmatch(r"Gosub\(sub,1\((.*)\)\)", scope.run_set(case["steps"][1].replace("Gosub", "Set(Gosub", 1) + ")"))
    assert found
    expected = [case["results"][f"R{number}"] for number in range(1, 1 + int(case["results"]["RC"]))]
    assert split_raw(found[1]) == expected


@pytest.mark.parametrize(
    ("text", "standard", "raw"),
    [
        ("", [], []),
        ("a", ["a"], ["a"]),
        ("a,b", ["a", "b"], ["a", "b"]),
        (",", ["", ""], ["", ""]),
        (" a , b ", [" a ", " b "], [" a ", " b "]),
        ("a\\,b,c", ["a,b", "c"], ["a\\,b", "c"]),
        ("a\\\\,b", ["a\\", "b"], ["a\\\\", "b"]),
        ('"a,b",c', ["a,b", "c"], ['"a,b"', "c"]),
        ('a\\"b,c', ['a"b', "c"], ['a\\"b', "c"]),
        ("(a,b),[c,d],e", ["(a,b)", "[c,d]", "e"], ["(a,b)", "[c,d]", "e"]),
        ("a),b", ["a)", "b"], ["a)", "b"]),
        ('"(",a', ["(,a"], ['"(",a']),
        ('"a', ["a"], ['"a']),
        ("a\\", ["a"], ["a\\"]),
        ("R1=(a,b),R2=c", ["R1=(a,b)", "R2=c"], ["R1=(a,b)", "R2=c"]),
        ("CS,\\,,2", ["CS", ",", "2"], ["CS", "\\,", "2"]),
    ],
)
def test_split(text: str, standard: list[str], raw: list[str]) -> None:
    assert split_arguments(text) == standard
    assert split_raw(text) == raw


def test_limit_leaves_the_rest_to_the_last() -> None:
    assert split_arguments("a,b,c,d", limit=2) == ["a", "b,c,d"]
    assert split_arguments('a,"b",c', limit=2) == ["a", "b,c"]
    assert split_arguments("a,b", limit=1) == ["a,b"]
    assert split_arguments("a", limit=3) == ["a"]


def test_other_separator() -> None:
    assert split_arguments("a&(b&c)&d,e", separator="&") == ["a", "(b&c)", "d,e"]
    assert split_raw("a^b", separator="^") == ["a", "b"]


def test_argument() -> None:
    assert [argument(["a", ""], index, "x") for index in range(3)] == ["a", "x", "x"]


def test_bar_to_comma() -> None:
    assert bar_to_comma("ctx^s^1") == "ctx,s,1"


TABLE = {"m": True, "b": True, "L": True, "g": False, "t": False}


def test_options() -> None:
    parsed = parse_options("mgb(pre^s^1(x1))tL(2000:1000)", TABLE)
    assert parsed.letters == {"m", "g", "b", "t", "L"}
    assert parsed.arguments == {"b": "pre^s^1(x1)", "L": "2000:1000"}
    assert (parsed.unknown, parsed.problems) == ([], [])
    assert "m" in parsed
    assert "T" not in parsed
    assert (parsed.get("L"), parsed.get("m", "default")) == ("2000:1000", "default")


def test_quotes_around_an_option_s_argument() -> None:
    assert parse_options('m("a)b")g', TABLE).arguments == {"m": "a)b"}
    assert parse_options("m(a\\)b)", TABLE).arguments == {"m": "a\\)b"}


@pytest.mark.parametrize(
    ("text", "letters", "unknown"),
    [("gQ", "g", ["Q"]), ("Q(x)g", "g", ["Q"]), ("g(x)t", "gt", []), ("gm(x", "gm", []), ("m()", "m", [])],
)
def test_odd_options_are_told(text: str, letters: str, unknown: list[str]) -> None:
    told: list[str] = []
    parsed = parse_options(text, TABLE, told.append)
    assert (parsed.letters, parsed.unknown) == (set(letters), unknown)
    assert bool(told) == (text != "m()")
    assert told == parsed.problems


@given(st.text('a,"\\()[] '), st.integers(0, 4))
def test_raw_arguments_join_to_the_text(text: str, limit: int) -> None:
    assert ",".join(split_raw(text, limit)) == text


@given(st.lists(st.text("abc 1", min_size=1), min_size=1))
def test_plain_arguments_round_trip(arguments: list[str]) -> None:
    assert split_arguments(",".join(arguments)) == arguments
