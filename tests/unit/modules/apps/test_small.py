"""Verbose, Log, System, UserEvent, DumpChan, DBdeltree, SoftHangup, Reload, Zapateller, the CDR applications."""

from __future__ import annotations

import pytest

from globstar.base.log import Level, hub
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.system import System
from tests.support.calls import Call, load_dialplan, run_dialplan
from tests.support.switch import LogCapture


@pytest.mark.parametrize(
    ("step", "level", "text"),
    [
        ("Log(NOTICE,a,b)", Level.NOTICE, "s@default:1: a,b"),
        ("Log(warning,a)", Level.WARNING, "s@default:1: a"),
        ("Log(BOGUS,a)", Level.ERROR, "Unknown log level: 'BOGUS'"),
        ("Verbose(2,hello)", Level.VERBOSE, "hello"),
        ("Verbose(hello)", Level.VERBOSE, "hello"),
        ("Verbose(9,hidden)", Level.VERBOSE, None),
    ],
)
async def test_messages(system: System, step: str, level: Level, text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "verbosity", 2)
    with LogCapture(Level.NOTICE | Level.WARNING | Level.ERROR | Level.VERBOSE) as log:
        await run_dialplan(system, f"[default]\nexten => s,1,{step}\n")
    texts = [found for found in log.texts(level) if "Executing" not in found and "fallthrough" not in found]
    assert texts == ([] if text is None else [text])


@pytest.mark.parametrize(
    ("command", "status", "is_warned"),
    [("true", "SUCCESS", False), ("exit 3", "APPERROR", False), ("/no/such/command", "FAILURE", True), ("", "FAILURE", True)],
)
async def test_system(system: System, command: str, status: str, is_warned: bool) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(
            system, f"[default]\nexten => s,1,System({command})\n same => n,TrySystem({command})\n same => n,NoOp(on)\n"
        )
    assert [value for _, value in call.set] == [status, status]
    assert call.steps[-1] == "NoOp(on)"
    assert bool(log.records) is is_warned


async def test_system_runs_after_the_caller_has_gone(system: System) -> None:
    call = await run_dialplan(system, "[default]\nexten => s,1,Hangup()\nexten => h,1,System(true)\n same => n,NoOp(after)\n")
    assert call.steps[-1] == "NoOp(after)"


async def test_user_event(system: System) -> None:
    seen: list[events.UserEventRaised] = []
    system.bus.subscribe(events.UserEventRaised, seen.append)
    await run_dialplan(system, '[default]\nexten => s,1,UserEvent(Mine,A: 1,"B: x,y",bare,C:2)\n')
    assert [(event.name, event.headers) for event in seen] == [("Mine", (("A", "1"), ("B", "x,y"), ("C", "2")))]


async def test_user_event_without_a_name_ends_the_call(system: System) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(system, "[default]\nexten => s,1,UserEvent()\n same => n,NoOp(never)\n")
    assert len(call.steps) == len(log.records) == 1


async def test_dump_channel_shows_the_newest_variables_first(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "verbosity", 1)
    with LogCapture(Level.VERBOSE) as log:
        await run_dialplan(
            system, "[default]\nexten => s,1,Set(__A=1)\n same => n,Set(B=2)\n same => n,DumpChan(1)\n same => n,DumpChan(2)\n"
        )
    dumps = [text for text in log.texts(Level.VERBOSE) if text.startswith("Dumping Info For Channel: Scripted/1:")]
    assert len(dumps) == 1
    assert "Variables:\nB=2\n__A=1\n" in dumps[0]
    assert "\nContext=            default\n" in dumps[0]


async def test_database_tree_is_deleted(system: System) -> None:
    for key in ("a/1", "a/2", "b"):
        system.database.put("fam", key, "x")
    with LogCapture(Level.WARNING) as log:
        await run_dialplan(
            system, "[default]\nexten => s,1,DBdeltree(fam/a)\n same => n,DBdeltree(nofam)\n same => n,DBdeltree()\n"
        )
    assert [key for key, _ in system.database.tree("fam")] == ["/fam/b"]
    assert len(log.records) == 1


@pytest.mark.virtual_time
@pytest.mark.parametrize(("arguments", "gone"), [("Scripted/b", 1), ("Scripted/b,a", 2), ("Scripted/nobody", 0)])
async def test_soft_hangup(system: System, arguments: str, gone: int) -> None:
    load_dialplan(
        system, f"[default]\nexten => s,1,SoftHangup({arguments})\n same => n,NoOp(on)\n[other]\nexten => s,1,Wait(60)\n"
    )
    others = [Call(system, "other", name=f"Scripted/b-{number}").start() for number in range(2)]
    call = await Call(system).run()
    assert call.steps[-1] == "NoOp(on)"
    assert sum(bool(other.channel.soft_hangup) for other in others) == gone
    for other in others:
        await other.end()


async def test_reload_tells_what_came_of_it(system: System) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(system, "[default]\nexten => s,1,Reload(app_echo)\n same => n,Reload(pbx_config)\n")
    assert [value for _, value in call.set] == ["FAILURE", "SUCCESS"]
    assert len(log.records) == 1


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("options", "number", "statuses"),
    [
        ("nocallerid", "5", ["NOTHING"]),
        ("nocallerid", "", ["NOTHING", "ZAPPED"]),
        ("answer", "5", ["NOTHING", "ANSWERED", "ZAPPED"]),
    ],
)
async def test_zapateller(system: System, options: str, number: str, statuses: list[str]) -> None:
    load_dialplan(system, f"[default]\nexten => s,1,Zapateller({options})\n")
    call = Call(system)
    if number:
        call.channel.set_caller_id(number)
    await call.run()
    assert [value for _, value in call.set] == statuses
    assert call.tech.answers == (options == "answer")


class Records:
    """A CDR engine that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def reset(self, channel: Channel, *, keep_variables: bool = False) -> None:
        self.told.append(keep_variables)

    def fork(self, channel: Channel, **options: bool) -> bool:
        self.told.append({name for name, value in options.items() if value})
        return len(self.told) < 4


async def test_cdr_applications_reach_the_engine(system: System) -> None:
    records = system.services["call records"] = Records()
    with LogCapture(Level.WARNING) as log:
        await run_dialplan(
            system, "[default]\nexten => s,1,ResetCDR()\n same => n,ResetCDR(v)\n same => n,ForkCDR(aev)\n same => n,ForkCDR(r)\n"
        )
    assert records.told == [False, True, {"sets_answer", "ends_original"}, {"resets_times", "keeps_variables"}]
    assert len(log.records) == 1
    del system.services["call records"]
