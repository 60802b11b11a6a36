"""Lists held in one variable: counting, finding, taking out and adding fields."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.references import store, value_of
from globstar.core.registry import function, write_function
from globstar.dialplan.arguments import argument, split_arguments, split_raw
from globstar.dialplan.escapes import decode_escapes


def _delimiter(text: str) -> str:
    """The one character that separates fields, which may be written as an escape."""
    return decode_escapes(text)[:1] if text[:1] == "\\" else text[:1]


@function("FIELDQTY", syntax="FIELDQTY(varname,delim)")
def field_count(channel: Channel | None, args: str) -> str:
    r"""How many fields the value of a variable has, 0 if it is empty.

    The delimiter is one character, which may be written as ``\n``, ``\t``, ``\,`` or ``\xHH``.
    """
    arguments = split_raw(args, 2)
    if len(arguments) < 2:
        return "1"
    value = value_of(channel, arguments[0])
    delimiter = _delimiter(arguments[1])
    if not value:
        return "0"
    return str(value.count(delimiter) + 1) if delimiter else "1"


@function("FIELDNUM", syntax="FIELDNUM(varname,delim,value)")
def field_number(channel: Channel | None, args: str) -> str:
    r"""The position, from 1, of a field of that value in the value of a variable; 0 if there is none.

    The delimiter is one character, which may be written as ``\n``, ``\t``, ``\,`` or ``\xHH``.
    """
    arguments = split_raw(args, 3)
    if len(arguments) < 3:
        raise FunctionError("FIELDNUM needs a variable, a delimiter and a value")
    name, delimiter_text, wanted = arguments
    value = value_of(channel, name)
    delimiter = _delimiter(delimiter_text)
    if not value:
        return "0"
    fields = value.split(delimiter) if delimiter else [value]
    return str(fields.index(wanted) + 1) if wanted in fields else "0"


@function("LISTFILTER", syntax="LISTFILTER(varname,delim,value)")
def list_filter(channel: Channel | None, args: str) -> str:
    """The value of a variable without the fields of a given value."""
    arguments = split_arguments(args, 3)
    if len(arguments) < 3 or not arguments[0]:
        raise FunctionError("LISTFILTER needs a variable, a delimiter and a value")
    name, delimiter_text, unwanted = arguments
    delimiter = _delimiter(delimiter_text) or ","
    value = value_of(channel, name)
    if not unwanted:
        return value
    return delimiter.join([field for field in value.split(delimiter) if field != unwanted])


def _list_arguments(name: str, args: str) -> tuple[str, str]:
    arguments = split_arguments(args, 2)
    if not argument(arguments, 0):
        raise FunctionError(f"{name} needs a variable")
    return arguments[0], _delimiter(argument(arguments, 1, ","))


@function("SHIFT", syntax="SHIFT(varname[,delimiter])")
def shift(channel: Channel | None, args: str) -> str:
    """Take the first field out of a list that a variable holds, and give it. The delimiter is a comma if not given."""
    name, delimiter = _list_arguments("SHIFT", args)
    value = value_of(channel, name)
    if not value:
        return ""
    first, _, rest = value.partition(delimiter)
    store(channel, name, rest)
    return first


@function("POP", syntax="POP(varname[,delimiter])")
def pop(channel: Channel | None, args: str) -> str:
    """Take the last field out of a list that a variable holds, and give it. The delimiter is a comma if not given."""
    name, delimiter = _list_arguments("POP", args)
    value = value_of(channel, name)
    if not value:
        return ""
    rest, _, last = value.rpartition(delimiter)
    store(channel, name, rest)
    return last


@write_function("PUSH", syntax="PUSH(varname[,delimiter])")
def push(channel: Channel | None, args: str, value: str) -> None:
    """Add one or more fields behind a list that a variable holds. The delimiter is a comma if not given."""
    name, delimiter = _list_arguments("PUSH", args)
    before = value_of(channel, name)
    store(channel, name, f"{before}{delimiter}{value}" if before else value)


@write_function("UNSHIFT", syntax="UNSHIFT(varname[,delimiter])")
def unshift(channel: Channel | None, args: str, value: str) -> None:
    """Add one or more fields before a list that a variable holds. The delimiter is a comma if not given."""
    name, delimiter = _list_arguments("UNSHIFT", args)
    before = value_of(channel, name)
    store(channel, name, f"{value}{delimiter}{before}" if before else value)
