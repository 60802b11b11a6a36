"""Substitution of variables, functions and expressions."""

from __future__ import annotations

import pytest

from globstar.dialplan import compile_template, substitute
from globstar.dialplan.substitute import MAX_DEPTH
from tests.support.scope import ScriptedScope

VALUES = {
    "V": "abcdefghij",
    "N": "2",
    "A": "B",
    "B": "C",
    "C": "final",
    "item2": "second",
    "P": "a)b:c",
    "FN": "LEN",
    "D": "${V}",
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("plain $ text {V} $V [1]", "plain $ text {V} $V [1]"),
        ("${V}", "abcdefghij"),
        ("x${V}", "xabcdefghij"),
        ("${N}x", "2x"),
        ("x${N}y", "x2y"),
        ("${N}${N}", "22"),
        ("x${N}y${N}z", "x2y2z"),
        ("${none}", ""),
        ("${}", ""),
        ("${ V}", ""),
        ("${V:2:3}", "cde"),
        ("${V:${N}:${N}}", "cd"),
        ("${V:$[1+1]:3}", "cde"),
        ("${V::3}", "abcdefghij"),
        ("${V:1a}", "bcdefghij"),
        ("${V: 1}", "bcdefghij"),
        ("${V:+2}", "cdefghij"),
        ("${V:1:b}", "bcdefghij"),
        ("${${A}}", "C"),
        ("${${${A}}:1:2}", "in"),
        ("${item${N}:0:3}", "sec"),
        ("\\${N}", "\\2"),
        ("$${N}", "$2"),
        ("${N}}", "2}"),
        ("${D}", "${V}"),
        ("${LEN(${V})}", "10"),
        ("${LEN(${P})}", "1"),  # the value closes the parenthesis and begins an offset
        ("${${FN}(abc)}", "3"),
        ("${TOUPPER(abcdef):2:3}", "CDE"),
        ("${TOUPPER(a:b)}", "A:B"),
        ("${LEN(a)b)}", "3"),
        ("${TOUPPER({x})}", "{X}"),
        ("${TOUPPER()}", ""),
        ("$[${N} + 1]", "3"),
        ("$[$[1 + 1] * ${N}]", "4"),
        ('$["[x]" = "[x]"]', "1"),
        ("$[1][2]", "1[2]"),
    ],
)
def test_substitution(text: str, result: str) -> None:
    scope = ScriptedScope(VALUES)
    assert compile_template(text).render(scope) == result
    assert substitute(text, scope) == result
    assert not scope.warned


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a${N", "a2"),
        ("a$[1 + 1", "a2"),
        ("${TOUPPER(a}b", "Ab"),
        ("${TOUPPER(a\\}b)}", "A\\b)}"),
        ("${NOSUCH(x)}!", "!"),
    ],
)
def test_warned_substitution(text: str, result: str) -> None:
    scope = ScriptedScope(VALUES)
    assert substitute(text, scope) == result
    assert scope.warned


def test_template_knows_whether_it_is_literal() -> None:
    assert compile_template("a $ {b}").is_literal
    assert not compile_template("a${b}").is_literal
    assert compile_template("x").text == "x"


def test_template_is_compiled_once() -> None:
    assert compile_template("${one} template") is compile_template("${one} template")


@pytest.mark.parametrize("text", ["${" * 500 + "V" + "}" * 500, "$[" * 500 + "1" + "]" * 500, "${" * 500, "${$[" * 500])
def test_nesting_is_bounded(text: str) -> None:
    scope = ScriptedScope(VALUES)
    assert substitute(text, scope).strip("}]") == ""
    assert any(str(MAX_DEPTH) in message for _, message in scope.log)


def test_function_value_is_not_substituted_again() -> None:
    assert substitute("${PASSTHRU(${D})}", ScriptedScope(VALUES)) == "${V}"
