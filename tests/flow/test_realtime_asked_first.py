"""Extensions in a database that nobody asked about before: whoever asks whether they are there waits for the answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core import events
from tests.support.calls import Call
from tests.support.dialling import connected, dialling, ringing, went_on
from tests.support.realtime import TestDatabase, realtime_files, realtime_system
from tests.support.sip_transfer import notified, refer_to, talk, transfer_office

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]

TABLE = "CREATE TABLE extensions (id INTEGER PRIMARY KEY, context TEXT, exten TEXT, priority INTEGER, app TEXT, appdata TEXT);"
MAPPING = "extensions => odbc,asterisk\n"


def rows(*steps: tuple[str, int, str, str], context: str = "default") -> str:
    """The table with these extensions, priorities, applications and arguments."""
    values = ", ".join(f"('{context}', '{exten}', {number}, '{app}', '{data}')" for exten, number, app, data in steps)
    return f"{TABLE}\nINSERT INTO extensions (context, exten, priority, app, appdata) VALUES {values};"


def database(root: Path, script: str) -> dict[str, str]:
    """The configuration of a database with this script."""
    held = TestDatabase(root / "realtime.sqlite3")
    held.script(script)
    return realtime_files(held, MAPPING)


@pytest.mark.parametrize(
    ("step", "extension"),
    [
        ("Gosub(x,1)", "x"),
        ("GosubIf(1?x,1)", "x"),
        ("ExecIf(1?Gosub(x,1))", "x"),
        ("Exec(Gosub(x,1))", "x"),
        ("TryExec(Gosub(x,1))", "x"),
        ("RaiseException(because)", "e"),
        ("WaitExten(1)", "t"),
        ("Set(TIMEOUT(absolute)=1)\n same => n,Wait(9)", "T"),
        ("AGI(agi://127.0.0.1:1)\n same => n,Gosub(x,1)", "x"),
        ("ReadExten(D,,,,1)\n same => n,Set(GLOBAL(FOUND)=${READEXTENSTATUS})", "7"),
    ],
)
async def test_an_application_waits(tmp_path: Path, step: str, extension: str) -> None:
    script = rows((extension, 1, "Set", "GLOBAL(FOUND)=row"), (extension, 2, "Hangup", ""))
    plan = f"[default]\nexten => s,1,Answer(,i)\n same => n,{step}\nswitch => Realtime\n"
    async with realtime_system(tmp_path, script, MAPPING, {"extensions.conf": plan}) as (system, _):
        call = Call(system).start()
        if extension == "7":
            await asyncio.sleep(0.2)
            await call.press("7")
        await call.end()
        assert system.globals.get("FOUND") == ("OK" if extension == "7" else "row")


@pytest.mark.parametrize(
    ("options", "row"),
    [("b(x^1)", ("x", "UserEvent", "row")), ("B(x^1)", ("x", "UserEvent", "row")), ("U(db)", ("s", "UserEvent", "row"))],
)
async def test_subroutines_of_dial(tmp_path: Path, options: str, row: tuple[str, str, str]) -> None:
    files = database(tmp_path, rows((row[0], 1, row[1], row[2]), (row[0], 2, "Return", ""), context="db"))
    before = "switch => Realtime/db@\nexten => 200,1,NoOp()\n"
    async with dialling(f"Test/bob,,{options}", before=before, files=files, extra="[db]\nswitch => Realtime/db@\n") as world:
        call, leg = await connected(world)
        await world.settle(0.5)
        assert ("row",) in went_on(world, call if options[0] == "B" else leg)
        call.hangs_up()


async def test_the_caller_leaves_a_dial_by_a_digit(tmp_path: Path) -> None:
    files = database(tmp_path, rows(("5", 1, "UserEvent", "row"), ("5", 2, "Hangup", "")))
    before = "switch => Realtime\nexten => 200,1,NoOp()\n"
    async with dialling("Test/bob,,d", before=before, files=files) as world:
        call, _ = await ringing(world)
        call.presses("5")
        await world.settle(0.5)
        assert went_on(world, call)[0] == ("row",)


async def test_a_transfer_by_digits(tmp_path: Path) -> None:
    files = database(tmp_path, rows(("300", 1, "UserEvent", "row"), ("300", 2, "Hangup", "")))
    files["features.conf"] = "[featuremap]\nblindxfer => #1\n"
    before = "switch => Realtime\nexten => 200,1,Set(__TRANSFER_EXTEN=300)\n"
    async with dialling("Test/bob,,T", before=before, files=files) as world:
        call, leg = await connected(world)
        call.presses("#1")
        await world.settle(1)
        assert went_on(world, leg)[0] == ("row",)


async def test_a_transfer_by_refer(tmp_path: Path) -> None:
    """404 for what no row has, and the call goes on; then the transfer to a row."""
    script = rows(("300", 1, "Dial", "PJSIP/carol"))
    async with transfer_office(tmp_path, "[default]\nswitch => Realtime\n", database(tmp_path, script)) as (_, phones):
        alice, bob, carol, _ = phones
        a, b = await talk(alice, "101", bob)
        await a.request_inside("REFER", refer_to("301"))
        assert [(await notified(alice))[0] for _ in range(2)] == ["SIP/2.0 100 Trying", "SIP/2.0 404 Not Found"]
        await a.request_inside("REFER", refer_to("300"))
        c = await carol.ring()
        c.reply(180)
        assert [(await notified(alice))[0] for _ in range(2)] == ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing"]
        assert (await notified(alice))[0] == "SIP/2.0 200 OK"
        await a.hang_up()
        await c.answer()
        await b.hang_up()
        await c.ended()


FORWARDED = [("300", 1, "UserEvent", "row"), ("300", 2, "Answer", ""), ("300", 3, "Wait", "2"), ("300", 4, "Hangup", "")]


@pytest.mark.parametrize("target", ["300", "301"])
async def test_a_callee_forwards_to_a_row(tmp_path: Path, target: str) -> None:
    """The Local channel of the forwarding waits for the database; what is not there ends the call as busy lines do."""
    plan = "[default]\nswitch => Realtime\nexten => 400,1,Dial(PJSIP/bob,20)\n same => n,Set(GLOBAL(STATUS)=${DIALSTATUS})\n"
    async with transfer_office(tmp_path, plan, database(tmp_path, rows(*FORWARDED))) as (office, (alice, bob, *_)):
        call = alice.call("400")
        await alice.get(100)
        b = await bob.ring()
        assert b.request is not None
        moved = bob.reply_to(b.request, 302, tag=b.tag)
        bob.send(moved.replace(f"Contact: <{bob.uri}>", f"Contact: <sip:{target}@127.0.0.1>"))
        await bob.get("ACK")
        await alice.get(181)
        if target == "300":
            await call.answered()
            await call.ended()
        else:
            call.refused(await alice.final())
            assert office.system.globals.get("STATUS") == "CHANUNAVAIL"


async def test_followme_finds_a_row(tmp_path: Path) -> None:
    files = {
        "followme.conf": "[me]\ncontext=default\nnumber=>300,5\n",
        "extensions.conf": "[default]\nexten => s,1,FollowMe(me,dn)\nswitch => Realtime\n",
    }
    async with realtime_system(tmp_path, rows(*FORWARDED), MAPPING, files) as (system, _):
        seen: list[str] = []
        system.bus.subscribe(events.UserEventRaised, lambda event: seen.append(event.name))
        call = Call(system).start()
        await asyncio.sleep(3)
        call.hang_up()
        await call.end()
        assert seen == ["row"]
