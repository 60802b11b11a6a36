"""One text in, one text out: LEN, TOUPPER, TRIM, QUOTE and their like."""

from __future__ import annotations

from globstar.base.bytetext import byte_length, byte_view, from_byte_view
from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.references import value_of
from globstar.core.registry import function
from globstar.dialplan.arguments import split_arguments
from globstar.dialplan.substitute import substitute

logger = Logger("func_strings")

_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_BLANKS = " \t\n\r\v\f"
_KEYPAD = {letter: str(2 + index) for index, letters in enumerate(("abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz"))
           for letter in letters}  # fmt: skip
_KEYPAD |= {letter.upper(): digit for letter, digit in _KEYPAD.items()} | {digit: digit for digit in "0123456789"}


@function("LEN", syntax="LEN(string)")
def length(channel: Channel | None, args: str) -> str:
    """The number of bytes of a text."""
    return str(byte_length(args))


@function("TOUPPER", syntax="TOUPPER(string)")
def to_upper(channel: Channel | None, args: str) -> str:
    """A text with its letters a to z in upper case."""
    return args.upper() if args.isascii() else args.translate(_UPPER)


@function("TOLOWER", syntax="TOLOWER(string)")
def to_lower(channel: Channel | None, args: str) -> str:
    """A text with its letters A to Z in lower case."""
    return args.lower() if args.isascii() else args.translate(_LOWER)


@function("TRIM", syntax="TRIM(string)")
def trim(channel: Channel | None, args: str) -> str:
    """A text without the blanks at both ends."""
    return args.strip(_BLANKS)


@function("LTRIM", syntax="LTRIM(string)")
def trim_left(channel: Channel | None, args: str) -> str:
    """A text without the blanks at its beginning."""
    return args.lstrip(_BLANKS)


@function("RTRIM", syntax="RTRIM(string)")
def trim_right(channel: Channel | None, args: str) -> str:
    """A text without the blanks at its end."""
    return args.rstrip(_BLANKS)


@function("PASSTHRU", syntax="PASSTHRU([string])")
def pass_through(channel: Channel | None, args: str) -> str:
    """The text itself.

    Useful where a function takes the name of a variable and the text is at hand: ``${CUT(PASSTHRU(a-b),-,1)}``.
    """
    return args


@function("EVAL", syntax="EVAL(variable)")
def evaluate(channel: Channel | None, args: str) -> str:
    """A text substituted once more.

    Variables, functions and expressions that the text holds after the usual substitution are replaced by their values.
    """
    if not args:
        raise FunctionError("EVAL needs a text")
    if channel is None:
        raise FunctionError("EVAL needs a channel")
    return substitute(args, channel.variables)


@function("QUOTE", syntax="QUOTE(string)")
def quote(channel: Channel | None, args: str) -> str:
    """A text in quotes, with a backslash before each quote and backslash in it."""
    if not args:
        logger.warning("QUOTE got an empty text")
    escaped = args.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@function("CSV_QUOTE", syntax="CSV_QUOTE(string)")
def csv_quote(channel: Channel | None, args: str) -> str:
    """A text in quotes, with each quote in it doubled, as files of comma-separated values have it (RFC 4180 section 2)."""
    if not args:
        logger.warning("CSV_QUOTE got an empty text")
    doubled = args.replace('"', '""')
    return f'"{doubled}"'


@function("KEYPADHASH", syntax="KEYPADHASH(string)")
def keypad_hash(channel: Channel | None, args: str) -> str:
    """The digits of a telephone's keypad that spell a text; what is neither letter nor digit is left out."""
    return "".join([_KEYPAD[character] for character in args if character in _KEYPAD])


@function("STRBETWEEN", syntax="STRBETWEEN(varname,insert-string)")
def string_between(channel: Channel | None, args: str) -> str:
    """The value of a variable with a text between each two of its characters."""
    arguments = split_arguments(args, 2)
    if len(arguments) < 2 or not arguments[0]:
        raise FunctionError("STRBETWEEN needs a variable and a text")
    return from_byte_view(byte_view(arguments[1]).join(byte_view(value_of(channel, arguments[0]))))
