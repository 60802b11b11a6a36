"""One Lua state: extensions.lua as it was read, for a look at its tables or for the calls of one channel.

What an extension's function asks of the server (``app.dial(...)``, ``channel.x:get()``) comes out of its coroutine as a request,
so that the server's loop goes on while it waits.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from globstar.base.errors import RemoteFault

#: Instructions that a function may run without asking the server for anything.
LIMIT = 5_000_000

_PRELUDE = """
local limit, warn = ...
local pack, unpack = table.pack, table.unpack
local create, yield, running = coroutine.create, coroutine.yield, coroutine.running
local resume, status, traceback = coroutine.resume, coroutine.status, debug.traceback
local sethook, concat, select, tostring = debug.sethook, table.concat, select, tostring

local function arm()
    sethook(function() error("ran too long without waiting for anything", 2) end, "", limit)
end

local function ask(...)
    local _, is_main = running()
    if is_main then error("this works only while an extension runs", 3) end
    local answer = pack(yield(...))
    arm()
    if answer[1] == "error" then error(answer[2], 3) end
    return unpack(answer, 2, answer.n)
end

local function text(...)
    local parts = {}
    for index = 1, select("#", ...) do
        local value = select(index, ...)
        if value == nil then parts[index] = ""
        elseif type(value) == "table" and value.get then parts[index] = tostring(value:get() or "")
        else parts[index] = tostring(value) end
    end
    return concat(parts, ",")
end

app = setmetatable({}, {
    __index = function(_, name)
        return function(...) return ask("app", tostring(name), text(...)) end
    end,
})

local function variable(name)
    return setmetatable({
        get = function() return ask("get", name) end,
        set = function(_, value) return ask("set", name, text(value)) end,
    }, {
        __call = function(_, ...) return variable(name .. "(" .. text(...) .. ")") end,
        __tostring = function() return tostring(ask("get", name) or "") end,
        __concat = function(one, other) return tostring(one) .. tostring(other) end,
    })
end

channel = setmetatable({}, {
    __index = function(_, name) return variable(tostring(name)) end,
    __newindex = function(_, name, value) ask("set", tostring(name), text(value)) end,
})

function check_hangup() return ask("check") end
function autoservice_start() return true end
function autoservice_stop() return true end
function autoservice_status() return true end
function print(...) warn(text(...)) end

_G.unpack = unpack

return function(call, context, extension)
    local thread = create(function()
        arm()
        return call(context, extension)
    end)
    return function(...)
        local result = pack(resume(thread, ...))
        if not result[1] then return "error", traceback(thread, tostring(result[2])) end
        if status(thread) == "dead" then return "end" end
        return unpack(result, 2, result.n)
    end
end
"""


def _library() -> Any:
    """The newest Lua that is like those that dialplans were written for, or what there is."""
    try:
        return importlib.import_module("lupa.lua54")
    except ImportError:
        return importlib.import_module("lupa")


class LuaFault(RemoteFault):
    """extensions.lua cannot be used, or an extension of it failed; the message has file and line."""


@dataclass(frozen=True, slots=True)
class LuaTables:
    """What extensions.lua defines: extensions, includes and hints by context."""

    extensions: dict[str, list[str]]
    includes: dict[str, list[str]]
    hints: dict[str, list[tuple[str, str]]]


class LuaState:
    """A Lua state that has run the file. Raises LuaFault for a mistake in it."""

    def __init__(self, text: str, file: str, tell: Callable[[str], None], limit: int = LIMIT) -> None:
        lupa = _library()
        self._error: type[Exception] = lupa.LuaError
        self._type: Callable[[object], str | None] = lupa.lua_type
        lua = lupa.LuaRuntime(
            unpack_returned_tuples=True, register_eval=False, register_builtins=False, encoding="utf-8",
            attribute_filter=_no_attributes,
        )  # fmt: skip
        self._globals: Any = lua.globals()
        self._begin: Any = self._guard(lambda: self._load(_PRELUDE, "=globstar")(limit, tell))
        self._globals["package"]["loaded"]["python"] = None
        self._globals["python"] = None
        self._guard(lambda: self._load(text, f"@{file}")())

    def _load(self, text: str, name: str) -> Any:
        function = self._globals["load"](text, name)
        if isinstance(function, tuple):
            raise LuaFault(str(function[1]))
        return function

    def _guard(self, run: Callable[[], Any]) -> Any:
        try:
            return run()
        except self._error as error:
            raise LuaFault(str(error).split("\nstack traceback")[0]) from error

    # -- tables ----------------------------------------------------------------------------------------------------------

    def tables(self) -> LuaTables:
        """What the file defines. Raises LuaFault where that is not what it must be."""
        found = LuaTables({}, {}, {})
        extensions = self._globals["extensions"]
        if self._type(extensions) != "table":
            raise LuaFault("there is no table 'extensions'")
        for context, entries in _items(extensions):
            if self._type(entries) != "table":
                raise LuaFault(f"extensions['{context}'] is no table")
            names = found.extensions.setdefault(str(context), [])
            for name, value in _items(entries):
                if name == "include":
                    found.includes[str(context)] = [str(one) for _, one in _items(value)]
                elif self._type(value) == "function":
                    names.append(_name(name))
                else:
                    raise LuaFault(f"extensions['{context}']['{_name(name)}'] is no function")
        hints = self._globals["hints"]
        for context, entries in _items(hints) if self._type(hints) == "table" else ():
            found.hints[str(context)] = [(_name(name), str(device)) for name, device in _items(entries)]
        return found

    # -- running ---------------------------------------------------------------------------------------------------------

    def begin(self, context: str, name: str, dialled: tuple[str, str]) -> LuaRun:
        """Begin an extension's function; ``dialled`` is the channel's own context and extension."""
        entries = self._globals["extensions"][context]
        function = entries[name] if self._type(entries) == "table" else None
        if function is None and name.isascii() and name.isdigit():
            function = entries[int(name)]
        if self._type(function) != "function":
            raise LuaFault(f"extensions['{context}']['{name}'] is gone")
        return LuaRun(self, self._guard(lambda: self._begin(function, *dialled)))

    def guarded(self, step: Callable[..., Any], *answer: object) -> tuple[Any, ...]:
        """One step of a function: what it asks, or ``end``, or ``error`` with the reason."""
        result = self._guard(lambda: step(*answer))
        return result if isinstance(result, tuple) else (result,)


class LuaRun:
    """An extension's function while it runs."""

    def __init__(self, state: LuaState, step: Callable[..., Any]) -> None:
        self._state = state
        self._step = step

    def go_on(self, *answer: object) -> tuple[str, ...] | None:
        """What it asks next (app, name, data; get, name; set, name, value; check), None at its end. Raises LuaFault."""
        asked = self._state.guarded(self._step, *answer)
        if asked[0] == "end":
            return None
        if asked[0] == "error":
            raise LuaFault(str(asked[1]))
        return tuple(str(part) for part in asked)


def _items(table: Any) -> Iterator[tuple[object, Any]]:
    yield from table.items()


def _name(key: object) -> str:
    """An extension's name; numbers of Lua are written without their fraction."""
    return str(int(key)) if isinstance(key, float) and key.is_integer() else str(key)


def _no_attributes(_object: object, name: object, _is_setting: bool) -> object:
    """Lua sees nothing of Python's objects."""
    raise AttributeError(str(name))
