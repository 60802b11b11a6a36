"""The reader of extensions.conf."""

from __future__ import annotations

import pytest

from globstar.config import MemorySource, read_config
from globstar.dialplan import HINT, Dialplan, LoadedDialplan, Step, Switch, read_extensions
from tests.support.scope import ScriptedScope


def load(text: str, scope: ScriptedScope | None = None) -> LoadedDialplan:
    return read_extensions(read_config("extensions.conf", MemorySource({"extensions.conf": text})), scope=scope)


def steps(text: str, context: str = "a") -> list[tuple[str, int, str, str, str]]:
    loaded = load(text)
    assert loaded.warnings == []
    return [
        (extension.name, step.priority, step.label, step.app_name, step.data)
        for extension in loaded.plan.contexts[context].extensions
        for step in extension.ordered_steps()
    ]


def warnings(text: str) -> list[tuple[int, str]]:
    loaded = load(text)
    assert all(warning.file == "extensions.conf" for warning in loaded.warnings)
    return [(warning.line, warning.level) for warning in loaded.warnings]


def test_priorities() -> None:
    text = (
        "[a]\nexten => 1,1(first),A\n same => n,B(x)\nsame => n(lab),C(y,z)\nsame => n+2(more),D\nsame => 10,E\nsame => n,F\n"
        "exten => 1,lab+1,G\nexten => 1,first+20(far),H\nexten => 2,1,I\nexten => 3,s,J\nexten => 3,s+4(q),K\n"
    )
    assert steps(text) == [
        ("1", 1, "first", "A", ""),
        ("1", 2, "", "B", "x"),
        ("1", 3, "lab", "C", "y,z"),
        ("1", 4, "", "G", ""),
        ("1", 6, "more", "D", ""),
        ("1", 10, "", "E", ""),
        ("1", 11, "", "F", ""),
        ("1", 21, "far", "H", ""),
        ("2", 1, "", "I", ""),
        ("3", 1, "", "J", ""),
        ("3", 5, "q", "K", ""),
    ]


def test_label_of_a_pattern_can_be_used_for_a_priority() -> None:
    assert steps("[a]\nexten => _1X,1(l),A\nexten => _1X,l+1,B\n")[1][:2] == ("_1X", 2)


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        ("NoOp", ("NoOp", "")),
        ("NoOp()", ("NoOp", "")),
        ("NoOp(a(b)c)", ("NoOp", "a(b)c")),
        ("Set(R=a)b)", ("Set", "R=a)b")),
        ("NoOp( a ) tail", ("NoOp", " a ")),
        ("NoOp,x", ("NoOp,x", "")),
        ("NoOp x", ("NoOp x", "")),
        ("", ("", "")),
    ],
)
def test_application(application: str, expected: tuple[str, str]) -> None:
    assert steps(f"[a]\nexten => 1,1,{application}\n")[0][3:] == expected


def test_hint_keeps_its_whole_text() -> None:
    loaded = load("[a]\nexten => 1,hint,PJSIP/x(y),CustomPresence:z\nexten => 2,hint,,P:1\nexten => 2,1,NoOp\n")
    assert [(step.extension, step.app_name) for step in loaded.plan.hints()] == [
        ("1", "PJSIP/x(y),CustomPresence:z"),
        ("2", ",P:1"),
    ]


def test_hint_does_not_count_as_last_priority() -> None:
    assert [step[1] for step in steps("[a]\nexten => 1,1,A\nexten => 1,hint,X\nsame => n,B\n")] == [HINT, 1, 2]


def test_names_lose_their_blanks_and_commas_in_brackets_belong_to_them() -> None:
    assert [step[0] for step in steps("[a]\nexten => a b,1,A\nexten => _[1,2] X,1,A\n")] == ["ab", "_[1,2]X"]


def test_caller_id() -> None:
    plan = load("[a]\nexten => 1/5,1,A\nsame => n,B\nexten => 1/,1,C\nexten => _1X/_5.,1,D\n").plan
    callers = [(extension.name, extension.caller and extension.caller.text) for extension in plan.contexts["a"].extensions]
    assert callers == [("1", ""), ("1", "5"), ("_1X", "_5.")]
    step = plan.find("a", "1", 2, "5")
    assert step is not None
    assert step.caller_id == "5"


def test_step_knows_its_origin() -> None:
    step = load("[a]\n\nexten => 1,1,A\n").plan.find("a", "1", 1)
    assert isinstance(step, Step)
    assert (step.file, step.line, step.registrar, step.context) == ("extensions.conf", 3, "pbx_config", "a")


def test_globals_are_substituted_once_when_read() -> None:
    loaded = load(
        "[a]\nexten => ${X},${P},A(${X})\n[globals]\nV=7\nX=${V}7\nP = 1\nL=${LEN(abc)}${OUT}\n", ScriptedScope({"OUT": "o"})
    )
    assert loaded.globals == {"V": "7", "X": "77", "P": "1", "L": "3o"}
    step = loaded.plan.find("a", "77", 1)
    assert step is not None
    assert step.data == "${X}"


def test_function_without_anybody_to_ask_is_an_error_in_the_log() -> None:
    assert warnings("[globals]\nX=${LEN(abc)}\n") == [(2, "ERROR")]


def test_include_ignorepat_switch() -> None:
    scope = ScriptedScope({"G": "b"})
    plan = load(
        "[a]\ninclude => ${G}\ninclude => c,09:00-17:00,mon-fri,*,*\ninclude => d|*|sat\nignorepat => 9\nswitch => IAX2/x@${G}\n"
        "eswitch => IAX2/y@${G}\nlswitch => Loopback/1${EXTEN}@z\nautohints = yes\n",
        scope,
    ).plan
    context = plan.contexts["a"]
    assert [(include.context, include.timing is None) for include in context.includes] == [
        ("b", True),
        ("c", False),
        ("d", False),
    ]
    assert [ignored.pattern for ignored in context.ignore_patterns] == ["9"]
    assert context.switches == [
        Switch("IAX2", "x@b", False, "pbx_config"),
        Switch("IAX2", "y@${G}", True, "pbx_config"),
        Switch("Loopback", "1${EXTEN}@z", False, "pbx_config"),
    ]
    assert context.autohints


def test_general_options() -> None:
    general = load("[general]\nstatic=yes\nautofallthrough=no\nextenpatternmatchnew=yes\npriorityjumping=yes\n").general
    assert (general.static, general.autofallthrough, general.writeprotect, general.userscontext) == (
        True,
        False,
        False,
        "default",
    )


def test_contexts_of_one_name_are_one_context() -> None:
    assert [step[0] for step in steps("[a]\nexten => 1,1,A\n[b]\n[a]\nexten => 2,1,B\n")] == ["1", "2"]


def test_case_of_contexts_counts() -> None:
    assert list(load("[A]\n[a]\n[General]\n[GLOBALS]\n").plan.contexts) == ["A", "a"]


def test_another_source_adds_to_a_plan() -> None:
    plan = load("[a]\nexten => 1,1,A\n").plan
    second = read_config("x.ael", MemorySource({"x.ael": "[a]\nexten => 1,1,B\nexten => 2,1,C\n"}))
    loaded = read_extensions(second, plan, registrar="pbx_ael")
    assert loaded.plan is plan
    assert [(warning.file, warning.line) for warning in loaded.warnings] == [("x.ael", 2)]
    step = plan.find("a", "2", 1)
    assert step is not None
    assert step.registrar == "pbx_ael"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("exten => 1,n,A", "WARNING"),
        ("exten => 1,s,A", "WARNING"),
        ("exten => 1,0,A", "WARNING"),
        ("exten => 1,-5,A", "WARNING"),
        ("exten => 1,99999999999,A", "WARNING"),
        ("exten => 1,nolabel,A", "WARNING"),
        ("exten => 1,n/5,A", "WARNING"),
        ("exten => 1", "WARNING"),
        ("exten => ,1,A", "WARNING"),
        ("exten => _[1,1,A", "WARNING"),
        ("exten => _[1", "WARNING"),
        ("exten => 1,1,A(b", "WARNING"),
        ("same => n,A", "ERROR"),
        ("include => b,25:00", "WARNING"),
        ("extem => 1,1,A", "WARNING"),
        ("just words", "WARNING"),
    ],
)
def test_line_that_is_wrong_is_told_with_its_place(line: str, level: str) -> None:
    assert warnings(f"[general]\n\n[a]\n{line}\n") == [(4, level)]


def test_unknown_keyword_names_the_nearest() -> None:
    assert "did you mean 'exten'?" in load("[a]\nextem => 1,1,A\n").warnings[0].message


@pytest.mark.parametrize(
    "line", ["exten => 1,1,B", "exten => 1,hint,Y", "include => b", "ignorepat => 9", "switch => S/x", "exten => _[2-9],1,B"]
)
def test_first_of_two_stays(line: str) -> None:
    text = "[a]\nexten => 1,1,A\nexten => 1,hint,X\nexten => _N,1,A\ninclude => b\nignorepat => 9\nswitch => S/x\n"
    loaded = load(text + line + "\n")
    assert [warning.line for warning in loaded.warnings] == [8]
    first = loaded.plan.find("a", "1", 1)
    assert first is not None
    assert first.app_name == "A"


def test_unknown_general_option_is_told() -> None:
    loaded = load("[general]\nautofalthrough=yes\n")
    assert "autofallthrough" in loaded.warnings[0].message
    assert isinstance(loaded.plan, Dialplan)
