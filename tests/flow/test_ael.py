"""Calls through extensions.ael, beside extensions.conf."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
from tests.support.dialling import went_on
from tests.support.switch import LogCapture
from tests.support.testtech import Leg, World

AEL = """
globals { GREETING=hello; }
context ael {
    100 => {
        UserEvent(begin,Greeting: ${GREETING},Exten: ${EXTEN});
        for (i=1; ${i} <= 5; i=${i}+1) {
            if (${i} = 2) continue;
            if (${i} = 4) break;
            UserEvent(round,I: ${i});
        }
        &twice(3,${EXTEN});
        UserEvent(after,Result: ${RESULT},X: ${n});
        jump 200@conf;
    }
    _3XX => {
        switch (${EXTEN}) {
        case 301:
            UserEvent(one);
            break;
        case 302:
            UserEvent(two);
        pattern 31[1-5]:
            UserEvent(pattern,Exten: ${EXTEN});
            break;
        default:
            UserEvent(default);
        }
        UserEvent(end);
    }
    h => UserEvent(h);
}
macro twice(n, who) {
    if (${n} > 10) {
        return;
    }
    RESULT=${n}*2;
    UserEvent(macro,N: ${n},Who: ${who});
    return;
    UserEvent(never);
}
"""
CONF = """[conf]
exten => 200,1,UserEvent(conf)
 same => n,AELSub(twice,4,caller)
 same => n,UserEvent(back,Result: ${RESULT})
 same => n,Goto(ael,301,1)
[default]
exten => _X.,1,Goto(ael,${EXTEN},1)
"""


@asynccontextmanager
async def world(ael: str = AEL) -> AsyncIterator[World]:
    async with await World.start(CONF, files={"extensions.ael": ael}) as made:
        register_commands(made.system)
        made.phone("alice", "100", "Alice")
        yield made
        await made.all_gone()


async def call(made: World, number: str) -> list[tuple[str, ...]]:
    leg: Leg = made.tech.phones["alice"].dials(number)
    await made.all_gone()
    return went_on(made, leg)


async def test_loops_macros_and_jumps_between_both_languages() -> None:
    async with world() as made:
        assert await call(made, "100") == [
            ("begin", "Greeting=hello", "Exten=100"),
            ("round", "I=1"),
            ("round", "I=3"),
            ("macro", "N=3", "Who=100"),
            ("after", "Result=6", "X="),
            ("conf",),
            ("macro", "N=4", "Who=caller"),
            ("back", "Result=8"),
            ("one",),
            ("end",),
            ("h",),
        ]


async def test_switches() -> None:
    async with world() as made:
        assert await call(made, "302") == [("two",), ("pattern", "Exten=302"), ("end",), ("h",)]
        assert await call(made, "313") == [("pattern", "Exten=313"), ("end",), ("h",)]
        assert await call(made, "399") == [("default",), ("end",), ("h",)]


async def test_reload_keeps_both_languages_and_refuses_a_broken_file() -> None:
    async with world() as made:
        system = made.system
        made.files["extensions.ael"] = "context ael { 301 => UserEvent(new); }"
        assert await run_command(system, "ael reload") == "AEL dialplan reloaded.\n"
        assert await call(made, "301") == [("new",)]
        assert system.plan.exists("conf", "200")
        await run_command(system, "dialplan reload")
        assert await call(made, "301") == [("new",)]
        made.files["extensions.ael"] = "context ael { 301 => UserEvent(newer) }"
        with LogCapture() as log:
            assert "extensions.ael:1: expected ';'" in await run_command(system, "ael reload")
        assert log.texts(Level.ERROR)
        assert await call(made, "301") == [("new",)]
        await system.loader.unload("pbx_ael")
        assert "ael" not in system.plan.contexts
        assert system.plan.exists("conf", "200")


async def test_debugging_tells_what_is_read() -> None:
    async with world() as made:
        system = made.system
        for kind in ("read", "tokens", "contexts"):
            assert await run_command(system, f"ael set debug {kind}") == f"AEL debugging of {kind} is on.\n"
        with LogCapture() as log:
            await run_command(system, "ael reload")
        texts = log.texts(Level.NOTICE)
        assert any(text.startswith("read: extensions.ael") for text in texts)
        assert "tokens: extensions.ael:4: extension 100" in texts
        assert any(text.startswith("contexts: twice: 1 extensions") for text in texts)
        assert await run_command(system, "ael set debug off") == "AEL debugging is off.\n"
        with LogCapture() as log:
            await run_command(system, "ael reload")
        assert not log.texts(Level.NOTICE)
        assert (await run_command(system, "ael set debug all")).startswith("Usage")


async def test_bad_use_of_the_application() -> None:
    plan = "[default]\nexten => 1,1,AELSub()\nexten => 2,1,AELSub(nosuch)\nexten => 3,1,NoOp(${AEL_MATCH(x)})\n"
    plan += " same => n,UserEvent(on)\n"
    async with await World.start(plan, files={"extensions.ael": AEL}) as made:
        made.phone("alice", "100", "Alice")
        with LogCapture() as log:
            assert await call(made, "1") == []
            assert await call(made, "2") == []
            assert await call(made, "3") == [("on",)]
        texts = log.texts(Level.WARNING) + log.texts(Level.ERROR)
        assert any("needs the name of a macro" in text for text in texts)
        assert any("nosuch" in text for text in texts)
        assert any("AEL_MATCH" in text for text in texts)
