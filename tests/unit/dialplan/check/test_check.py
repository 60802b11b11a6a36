"""The check of dialplans: each mistake once, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from globstar.config import MemorySource, read_config
from globstar.dialplan.check import Catalogue, Finding, Severity, Surroundings, check_dialplan
from globstar.dialplan.reader import read_extensions
from globstar.interfaces.check import CLEAN, FOUND, UNREADABLE, check_directory, main

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
CATALOGUE = Catalogue(
    "Answer Hangup Goto GotoIf Gosub GosubIf Return NoOp Set Wait Playback Dial System While EndWhile ExitWhile If ElseIf Else "
    "EndIf Read Busy Exec ExecIf Verbose Background WaitExten MixMonitor Originate Stasis".split(),
    "CALLERID FILTER LEN IF RAND EXISTS SHELL PJSIP_HEADER CUT GLOBAL ARRAY SET HASH CHANNEL".split(),
)


def serious(findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if one.severity is not Severity.NOTE]


def check(text: str, **surroundings: object) -> list[tuple[str, int]]:
    config = read_config("extensions.conf", MemorySource({"extensions.conf": text}))
    found = check_dialplan(config, read_extensions(config), CATALOGUE, Surroundings(**surroundings))  # type: ignore[arg-type]
    return [(one.kind, one.line) for one in serious(found)]


def test_every_mistake_of_the_bad_sample_is_told_exactly_once():
    wanted = [
        (number, kind)
        for number, line in enumerate((HERE / "bad" / "extensions.conf").read_text().splitlines(), 1)
        for kind in re.findall(r"\S+$", line.partition("; finds: ")[2]) if not line.startswith(";")
    ]  # fmt: skip
    found = [(one.line, one.kind) for one in serious(check_directory(HERE / "bad"))]
    assert found == wanted
    assert len(wanted) > 25


@pytest.mark.parametrize("folder", ["good"])
def test_odd_but_right_dialplans_are_left_in_peace(folder: str):
    assert serious(check_directory(HERE / folder)) == []


@pytest.mark.parametrize("name", sorted(path.parent.name for path in (ROOT / "examples").glob("*/extensions.conf")))
def test_the_examples_are_clean(name: str):
    assert serious(check_directory(ROOT / "examples" / name)) == []


def test_the_observed_configuration_has_two_mistakes_that_were_made_on_purpose(shared: Path):
    found = [(one.kind, one.line) for one in serious(check_directory(shared / "vectors" / "calls" / "config"))]
    assert found == [("unknown-application", 82), ("unknown-option", 163)]  # NoSuchApp(), and Dial's old option M


def test_the_observed_dialplans_have_no_warning_that_is_not_true(shared: Path):
    """Sinks and loops: the vectors have none. What is unreachable in them never ran."""
    for kind in ("flows", "substitution", "functions"):
        for line in (shared / "vectors" / "dialplan" / f"{kind}.jsonl").read_text().splitlines():
            case = json.loads(line)
            config = read_config("extensions.conf", MemorySource({"extensions.conf": case["conf"]}))
            found = check_dialplan(config, read_extensions(config), CATALOGUE)
            assert not [one for one in found if one.kind in ("endless-loop", "caller-controlled")], case["id"]
            ran = {(context, extension, int(priority)) for context, extension, priority, *_ in case.get("executed", ())}
            for one in found:
                if one.kind == "unreachable":
                    assert (one.context, one.extension, one.priority) not in ran, (case["id"], str(one))


# -- one thing at a time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("exten => s,1,Goto(s,2)\nexten => s,2,Hangup()", []),
        ("exten => s,1,Goto(+2)\n same => n,NoOp()\n same => n,Hangup()", [("unreachable", 3)]),
        ("exten => s,1,Goto(${X},1)\nexten => a,2(x),Hangup()", [("unreachable", 3), ("unset-variable", 2)]),
        ("exten => s,1,GotoIf(0?a:b)\n same => n(a),Hangup()\n same => n(b),Hangup()", [("unreachable", 3)]),
        ("exten => s,1,GotoIf(${LEN(x)}?s,1)", []),
        ("exten => s,1,Gosub(sub,s,1)\n[sub]\nexten => s,1,Goto(s,1)", [("endless-loop", 4)]),
        ("exten => s,1,Exec(Hangup())\n same => n,NoOp()", [("unreachable", 3)]),
        ("exten => s,1,While(${LEN(x)})\nsame => n,ExitWhile()\nsame => n,EndWhile()\nsame => n,Hangup()", [("unreachable", 4)]),
        ("exten => s,1,While(1)\n same => n,GotoIf(${LEN(x)}?out)\n same => n,EndWhile()\n same => n(out),Hangup()", []),
        ("exten => s,1,If(1)\n same => n,NoOp()\n same => n,Else()\n same => n,NoOp()\n same => n,EndIf()", []),
        ("exten => s,1,EndIf()", []),
        ("exten => 10,1,Hangup()\n same => n,NoOp()\nexten => _X.,1,NoOp()\n same => n,Hangup()", [("unreachable", 3)]),
        ("exten => _1X,1,Hangup()\n same => n,NoOp()\nexten => _XX,1,NoOp()\n same => n,Hangup()", [("unreachable", 3)]),
        ("exten => _1X,1,NoOp()\nexten => _XX,2,Hangup()", []),
        ("exten => _1X,2,Hangup()\nexten => _XX,1,NoOp()", []),
        ("exten => _XX,1,Hangup()\nexten => _XX,2,NoOp()\nexten => _1X,1,NoOp()", []),
        ("exten => s,1,If(1)", [("syntax", 2)]),
    ],
)  # fmt: skip
def test_courses(lines: str, found: list[tuple[str, int]]):
    assert sorted(check("[default]\n" + lines)) == sorted(found)


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("GotoIfTime(9:00-17:00,mon-fri,*,*?1)", []),
        ("GotoIfTime(9:00-25:00,*,*,*?1)", ["syntax"]),
        ("GotoIfTime(*,someday,*,*?1)", ["syntax"]),
        ("GotoIfTime(${HOURS},someday,*,*?1)", []),  # known when it runs
        ("ExecIfTime(*,*,32,*?NoOp())", ["syntax"]),
        ("NoOp(${IFTIME(*,*,*,smarch?a:b)})", ["syntax"]),
        ("Set(X)", ["syntax"]),
        ("Set(X=)", []),
        ("Set(${PAIR})", []),
        ("Set()", []),
    ],
)
def test_times_and_assignments(step: str, found: list[str]):
    plan = f"[globals]\nHOURS=*\nPAIR=A=b\n[default]\nexten => s,1,{step}\n same => n,Hangup()"
    catalogue = Catalogue(["GotoIfTime", "ExecIfTime", "NoOp", "Set", "Hangup"], ["IFTIME"])
    config = read_config("extensions.conf", MemorySource({"extensions.conf": plan}))
    findings = serious(check_dialplan(config, read_extensions(config), catalogue))
    kinds = [one.kind for one in findings if one.kind != "endless-loop"]
    assert kinds == found


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("Playback(a&b,skip&mix)", []),
        ("Playback(a,loud)", [("unknown-option", 2)]),
        ("Zapateller(nocallerid)", []),
        ("MinivmNotify(a@b.example,short)", []),  # the name of a template
    ],
)
def test_options_that_are_words(step: str, found: list[tuple[str, int]]):
    assert check(f"[default]\nexten => s,1,{step}\n same => n,Hangup()") == found


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("exten => _X.,1,System(x ${EXTEN})", True),
        ("exten => _XXX,1,System(x ${EXTEN})", False),
        ("exten => _[a-z]X,1,System(x ${EXTEN})", True),
        ("exten => _X.,1,System(x ${EXTEN:1})", True),
        ("exten => _X.,1,System(x ${FILTER(0-9,${EXTEN})})", False),
        ("exten => _X.,1,System(x ${LEN(${EXTEN})})", False),
        ("exten => _X.,1,Set(Y=${CUT(EXTEN,-,1)})\n same => n,System(${Y})", True),
        ("exten => s,1,Set(Y=${CALLERID(num)})\n same => n,Set(Y=1)\n same => n,System(${Y})", False),
        ("exten => s,1,ExecIf(${LEN(x)}?System(${CALLERID(num)}))", True),
        ("exten => s,1,NoOp($[${CALLERID(pres)} = 1])", False),
        ("exten => s,1,MixMonitor(a.wav,b,mv a.wav ${CALLERID(num)})", True),
        ("exten => s,1,MixMonitor(${CALLERID(num)}.wav,b,mv a.wav b.wav)", False),
        ("exten => s,1,Read(D,beep)\n same => n,System(x ${D})", True),
        ("exten => s,1,Read(D,beep)\n same => n,Set(F=${D:1})\n same => n,NoOp(${SHELL(x ${F})})", True),
        ("exten => s,1,Read(D,beep)\n same => n,System(x ${FILTER(0-9,${D})})", False),
        ("exten => s,1,Read(D,beep)\n same => n,Set(D=1)\n same => n,System(x ${D})", False),
        ("exten => s,1,Read(D,beep)\n same => n,Dial(PJSIP/${D})\n same => n,NoOp($[${D} = 1])", False),
        ("exten => s,1,NoOp($[\"${CALLERID(all)}\" = \"\"])", True),
        ("exten => s,1,Dial(PJSIP/bob,20,f(${CALLERID(all)}))", False),
        ("exten => s,1,Set(GLOBAL(Y)=${PJSIP_HEADER(read,X)})\n same => n,Dial(${Y})", True),
        ("exten => s,1,Set(PJSIP_HEADER(add,X)=${CALLERID(num)})", False),
        ("exten => s,1,Set(__Y=${CALLERID(name)})\n same => n,Goto(t,1)\nexten => t,1,System(${Y})", True),
    ],
)  # fmt: skip
def test_what_callers_choose(line: str, is_found: bool):
    kinds = [kind for kind, _ in check("[default]\n" + line)]
    assert kinds == (["caller-controlled"] if is_found else [])


def test_variables_may_come_from_elsewhere():
    plan = "[default]\nexten => s,1,NoOp(${FROM_PHONE}${LOOSE}${DIALSTATUS}${ARG1})\n"
    assert check(plan, variables=["FROM_PHONE"]) == [("unset-variable", 2)]
    assert check(plan + " same => n,Stasis(app)\n", variables=["FROM_PHONE"]) == []


def test_contexts_of_other_files_and_of_switches():
    plan = "[a]\nexten => s,1,Goto(b,5,1)\ninclude => lot\n[b]\nswitch => Loopback/x\n[c]\nexten => s,1,Hangup()\n"
    assert check(plan, entries=["a"], made=["lot"]) == [("unreachable", 7)]
    assert check(plan, entries=["a", "c"]) == [("unknown-context", 3)]


SHADOWED = "[b]\nexten => 100,1,Hangup()\nexten => _2XX,1,Hangup()\nexten => 300,1,Hangup()\n"


@pytest.mark.parametrize(
    ("own", "lines"),
    [
        ("exten => 100,1,Hangup()\ninclude => b", [5]),
        ("exten => _X.,1,Hangup()\ninclude => b", [5, 6, 7]),
        ("exten => _X.,2,Hangup()\ninclude => b", [2]),  # begins nowhere, so it takes nothing
        ("exten => _X./5,1,Hangup()\ninclude => b", []),
        ("include => b\nexten => _X!,1,Hangup()", [5, 6, 7]),
        ("exten => _1X.,1,Goto(b,100,1)\ninclude => b", []),
        ("exten => 100,1,Hangup()\ninclude => b,09:00-17:00,*,*,*", [5]),
    ],
)
def test_extensions_of_an_included_context_that_get_no_call(own: str, lines: list[int]):
    found = check(f"[a]\n{own}\n{SHADOWED}", entries=["a"])
    assert found == [("unreachable", line) for line in lines]


def test_what_is_searched_at_times_only_takes_nothing_from_others():
    day = "[a]\ninclude => day,09:00-17:00,*,*,*\ninclude => b\n[day]\nexten => _X.,1,Hangup()\n"
    assert check(day + SHADOWED, entries=["a"]) == []
    assert check(day.replace(",09:00-17:00,*,*,*", "") + SHADOWED, entries=["a"]) == [("unreachable", line) for line in (7, 8, 9)]
    assert check(day.replace(",09:00-17:00,*,*,*", "") + SHADOWED, entries=["a", "b"]) == []


def test_ael_and_lua_beside_it(tmp_path: Path):
    (tmp_path / "extensions.conf").write_text(
        "[default]\nexten => 1,1,Goto(ael,s,1)\nexten => 2,1,Goto(lua-side,1,1)\nexten => 3,1,Goto(nowhere,1,1)\n"
    )
    (tmp_path / "extensions.ael").write_text(
        "context ael {\n s => {\n  if (${LEN(x)} > 1) { Anser(); return; } else { Hangup(); }\n  NoOp(${NEVERSET});\n"
        "  &greet(a);\n  jump nowhere@ael;\n }\n}\ncontext dialled { _X. => System(x ${EXTEN}); }\n"
        "macro greet(who) {\n NoOp(${who});\n return;\n Playback(never);\n}\n"
    )
    found = [(one.file, one.line, one.kind) for one in serious(check_directory(tmp_path))]
    assert found == [
        ("extensions.ael", 3, "unknown-application"),
        ("extensions.ael", 4, "unset-variable"),
        ("extensions.ael", 6, "unknown-extension"),
        ("extensions.ael", 9, "caller-controlled"),
        ("extensions.ael", 13, "unreachable"),
        ("extensions.conf", 3, "unknown-context"),
        ("extensions.conf", 4, "unknown-context"),
    ]
    (tmp_path / "extensions.lua").write_text("extensions = { ['lua-side'] = { ['1'] = function() end } }")
    kinds = [(one.file, one.line, one.kind) for one in serious(check_directory(tmp_path))]
    assert ("extensions.conf", 3, "unknown-context") not in kinds
    assert ("extensions.conf", 4, "unknown-context") in kinds
    (tmp_path / "extensions.ael").write_text("context a { s => NoOp() }")
    assert ("extensions.ael", 1, "syntax") in [(one.file, one.line, one.kind) for one in serious(check_directory(tmp_path))]
    (tmp_path / "extensions.conf").unlink()
    (tmp_path / "extensions.ael").write_text("context default { s => NoOp(); }")
    assert check_directory(tmp_path) == []


# -- the command -------------------------------------------------------------------------------------------------------------


def test_text_json_and_exit_codes(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["check", str(HERE / "bad")]) == FOUND
    text = capsys.readouterr().out
    assert "extensions.conf:7: error: there is no application 'Anser'; did you mean Answer? [unknown-application]" in text
    assert text.endswith("18 errors, 13 warnings\n")
    assert main(["check", "--json", str(HERE / "bad")]) == FOUND
    first = json.loads(capsys.readouterr().out)["findings"][0]
    assert first == {
        "kind": "unknown-application", "severity": "error", "file": "extensions.conf", "line": 7, "context": "phones",
        "extension": "100", "priority": 1, "message": "there is no application 'Anser'; did you mean Answer?",
    }  # fmt: skip
    assert main(["check", str(HERE / "good")]) == CLEAN
    assert capsys.readouterr().out == "0 errors, 0 warnings\n"
    assert main(["check", str(tmp_path / "nowhere")]) == UNREADABLE
    assert "is no directory" in capsys.readouterr().err
    assert main(["check", str(tmp_path)]) == UNREADABLE
    kinds = {one.kind for one in check_directory(HERE / "bad")}
    assert main(["check", str(HERE / "bad"), *(word for kind in kinds for word in ("--ignore", kind))]) == CLEAN


def test_the_program_has_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "globstar", "dialplan", "check", str(HERE / "good")], capture_output=True, text=True, timeout=60,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "0 errors, 0 warnings\n"), done.stderr
