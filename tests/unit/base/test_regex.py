"""POSIX extended regular expressions."""

from __future__ import annotations

import pytest

from globstar.base.bytetext import byte_view
from globstar.base.regex import BadPattern, Regex, compile_regex


def found(expression: str, text: str, ignore_case: bool = False) -> tuple[str, ...] | None:
    match = Regex(expression, ignore_case).search(byte_view(text))
    return None if match is None else (match[0] or "", *(group or "" for group in match.groups()))


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("b", "abc", ("b",)),
        ("", "abc", ("",)),
        ("^b", "abc", None),
        ("c$", "abc", ("c",)),
        ("c$", "abc\n", None),
        ("a.c", "a\nc", ("a\nc",)),
        ("(a)(b)", "xab", ("ab", "a", "b")),
        ("a{2,3}", "aaaa", ("aaa",)),
        ("a{2}", "aaaa", ("aa",)),
        ("a{2,}", "aaaa", ("aaaa",)),
        ("a{,2}", "aaaa", ("aa",)),
        ("a\\{2\\}", "a{2}", ("a{2}",)),
        ("a{x", "a{x", ("a{x",)),
        ("a**", "aab", ("aa",)),
        ("a+?", "aab", ("aa",)),
        ("(ab)*+", "ababx", ("abab", "ab")),
        ("a{2}*", "aaaab", ("aaaa",)),
        ("[[:digit:]]+", "ab12", ("12",)),
        ("[^[:alpha:]_]", "ab_1", ("1",)),
        ("[]a]+", "x]a]", ("]a]",)),
        ("[^]a]", "]ax", ("x",)),
        ("[a-]+", "x-a", ("-a",)),
        ("[a\\]+", "\\a", ("\\a",)),
        ("[[.-.]x]+", "a-x", ("-x",)),
        ("[[=a=]]", "ba", ("a",)),
        ("a|b|", "b", ("b",)),
        ("x|xy|xyz", "wxyz", ("xyz",)),
        ("(a|ab)(c|bcd)?", "abcd", ("abcd", "a", "bcd")),
        ("a?(ab)?", "ab", ("ab", "ab")),
        ("x*", "baac", ("",)),
        ("\\.", "a.b", (".",)),
        ("(a)\\1", "aa", ("aa", "a")),
        ("\\w+", "!ab_1!", ("ab_1",)),
        ("\\<b", "ab b", ("b",)),
        (")", "a)", (")",)),
        ("a#b", "a#b", ("a#b",)),
        ("\u65e5", "\u65e5\u672c", (byte_view("\u65e5"),)),
        ("^.$", "\u00e9", None),
    ],
)
def test_match(expression: str, text: str, expected: tuple[str, ...] | None) -> None:
    assert found(expression, text) == expected


def test_case() -> None:
    assert found("abc", "xABC") is None
    assert found("abc", "xABC", ignore_case=True) == ("ABC",)


@pytest.mark.parametrize(
    "expression",
    ["*", "+1", "a|*b", "(*a)", "(a", "[a", "[z-a]", "[[:nope:]]", "[[.ab.]]", "a\\", "{2}", "a{3,2}", "a{99999}", "\\9", "a{}"],
)
def test_bad_expression(expression: str) -> None:
    with pytest.raises(BadPattern):
        Regex(expression)


def test_compiled_once() -> None:
    assert compile_regex("once") is compile_regex("once")


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("(a+)+$", "aab", None),
        ("(a|aa)+$", "baaa", ("aaa", "a")),
        ("^(.*)@(.*)$", "x@y@z", ("x@y@z", "x@y", "z")),
        ("[a-z]+[0-9]*", "!ab12", ("ab12",)),
        ("(x)*(y)?z", "z", ("z", "", "")),
        ("a.+b.+", "a\nb\n", ("a\nb\n",)),
        (".+\u00e9.+", "1\u00e92", (byte_view("1\u00e92"),)),
    ],
)
def test_what_is_left_to_re2_matches_in_the_same_way(expression: str, text: str, expected: tuple[str, ...] | None) -> None:
    assert found(expression, text) == expected


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|aa)+$", "(a?){40}a{40}$", "a+a*a*a*a*a*$"])
def test_nested_repetitions_take_no_time_on_a_text_that_nearly_matches(expression: str) -> None:
    """An engine that tries one way after the other would not come back from any of them."""
    assert found(expression, "a" * 20_000 + "b") is None


def test_case_of_what_is_left_to_re2() -> None:
    assert found("(ab)+c*", "xABabC", ignore_case=True) == ("ABabC", "ab")
    assert found("(\u00e9)+a*", "\u00c9", ignore_case=True) is None


def test_expressions_that_re2_lacks_are_matched_all_the_same() -> None:
    assert found("(a+)\\1b*", "aaaab") == ("aaaab", "aa")
    assert found("\\<b+c*", "ab bc") == ("bc",)
    assert found("a{1,2000}b*", "aab") == ("aab",)


def test_is_in_a_text() -> None:
    assert Regex("^caf.{2}$").is_in("caf\u00e9"), "a dot is one byte"
    assert Regex("([[:digit:]]+-)+").is_in("call 12-")
    assert not Regex("([[:digit:]]+-)+$").is_in("call 12- no")
