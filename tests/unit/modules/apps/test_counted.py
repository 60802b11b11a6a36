"""SayCountedNoun, SayCountedAdj and VMCOUNT: things that are counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core import events
from globstar.core.system import System
from globstar.modules.apps.saycounted import adjective_suffix, noun_suffix
from tests.support.calls import Call, run_dialplan
from tests.support.switch import LogCapture, running_system
from tests.unit.modules.apps.test_read import sounds

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("language", "endings"),
    [
        ("en", {0: "s", 1: "", 2: "s", 5: "s", 11: "s", 21: "s", -1: ""}),
        ("ru", {0: "x2", 1: "", 2: "x1", 4: "x1", 5: "x2", 11: "x2", 12: "x2", 14: "x2", 21: "", 22: "x1", 111: "x2", 101: ""}),
        ("cs_CZ", {1: "", 3: "x1", 7: "x2"}),
        ("xx", {1: "", 2: "s"}),
    ],
)
def test_endings_of_nouns(language: str, endings: dict[int, str]) -> None:
    assert {number: noun_suffix(number, language) for number in endings} == endings


@pytest.mark.parametrize(
    ("number", "language", "gender", "ending"),
    [(1, "en", "f", ""), (5, "en", "", ""), (1, "ru", "f", "a"), (1, "ru", "m", ""), (21, "ru", "f", "a"), (5, "ru", "f", "x"),
     (11, "ru", "f", "x")],
)  # fmt: skip
def test_endings_of_adjectives(number: int, language: str, gender: str, ending: str) -> None:
    assert adjective_suffix(number, language, gender) == ending


async def played(system: System, plan: str) -> tuple[Call, list[str]]:
    files: list[str] = []
    undo = system.bus.subscribe(events.FilePlayed, lambda event: files.append(event.file))
    try:
        return await run_dialplan(system, f"[default]\n{plan} same => n,NoOp(on)\n"), files
    finally:
        undo()


async def test_say_counted(system: System) -> None:
    sounds(system, "call", "calls", "../ru/newa")
    plan = (
        "exten => s,1,SayCountedNoun(1,call)\n same => n,SayCountedNoun(3,call)\n same => n,Set(CHANNEL(language)=ru)\n"
        " same => n,SayCountedAdj(1,new,f)\n"
    )
    call, files = await played(system, plan)
    assert files == ["call.ulaw", "calls.ulaw", "newa.ulaw"]
    assert call.steps[-1] == "NoOp(on)"


@pytest.mark.parametrize(
    "data", ["SayCountedNoun()", "SayCountedNoun(1)", "SayCountedNoun(x,call)", "SayCountedNoun(9,no)", "SayCountedAdj(1,new,q)"]
)
async def test_say_counted_wrongly(system: System, data: str) -> None:
    with LogCapture() as log:
        call, files = await played(system, f"exten => s,1,{data}\n")
    assert len(log.texts(Level.WARNING)) == 1
    assert files == []
    assert "NoOp(on)" not in call.steps


async def test_vmcount(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"voicemail.conf": "[default]\n100 => 1,A\n101 => 1,B\n"}) as system:
        for mailbox, folder, count in (("100", "INBOX", 2), ("100", "Old", 3), ("101", "INBOX", 1)):
            path = Path(system.directories.astspooldir) / "voicemail" / "default" / mailbox / folder
            path.mkdir(parents=True)
            for number in range(count):
                (path / f"msg{number:04}.txt").write_text("")
        asked = ("100", "100@default,Old", "100&101@default", "nobody", "100,../101/INBOX", "")
        plan = "".join(f" same => n,Set(R{index}=${{VMCOUNT({args})}})\n" for index, args in enumerate(asked))
        with LogCapture() as log:
            call = await run_dialplan(system, f"[default]\nexten => s,1,NoOp()\n{plan}")
    assert call.variables == {"R0": "2", "R1": "3", "R2": "3", "R3": "0", "R4": "0", "R5": ""}
    assert len(log.records) == 1
