"""Invariants: any text as an expression, a template, a regular expression, a pattern, a time condition, arguments or a whole

extensions.conf gives a value (or BadPattern, ConfigError), never another exception, and in bounded time; what a
route says is what a search finds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from globstar.base.regex import BadPattern, Regex
from globstar.config import ConfigError, MemorySource, read_config
from globstar.dialplan import (
    Dialplan,
    Mode,
    Step,
    compile_pattern,
    evaluate,
    parse_options,
    parse_timing,
    read_extensions,
    split_arguments,
    split_raw,
    substitute,
)
from globstar.dialplan.pattern import canonical
from tests.support.scope import ScriptedScope

EXPRESSION_PIECES = [
    "1",
    "0",
    "2.5",
    ".",
    "-",
    "+",
    "*",
    "/",
    "%",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&",
    "|",
    "?",
    "::",
    ":",
    "=~",
    "~~",
    "!",
    "(",
    ")",
    ",",
    '"',
    '"a"',
    '""',
    "abc",
    " ",
    "LEN(",
    "SIN(",
    "POW(",
    "EXP(",
    "ATAN2(",
    "LOG(",
    "NOSUCH(",
    "$",
    "[",
    "]",
    "{",
    "}",
    "^",
    "9999999999999999999",
    "0.0000001",
    "\u00e9",
    "\udcff",
    "(a*)*",
    "x{2,3}",
    "[[:digit:]]",
]
TEMPLATE_PIECES = [
    "${",
    "$[",
    "}",
    "]",
    "V",
    "N",
    ":",
    "-",
    "1",
    "2",
    "LEN(",
    "IF(",
    ")",
    "?",
    "x",
    " ",
    "$",
    "{",
    "[",
    "+",
    "\u65e5",
    "\udcff",
]
REGEX_PIECES = [
    "a",
    "b",
    ".",
    "*",
    "+",
    "?",
    "|",
    "(",
    ")",
    "[",
    "]",
    "^",
    "-",
    "$",
    "{2}",
    "{1,3}",
    "{",
    "}",
    "\\",
    "[:alpha:]",
    "[.a.]",
    "1",
    "\u00e9",
]
CONF_PIECES = [
    "exten => ",
    "same => ",
    "include => ",
    "ignorepat => ",
    "switch => ",
    "eswitch=>",
    "autohints=yes",
    "[a]\n",
    "[b]\n",
    "[t](!)\n",
    "[c](t)\n",
    "[general]\n",
    "[globals]\n",
    "\n",
    "\n",
    ",",
    "1",
    "12",
    "_1X",
    "_X.",
    "_[1-3]!",
    "_.",
    "s",
    "n",
    "hint",
    "(",
    ")",
    "(l)",
    "l",
    "+1",
    "/",
    "5",
    "/5",
    "a",
    "b",
    "*",
    "09:00-17:00",
    "mon",
    "${X}",
    "$[1+1]",
    "X=1",
    "NoOp",
    "\udcff",
    "-",
    "[",
    "]",
]


def pieces(choices: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.text(), st.lists(st.sampled_from(choices), max_size=40).map("".join))


@given(pieces(EXPRESSION_PIECES))
def test_any_expression_gives_a_text(text: str) -> None:
    scope = ScriptedScope()
    first = evaluate(text, scope)
    assert isinstance(first, str)
    again = ScriptedScope()
    assert evaluate(text, again) == first
    assert again.warned == scope.warned


@given(pieces(TEMPLATE_PIECES), st.dictionaries(st.sampled_from("VNx12"), pieces(TEMPLATE_PIECES)))
def test_any_template_gives_a_text(text: str, variables: dict[str, str]) -> None:
    result = substitute(text, ScriptedScope(variables))
    assert isinstance(result, str)
    if "${" not in text and "$[" not in text:
        assert result == text


@given(pieces(REGEX_PIECES), st.text("ab1-\u00e9\n", max_size=12))
def test_any_regular_expression_matches_or_is_refused(expression: str, text: str) -> None:
    view = text.encode().decode("latin-1")
    try:
        found = Regex(expression).search(view)
    except BadPattern:
        return
    if found is not None:
        assert found[0] in view


@given(st.text("ab", max_size=8), st.lists(st.sampled_from(["a", "b", "ab", "a*", "b?", "(a|ab)"]), max_size=4))
def test_match_is_the_leftmost_and_longest(text: str, parts: list[str]) -> None:
    expression = "".join(parts)
    found = Regex(expression).search(text)
    spans = [
        (start, end)
        for start in range(len(text) + 1)
        for end in range(start, len(text) + 1)
        if re.fullmatch(expression, text[start:end])
    ]
    expected = min(spans, key=lambda span: (span[0], -span[1])) if spans else None
    assert (None if found is None else found.span()) == expected


@given(pieces(["_", "X", "N", "[", "]", "-", ".", "!", "1", "a"]), st.text("0129aX-_[]", max_size=8))
def test_any_pattern_matches_or_does_not(pattern: str, dialled: str) -> None:
    compiled = compile_pattern(pattern)
    text = canonical(dialled)
    if compiled.matches(text):
        assert compiled.can_match(text)
    if not compiled.is_pattern:
        assert compiled.matches(text) == (text == canonical(pattern))


@given(
    pieces(["*", ",", "|", "-", "&", "09:00", "25:61", "mon", "31", "feb", "13", "UTC", "Europe/Berlin", "/", "..", "\x00"]),
    st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),
)
def test_any_time_condition_holds_or_does_not(text: str, now: datetime) -> None:
    problems: list[str] = []
    spec = parse_timing(text, problems.append)
    assert spec.matches(now) in (True, False)
    if spec.zone is None and not problems:
        assert spec.matches(now) == spec.matches(now.replace(second=0, microsecond=0) + timedelta(seconds=59))


@given(pieces(['"', "\\", "(", ")", "[", "]", ",", "a", "^"]))
def test_any_arguments_split(text: str) -> None:
    assert len(split_arguments(text)) == len(split_raw(text))
    assert ",".join(split_raw(text)) == text
    parsed = parse_options(text, {"a": True, "b": False})
    assert set(parsed.arguments) <= parsed.letters <= {"a", "b"}


@given(pieces(CONF_PIECES), st.text("0125sah-", max_size=4))
def test_any_extensions_conf_gives_a_dialplan(text: str, exten: str) -> None:
    try:
        config = read_config("x", MemorySource({"x": text}))
    except ConfigError:
        return
    loaded = read_extensions(config)
    assert all(warning.file == "x" and warning.line > 0 for warning in loaded.warnings)
    for context in loaded.plan.contexts:
        check_route(loaded.plan, context, exten)


def check_route(plan: Dialplan, context: str, exten: str) -> None:
    for caller in ("", "5"):
        route = plan.route(context, exten, caller)
        for priority in range(-1, 5):
            found = next((step for step in plan.search(context, exten, priority, caller) if isinstance(step, Step)), None)
            assert plan.find(context, exten, priority, caller) is found
            if route.is_complete or priority in route.steps:
                assert route.steps.get(priority) is found
        if plan.exists(context, exten, 1, caller):
            assert any(isinstance(step, Step) for step in plan.search(context, exten, 1, caller, Mode.CAN_MATCH))
        for label, priority in route.labels.items():
            assert plan.find_label(context, exten, label, caller) == priority
