"""The Asterisk Extension Language: what a file compiles to, and what is wrong with one."""

from __future__ import annotations

import pytest

from globstar.config import MemorySource
from globstar.dialplan.ael import AelFault, LoadedAel, compile_ael, parse_ael
from globstar.dialplan.plan import Dialplan


def load(text: str, **files: str) -> LoadedAel:
    source = MemorySource({"extensions.ael": text, **{name.replace("_", "."): other for name, other in files.items()}})
    return compile_ael(parse_ael("extensions.ael", source))


def steps(plan: Dialplan, context: str, extension: str) -> list[str]:
    found = plan.contexts[context].get(extension, None)
    assert found is not None
    labels = {step.priority: f"({step.label})" if step.label else "" for step in found.ordered_steps()}
    return [f"{labels[step.priority]}{step.app_name}({step.data})" for step in found.ordered_steps() if step.priority > 0]


def body(text: str) -> list[str]:
    return steps(load("context a { s => {\n" + text + "\n}; }").plan, "a", "s")


def test_a_whole_file():
    loaded = load(
        """
        // a comment
        globals { TRUNK=PJSIP/trunk; EMPTY=; }
        /* and
           another */
        context office {
            includes { parked; night|22:00-6:00|*|*|*; }
            switches { Loopback/other; }
            eswitches { Loopback/${X}; }
            ignorepat => 9;
            hint(PJSIP/100) 100 => Dial(PJSIP/100,20);
            _2XX/555 => { NoOp(caller); }
            101 => NoOp();
        };
        extend context office { 102 => &greet(a,b); }
        macro greet(who, how) {
            local x = ${who};
            Playback(${how});
            catch h { NoOp(gone); }
        }
        """
    )
    assert loaded.globals == {"TRUNK": "PJSIP/trunk", "EMPTY": ""}
    office = loaded.plan.contexts["office"]
    assert [include.context for include in office.includes] == ["parked", "night"]
    assert office.includes[1].timing is not None
    assert [(switch.name, switch.data, switch.evaluates) for switch in office.switches] == [
        ("Loopback", "other", False), ("Loopback", "${X}", True)
    ]  # fmt: skip
    assert office.ignores("9")
    hint = loaded.plan.hint("office", "100")
    assert hint is not None
    assert hint.app_name == "PJSIP/100"
    assert steps(loaded.plan, "office", "100") == ["Dial(PJSIP/100,20)"]
    assert loaded.plan.find("office", "205", 1, "555") is not None
    assert loaded.plan.find("office", "205", 1, "1") is None
    assert steps(loaded.plan, "office", "102") == ["Gosub(greet,~~s~~,1(a,b))"]
    assert steps(loaded.plan, "greet", "~~s~~") == [
        "MSet(LOCAL(who)=${ARG1},LOCAL(how)=${ARG2})", "Set(LOCAL(x)=$[${who}])", "Playback(${how})", "Return()"
    ]  # fmt: skip
    assert steps(loaded.plan, "greet", "h") == ["NoOp(gone)"]
    step = loaded.plan.find("office", "102", 1)
    assert step is not None
    assert (step.file, step.line, step.registrar) == ("extensions.ael", 15, "pbx_ael")
    assert loaded.warnings == []


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("x=1+1;", ["Set(x=$[1+1])"]),
        ("CALLERID(name)=\"a;b\";", ['Set(CALLERID(name)=$["a;b"])']),
        ("Answer;", ["Answer()"]),
        ("Answer();;", ["Answer()"]),
        ("NoOp(a\\;b (c) \"d)\" ${IF($[1]?x:y)});", ['NoOp(a;b (c) "d)" ${IF($[1]?x:y)})']),
        ("Dial(PJSIP/a&\n   PJSIP/b,\n 20);", ["Dial(PJSIP/a& PJSIP/b, 20)"]),
        ("if (${x} > 1) { NoOp(a); } else NoOp(b);",
         ["GotoIf($[${x} > 1]?2:4)", "NoOp(a)", "Goto(5)", "NoOp(b)", "NoOp()"]),
        ("if (1) NoOp(a);", ["GotoIf($[1]?2:3)", "NoOp(a)", "NoOp()"]),
        ("if (1) { if (2) NoOp(a); else NoOp(b); } NoOp(c);",
         ["GotoIf($[1]?2:6)", "GotoIf($[2]?3:5)", "NoOp(a)", "Goto(6)", "NoOp(b)", "NoOp(c)"]),
        ("random(30) NoOp(a);", ["GotoIf($[${RAND(0,99)} < (30)]?2:3)", "NoOp(a)", "NoOp()"]),
        ("ifTime(9:00-17:00|mon-fri|*|*) NoOp(a); else NoOp(b);",
         ["GotoIfTime(9:00-17:00,mon-fri,*,*?2:4)", "NoOp(a)", "Goto(5)", "NoOp(b)", "NoOp()"]),
        ("while (${x} < 3) { x=${x}+1; if (${x}=2) continue; break; }",
         ["GotoIf($[${x} < 3]?2:7)", "Set(x=$[${x}+1])", "GotoIf($[${x}=2]?4:5)", "Goto(6)", "Goto(7)", "Goto(1)", "NoOp()"]),
        ("for (i=0; ${i} < 3; i=${i}+1) { SayNumber(${i}); }",
         ["Set(i=$[0])", "GotoIf($[${i} < 3]?3:6)", "SayNumber(${i})", "Set(i=$[${i}+1])", "Goto(2)", "NoOp()"]),
        ("goto a|s|begin; jump 5@b; jump 6,2@b; jump 7;", ["Goto(a,s,begin)", "Goto(b,5,1)", "Goto(b,6,2)", "Goto(7,1)"]),
        ("begin: NoOp(x); other: third: goto begin; end:",
         ["(begin)NoOp(x)", "(other)NoOp()", "(third)Goto(begin)", "(end)NoOp()"]),
        ("NoOp(a); return; NoOp(b);", ["NoOp(a)", "Goto(4)", "NoOp(b)", "NoOp()"]),
        ("switch (${x}) { case 1: NoOp(one); break; case 2: case 3: NoOp(some); pattern 4X: NoOp(x); break; default: NoOp(no); }",
         ["Set(~~SWITCH~~=${x})", "GotoIf(${AEL_MATCH(1,~~SWITCH~~)}?7)", "GotoIf(${AEL_MATCH(2,~~SWITCH~~)}?9)",
          "GotoIf(${AEL_MATCH(3,~~SWITCH~~)}?9)", "GotoIf(${AEL_MATCH(_4X,~~SWITCH~~)}?10)", "Goto(12)", "NoOp(one)", "Goto(13)",
          "NoOp(some)", "NoOp(x)", "Goto(13)", "NoOp(no)", "NoOp()"]),
        ("{ { NoOp(a); } }", ["NoOp(a)"]),
        ("", ["NoOp()"]),
    ],
)  # fmt: skip
def test_statements(text: str, made: list[str]):
    assert body(text) == made


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("context a {\n s => {\n NoOp(x);\n", 2, "block has no end"),
        ("context a {\n s => NoOp(x", 2, "NoOp(...) has no end"),
        ("context a {\n s => NoOp(x)\n}", 3, "expected ';' after NoOp(x)"),
        ("contxt a { }", 1, "expected context, macro or globals, found 'contxt'"),
        ("context a {}\ncontext a {}", 2, "'a' is there already"),
        ("context a {\n s => break; }", 2, "break outside"),
        ("context a {\n s => continue; }", 2, "continue outside"),
        ("context a {\n s => switch (1) { case 1: continue; } }", 2, "continue outside"),
        ("context a {\n s => { x: NoOp();\n x: NoOp(); } }", 3, "label 'x' stands twice"),
        ("context a {\n s => switch(1) { NoOp(); } }", 2, "expected case, pattern or default"),
        ("/* never", 1, "comment begins"),
        ('#include "nosuch.ael"', 1, "no file 'nosuch.ael'"),
        ("context a {\n s => jump a,b,c; }", 2, "jump goes to"),
        ("context {", 1, "has no name"),
        ("context a {", 1, "context a has no end"),
        ("macro a(x", 1, "macro a has no end"),
        ("context a { s => ; 5 }", 1, "has no end"),
    ],
)
def test_what_cannot_be_understood_is_told_with_file_and_line(text: str, line: int, said: str):
    with pytest.raises(AelFault) as fault:
        load(text)
    assert fault.value.line == line, str(fault.value)
    assert said in str(fault.value)


def test_included_files_and_warnings():
    text = '#include "more.ael"\ncontext a { s => &nosuch(); 5 => NoOp(); 5 => NoOp(); regexten 6 => NoOp(); }'
    loaded = load(text, more_ael="context b { s => NoOp(x); }")
    step = loaded.plan.find("b", "s", 1)
    assert step is not None
    assert (step.file, step.line) == ("more.ael", 1)
    texts = [message for _, message in loaded.warnings]
    assert len(texts) == 3
    assert any("regexten" in text for text in texts)
    assert any("no macro 'nosuch'" in text for text in texts)
    assert any("is there already" in text for text in texts)
    with pytest.raises(AelFault, match="deep"):
        load('#include "extensions.ael"')
