"""Extensions in Lua: functions that run applications, read and set variables, and go on in extensions.conf."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from globstar.base.log import Level
from globstar.core.loader import ModuleError, ModuleStatus
from tests.support.dialling import went_on
from tests.support.switch import LogCapture
from tests.support.testtech import Leg, World

LUA = """
local function twice(x) return x * 2 end

extensions = {
    default = {
        ["1"] = function(context, extension)
            app.answer()
            channel.greeting = "hello"
            channel.CALLERID("name"):set("Lua")
            app.userevent("lua", "Where: " .. context .. " " .. extension, "Greeting: " .. channel.greeting:get(),
                "Name: " .. channel["CALLERID(name)"]:get(), "Twice: " .. twice(21), "None: " .. tostring(channel.nothing:get()))
        end;
        [2] = function() app.noSuchApplication("x") end;
        ["_3XX"] = function(c, e)
            app.wait(1)
            app["goto"]("conf", e, 1)
            app.userevent("never")
        end;
        ["4"] = function() local x = nil; return x.y end;
        ["5"] = function() while true do end end;
        ["6"] = function()
            counter = (counter or 0) + 1
            app.userevent("counter", "N: " .. counter)
            if counter < 3 then app["goto"](6, 1) end
        end;
        ["7"] = function()
            local ok, message = pcall(function() channel.LEN("x"):set("y") end)
            app.userevent("caught", "Ok: " .. tostring(ok), "Says: " .. tostring(message ~= nil))
            app.hangup()
            app.userevent("never")
        end;
        ["8"] = function()
            app.read("digits", nil, 2)
            app.userevent("read", "D: " .. channel.digits:get(), "Hangup: " .. tostring(check_hangup()))
            app.dial("Test/bob", 5, "g")
            app.userevent("dialled", "S: " .. channel.DIALSTATUS:get())
        end;
        ["9/555"] = function() app.userevent("for 555") end;
        h = function() app.userevent("h") end;
        include = {"conf"};
    };
    other = { ["50"] = function() app.userevent("other") end; };
}
hints = { default = { ["1"] = "Test/bob" } }
"""
CONF = """[conf]
exten => _3XX,1,UserEvent(conf,Exten: ${EXTEN})
exten => 99,1,UserEvent(included)
exten => 98,1,Goto(switched,50,1)
[switched]
switch => Lua/other
"""


@asynccontextmanager
async def world(lua: str = LUA) -> AsyncIterator[World]:
    async with await World.start(CONF, files={"extensions.lua": lua}) as made:
        made.phone("alice", "100", "Alice")
        made.phone("bob", "101", "Bob")
        yield made
        await made.all_gone()


async def call(made: World, number: str, *, leg: Leg | None = None) -> list[tuple[str, ...]]:
    leg = leg or made.tech.phones["alice"].dials(number)
    await made.all_gone()
    return [event for event in went_on(made, leg) if event != ("h",)]


async def test_variables_functions_and_applications() -> None:
    async with world() as made:
        expected = ("lua", "Where=default 1", "Greeting=hello", "Name=Lua", "Twice=42", "None=nil")
        assert await call(made, "1") == [expected]
        hint = made.system.plan.hint("default", "1")
        assert hint is not None
        assert hint.app_name == "Test/bob"


async def test_a_mistake_ends_one_call_and_names_file_and_line() -> None:
    async with world() as made:
        with LogCapture() as log:
            assert await call(made, "2") == []
            assert await call(made, "4") == []
        first, second = log.texts(Level.ERROR)
        assert "there is no application 'noSuchApplication'" in first
        assert "extensions.lua:13:" in first
        assert "extensions.lua:19:" in second
        assert await call(made, "99") == [("included",)]


async def test_an_endless_loop_is_stopped() -> None:
    async with world() as made:
        with LogCapture() as log:
            assert await call(made, "5") == []
        assert any("ran too long" in text and "extensions.lua:20" in text for text in log.texts(Level.ERROR))


async def test_to_extensions_conf_and_by_the_switch() -> None:
    async with world() as made:
        assert await call(made, "312") == [("conf", "Exten=312")]
        assert await call(made, "98") == [("other",)]
        assert made.system.plan.find("switched", "50", 1) is not None
        assert made.system.plan.find("switched", "51", 1) is None
        assert made.system.plan.can_match("switched", "5")


async def test_globals_last_as_long_as_the_call() -> None:
    async with world() as made:
        assert await call(made, "6") == [("counter", "N=1"), ("counter", "N=2"), ("counter", "N=3")]
        assert await call(made, "6") == [("counter", "N=1"), ("counter", "N=2"), ("counter", "N=3")]


async def test_errors_can_be_caught_and_hangup_ends() -> None:
    async with world() as made:
        assert await call(made, "7") == [("caught", "Ok=false", "Says=true")]


async def test_waiting_applications_do_not_hold_the_others() -> None:
    async with world() as made:
        leg = made.tech.phones["alice"].dials("8")
        other = made.tech.phones["bob"].dials("1")
        await made.settle(0.5)
        leg.presses("12")
        await made.settle(0.5)
        (await made.tech.phones["bob"].is_called()).refuses()
        assert await call(made, "8", leg=leg) == [("read", "D=12", "Hangup=false"), ("dialled", "S=BUSY")]
        assert went_on(made, other)[0][0] == "lua"


async def test_a_reload_leaves_running_calls_and_refuses_mistakes() -> None:
    async with world() as made:
        running = made.tech.phones["alice"].dials("301")
        await made.settle(0.5)
        made.files["extensions.lua"] = LUA.replace('app["goto"]("conf", e, 1)', 'app.userevent("new")')
        await made.system.loader.reload("pbx_lua")
        assert await call(made, "301", leg=running) == [("conf", "Exten=301")]
        assert await call(made, "301") == [("new",), ("never",)]
        for broken, said in (
            ("extensions = {", "extensions.lua:1:"), ("x = 1", "no table 'extensions'"), ("extensions = {a = 1}", "is no table"),
            ("extensions = {a = {b = 1}}", "is no function"), ("app.dial()", "only while an extension runs"),
            ("extensions = python.eval", "nil"),
        ):  # fmt: skip
            made.files["extensions.lua"] = broken
            with LogCapture(), pytest.raises(Exception, match=said):
                await made.system.loader.reload("pbx_lua")
        assert await call(made, "301") == [("new",), ("never",)]
        await made.system.loader.unload("pbx_lua")
        assert "other" not in made.system.plan.contexts


async def test_without_the_package_the_module_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    async with world() as made:
        module = made.system.loader.modules["pbx_lua"]
        assert module.status is ModuleStatus.DECLINED
        assert "globstar[lua]" in module.reason
        with pytest.raises(ModuleError):
            await made.system.loader.reload("pbx_lua")
