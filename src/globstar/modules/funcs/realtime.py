"""Read/Write/Store/Destroy values from a RealTime repository."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.realtime.engine import RealtimeFault, Row
from globstar.core.registry import function, write_function
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments

#: Names of the columns of the row that was read last, for HASH() and ARRAY().
_COLUMNS = "~ODBCFIELDS~"
#: Most columns that REALTIME_STORE takes.
MAX_FIELDS = 30


def _system(channel: Channel | None) -> System:
    if channel is None:
        raise FunctionError("a channel is needed")
    return channel.system


def _arguments(args: str, name: str) -> tuple[str, str, str, list[str]]:
    arguments = split_arguments(args, 5)
    if len(arguments) < 2 or not arguments[0] or not arguments[1]:
        raise FunctionError(f"syntax is {name}(family,fieldmatch[,matchvalue]...)")
    return arguments[0], arguments[1], argument(arguments, 2), arguments


def _delimited(row: Row, arguments: list[str]) -> str:
    between, equals = argument(arguments, 3, ","), argument(arguments, 4, "=")
    return "".join(f"{name}{equals}{value}{between}" for name, value in row)


async def _load(channel: Channel | None, family: str, column: str, value: str, *, keep_empty: bool = True) -> Row | None:
    try:
        return await _system(channel).realtime.load(family, [(column, value)], keep_empty=keep_empty)
    except RealtimeFault as fault:
        raise FunctionError(str(fault)) from fault


@function("REALTIME", syntax="REALTIME(family,fieldmatch[,matchvalue][,delim1|field][,delim2])")
async def realtime(channel: Channel | None, args: str) -> str:
    """Columns of a row of a realtime family.

    Reading gives all columns of the first row whose ``fieldmatch`` is ``matchvalue``, as ``name=value,`` one behind the
    other; the comma is ``delim1`` and the equals sign ``delim2`` where those are given. Without such a row the result is
    empty. Writing changes the column ``field``.
    """
    family, column, value, arguments = _arguments(args, "REALTIME")
    row = await _load(channel, family, column, value)
    return _delimited(row, arguments) if row is not None else ""


async def _write_field(channel: Channel | None, args: str, value: str) -> None:
    family, column, wanted, arguments = _arguments(args, "REALTIME")
    field = argument(arguments, 3)
    if not field:
        raise FunctionError("to write, give the column as the fourth argument")
    try:
        count = await _system(channel).realtime.update(family, [(column, wanted)], [(field, value)])
    except RealtimeFault as fault:
        raise FunctionError(str(fault)) from fault
    if not count:
        raise FunctionError(f"family {family} has no row with {column} '{wanted}'; nothing is changed")


@realtime.writer
async def _write_realtime(channel: Channel | None, args: str, value: str) -> None:
    await _write_field(channel, args, value)


@function("REALTIME_FIELD", syntax="REALTIME_FIELD(family,fieldmatch,matchvalue,fieldname)")
async def realtime_field(channel: Channel | None, args: str) -> str:
    """One column of the first row of a realtime family whose ``fieldmatch`` is ``matchvalue``; writing changes it."""
    family, column, value, arguments = _arguments(args, "REALTIME_FIELD")
    field = argument(arguments, 3)
    if not field:
        raise FunctionError("syntax is REALTIME_FIELD(family,fieldmatch,matchvalue,fieldname)")
    row = await _load(channel, family, column, value) or []
    return next((text for name, text in row if name.lower() == field.lower()), "")


@realtime_field.writer
async def _write_realtime_field(channel: Channel | None, args: str, value: str) -> None:
    await _write_field(channel, args, value)


@function("REALTIME_HASH", syntax="REALTIME_HASH(family,fieldmatch,matchvalue)")
async def realtime_hash(channel: Channel | None, args: str) -> str:
    """A row of a realtime family, for ``Set(HASH(name)=${REALTIME_HASH(...)})``: its values, and its columns for HASH()."""
    family, column, value, _ = _arguments(args, "REALTIME_HASH")
    row = await _load(channel, family, column, value)
    if row is None or channel is None:
        return ""
    channel.variables.set(_COLUMNS, ",".join(name for name, _ in row))
    return ",".join(_escaped(text) for _, text in row)


def _escaped(text: str) -> str:
    """A value that ends at no comma of its own."""
    return text.replace("\\", "\\\\").replace(",", "\\,")


@write_function("REALTIME_STORE", syntax="REALTIME_STORE(family,field1,fieldN...,field30)")
async def realtime_store(channel: Channel | None, args: str, value: str) -> None:
    """Add a row to a realtime family: ``Set(REALTIME_STORE(family,field1,field2)=value1,value2)``, at most thirty columns.

    RTSTOREID tells the number of the new row where the database gives one.
    """
    system = _system(channel)
    family, *names = split_arguments(args)
    if not family or not names:
        raise FunctionError("syntax is REALTIME_STORE(family,field1,fieldN...,field30)")
    values = split_arguments(value)
    if len(names) > MAX_FIELDS:
        raise FunctionError(f"more than {MAX_FIELDS} columns")
    if len(values) < len(names):
        names = names[: len(values)]
    try:
        number = await system.realtime.store(family, list(zip(names, values, strict=False)))
    except RealtimeFault as fault:
        raise FunctionError(str(fault)) from fault
    if channel is not None and number:
        channel.set_variable("RTSTOREID", number)


@function("REALTIME_DESTROY", syntax="REALTIME_DESTROY(family,fieldmatch[,matchvalue][,delim1][,delim2])", dangerous=True)
async def realtime_destroy(channel: Channel | None, args: str) -> str:
    """Remove the rows of a realtime family whose ``fieldmatch`` is ``matchvalue``.

    Reading gives the columns of the first one as REALTIME() does; writing removes without a result.
    """
    family, column, value, arguments = _arguments(args, "REALTIME_DESTROY")
    row = await _load(channel, family, column, value)
    if row is None:
        return ""
    try:
        await _system(channel).realtime.destroy(family, [(column, value)])
    except RealtimeFault as fault:
        raise FunctionError(str(fault)) from fault
    return _delimited(row, arguments)


@realtime_destroy.writer
async def _write_realtime_destroy(channel: Channel | None, args: str, value: str) -> None:
    await realtime_destroy.read(channel, args)
