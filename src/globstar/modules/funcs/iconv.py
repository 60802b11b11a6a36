"""Charset conversions."""

from __future__ import annotations

import codecs

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.dialplan.arguments import split_arguments


@function("ICONV", syntax="ICONV(in-charset,out-charset,string)")
def convert(channel: Channel | None, args: str) -> str:
    """A text turned from one character set into another. A suffix //TRANSLIT or //IGNORE says what to do where that fails."""
    arguments = split_arguments(args, 3)
    if len(arguments) < 3 or not all(arguments):
        raise FunctionError("ICONV needs two character sets and a text")
    source, (target, _, how) = arguments[0].partition("//")[0], arguments[1].partition("//")
    errors = {"TRANSLIT": "replace", "IGNORE": "ignore"}.get(how.upper().partition("//")[0], "strict")
    try:
        codecs.lookup(source)
        codecs.lookup(target)
    except LookupError as error:
        raise FunctionError(f"no conversion from {source} to {target} is known") from error
    try:
        text = arguments[2].encode("utf-8", "surrogateescape").decode(source)
        return text.encode(target, errors).partition(b"\0")[0].decode("utf-8", "surrogateescape")
    except UnicodeError as error:
        raise FunctionError(f"the text cannot be turned from {source} into {target}: {error}") from error
