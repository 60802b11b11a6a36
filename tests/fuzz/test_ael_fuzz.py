"""Invariants: any text as extensions.ael gives a dialplan or AelFault, and any dialplan can be checked.

What AEL compiles to holds together: every Goto and GotoIf with a number leads to a priority of its own extension.
"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from globstar.config import ConfigError, MemorySource, read_config
from globstar.dialplan.ael import AelFault, LoadedAel, compile_ael, parse_ael
from globstar.dialplan.check import Catalogue, Surroundings, check_dialplan
from globstar.dialplan.reader import LoadedDialplan, read_extensions

PIECES = [
    "context ", "macro ", "globals ", "a", "b ", "{", "}", "}", ";", ";", "(", ")", "=>", "=", ":", "&", "|", ",", "if (1) ",
    "else ", "while (x) ", "for (i=0; i<3; i=i+1) ", "switch (x) ", "case 1:", "pattern X.:", "default:", "break;", "continue;",
    "return;", "goto a;", "jump b@a;", "local x=1;", "NoOp(x);", "${x}", "$[1", "\"", "//", "/*", "*/", "\n", "s => ", "hint(x) ",
    "includes ", "switches ", "ignorepat => 9;", "random(5) ", "ifTime(*|*|*|*) ", "catch h ", "extend ", "#include", "\\", "\0",
]  # fmt: skip
LINES = [
    "[default]", "[other]", "exten => s,1,", "exten => _X.,1,", "same => n,", "same => n(l),", "include => other", "Goto(", "l)",
    "GotoIf(", "$[${EXTEN} = 1]?", "l:", "s,1)", "${EXTEN}", "${", "}", "$[", "]", "While(1)", "EndWhile()", "If(", "EndIf()",
    "Set(x=", "Dial(PJSIP/", ",20,", "G(other^s^1)", "Gosub(other,s,1(", ")", "(", ",", "\n", "Hangup()", "NoOp()", "Exec(", "?",
    ":",
]  # fmt: skip
CATALOGUE = Catalogue(["Goto", "GotoIf", "NoOp", "Set", "Dial", "While", "EndWhile"], ["LEN"])


def compiled(text: str) -> LoadedAel | None:
    try:
        return compile_ael(parse_ael("extensions.ael", MemorySource({"extensions.ael": text})))
    except AelFault:
        return None


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_any_ael_is_a_dialplan_or_a_fault(pieces: list[str]) -> None:
    loaded = compiled("".join(pieces))
    if loaded is not None:
        check(LoadedDialplan(loaded.plan, read_extensions(read_config("x", MemorySource({"x": ""}))).general))


@given(st.lists(st.sampled_from(PIECES[16:37]), max_size=30))
def test_jumps_lead_to_priorities(pieces: list[str]) -> None:
    loaded = compiled("context a { s => {\n" + "".join(pieces) + "\n} }")
    if loaded is None:
        return
    extension = loaded.plan.contexts["a"].get("s", None)
    assert extension is not None
    for step in extension.steps.values():
        if step.app_name in ("Goto", "GotoIf", "GotoIfTime"):
            targets = re.findall(
                r"(?:^|[?:])(\d+)(?=$|:)", step.data if step.app_name == "Goto" else step.data.rpartition("?")[2]
            )
            assert all(int(target) in extension.steps for target in targets), (step, extension.steps)


@given(st.text(max_size=200))
def test_any_text_at_all(text: str) -> None:
    compiled(text)
    compiled("context a { s => " + text)


def test_deep_nesting_is_a_fault() -> None:
    assert compiled("context a { s => " + "{" * 5000) is None
    assert compiled("context a { s => " + "if (1) " * 5000 + "NoOp(); }") is None


def check(loaded: LoadedDialplan) -> None:
    config = read_config("extensions.conf", MemorySource({"extensions.conf": ""}))
    for surroundings in (Surroundings(), Surroundings(entries=["default"], made=["other"])):
        for finding in check_dialplan(config, loaded, CATALOGUE, surroundings):
            assert finding.severity
            assert str(finding)


@given(st.lists(st.sampled_from(LINES), max_size=80))
def test_any_dialplan_can_be_checked(pieces: list[str]) -> None:
    try:
        config = read_config("extensions.conf", MemorySource({"extensions.conf": "[default]\n" + "".join(pieces)}))
    except ConfigError:
        return
    check(read_extensions(config))
