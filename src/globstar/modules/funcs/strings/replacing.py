"""Finding and replacing: REGEX, FILTER, REPLACE, STRREPLACE."""

from __future__ import annotations

import re
from functools import lru_cache

from globstar.base.bytetext import byte_view, from_byte_view
from globstar.base.log import Logger
from globstar.base.regex import BadPattern, compile_regex
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_integer
from globstar.core.references import value_of
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments, split_raw
from globstar.dialplan.escapes import character_set, decode_escapes

logger = Logger("func_strings")


@function("REGEX", syntax='REGEX("regular expression" string)')
def regex(channel: Channel | None, args: str) -> str:
    """1 if a text matches a POSIX extended regular expression, else 0.

    The expression stands in quotes. One blank between the closing quote and the text is passed over.
    """
    _, opening, rest = args.partition('"')
    expression, closing, text = rest.partition('"')
    if not (opening and closing):
        raise FunctionError('REGEX needs "regular expression" string')
    try:
        compiled = compile_regex(expression)
    except BadPattern as error:
        raise FunctionError(f"'{expression}' is no regular expression: {error}") from error
    return "1" if compiled.is_in(text.removeprefix(" ")) else "0"


@lru_cache(maxsize=256)
def _outside(allowed: str) -> re.Pattern[str]:
    """Matches what is not in a set of characters."""
    members = character_set(allowed)
    return re.compile("[^" + "".join(map(re.escape, sorted(members))) + "]+" if members else r"[\s\S]+")


@function("FILTER", syntax="FILTER(allowed-chars,string)")
def filter_characters(channel: Channel | None, args: str) -> str:
    r"""A text without the characters that are not allowed.

    Allowed characters are written one after the other and as ranges (``a-z0-9``); ``\-``, ``\\``, ``\n`` and ``\xHH`` stand
    for one character.
    """
    arguments = split_raw(args, 2)
    if len(arguments) < 2:
        raise FunctionError("FILTER needs the allowed characters and a text")
    return from_byte_view(_outside(arguments[0]).sub("", byte_view(arguments[1])))


@function("REPLACE", syntax="REPLACE(varname,find-chars[,replace-char])")
def replace(channel: Channel | None, args: str) -> str:
    r"""The value of a variable with certain characters replaced by another one, or left out if none is given.

    ``\\n``, ``\\t`` and ``\\xHH`` stand for one character; of two backslashes the reading of the arguments leaves one.
    """
    arguments = split_arguments(args, 3)
    if not argument(arguments, 1):
        raise FunctionError("REPLACE needs a variable and the characters to find")
    wanted = byte_view(decode_escapes(arguments[1]))
    by = byte_view(decode_escapes(argument(arguments, 2)))[:1]
    view = byte_view(value_of(channel, arguments[0]))
    return from_byte_view("".join([by if character in wanted else character for character in view]))


@function("STRREPLACE", syntax="STRREPLACE(varname,find-string[,replace-string][,max-replacements])")
def string_replace(channel: Channel | None, args: str) -> str:
    """The value of a variable with a text replaced by another one, everywhere or so many times from the left."""
    arguments = split_arguments(args, 4)
    if not argument(arguments, 1):
        raise FunctionError("STRREPLACE needs a variable and the text to find")
    most = leading_integer(argument(arguments, 3))
    return value_of(channel, arguments[0]).replace(arguments[1], argument(arguments, 2), most if most > 0 else -1)
