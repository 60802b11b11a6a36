"""From the text of a dialplan line to the typed arguments of a Python function, by its annotations.

Positional parameters take the arguments between commas, ``*rest`` the remaining ones, a parameter whose type is a class derived
from :class:`Options` the option letters. An empty argument is one that was not given.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform

from globstar.base.errors import LocalFault, RemoteFault
from globstar.config.values import boolean
from globstar.dialplan.arguments import parse_options, split_arguments

T = TypeVar("T")

_LETTER = "option letter"
_IS_FLAG = "option without argument"


class ArgumentFault(RemoteFault):
    """The dialplan gives something that is not of the wanted type; the message says what."""


def flag(letter: str) -> bool:
    """A field of :class:`Options`: whether the letter was given."""
    return _field(letter, False, is_flag=True)  # type: ignore[no-any-return]


def value(letter: str, *, default: T) -> T:
    """A field of :class:`Options`: what stands in parentheses behind the letter, of the field's type."""
    return _field(letter, default, is_flag=False)  # type: ignore[no-any-return]


def _field(letter: str, default: object, *, is_flag: bool) -> Any:
    if len(letter) != 1 or letter in " ,()":
        raise LocalFault(f"an option is one letter, not '{letter}'")
    return dataclasses.field(default=default, metadata={_LETTER: letter, _IS_FLAG: is_flag})


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Options:
    """Option letters of an application, as fields: ``quiet: bool = flag("q")``, ``times: int = value("t", default=1)``.

    A derived class is a frozen data class, so that a flow may also be called from Python with ``MyOptions(quiet=True)``.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One parameter: ``convert`` makes its value of a text."""

    name: str
    convert: Callable[[str], object]
    has_default: bool
    is_rest: bool = False


class Signature:
    """How one function takes its arguments. Raises LocalFault for a parameter whose type no text can become."""

    def __init__(self, function: Callable[..., object]) -> None:
        hints = typing.get_type_hints(function, include_extras=False)
        parameters = list(inspect.signature(function).parameters.values())
        if not parameters:
            raise LocalFault("the first parameter must be the channel")
        self.channel_hint: object = hints.get(parameters[0].name)
        self.parameters: list[_Parameter] = []
        for parameter in parameters[1:]:
            if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD):
                raise LocalFault(f"parameter '{parameter.name}' can only be given by its name, which the dialplan cannot do")
            if parameter.name not in hints:
                raise LocalFault(f"parameter '{parameter.name}' has no type")
            has_default = parameter.default is not parameter.empty
            convert = converter(hints[parameter.name], parameter.name)
            is_rest = parameter.kind is parameter.VAR_POSITIONAL
            self.parameters.append(_Parameter(parameter.name, convert, has_default, is_rest))

    def parse(self, data: str) -> list[object]:
        """The arguments after the channel. Raises ArgumentFault."""
        texts = split_arguments(data)
        values: list[object] = []
        for index, parameter in enumerate(self.parameters):
            if parameter.is_rest:
                values += [_convert(parameter, text) for text in texts[index:]]
                return values
            text = texts[index] if index < len(texts) else ""
            if not text and parameter.has_default:
                values.append(_DEFAULT)
            elif not text and not _takes_nothing(parameter):
                raise ArgumentFault(f"argument {index + 1} ({parameter.name}) is missing")
            else:
                values.append(_convert(parameter, text))
        if any(text for text in texts[len(self.parameters) :]):
            raise ArgumentFault(f"there are {len(texts)} arguments, of which {len(self.parameters)} can be taken")
        return values

    def syntax(self, name: str) -> str:
        """How it is written in the dialplan, optional arguments in brackets."""
        required: list[str] = []
        optional = ""
        for parameter in reversed(self.parameters):
            shown = f"{parameter.name}..." if parameter.is_rest else parameter.name
            if (parameter.has_default or parameter.is_rest) and not required:
                optional = f"[,{shown}{optional}]"
            else:
                required.insert(0, shown)
        text = ",".join(required) + optional
        return f"{name}({'[' + text[2:] if text.startswith('[,') else text})"


class _Default:
    """Stands for an argument that was not given."""


_DEFAULT = _Default()


def bind(function: Callable[..., object], values: list[object]) -> list[object]:
    """``values`` with the function's own defaults where nothing was given."""
    if _DEFAULT not in values:
        return values
    defaults = [parameter.default for parameter in list(inspect.signature(function).parameters.values())[1:]]
    return [defaults[index] if given is _DEFAULT else given for index, given in enumerate(values)]


def _takes_nothing(parameter: _Parameter) -> bool:
    try:
        parameter.convert("")
    except ValueError:
        return False
    return parameter.convert is not str


def _convert(parameter: _Parameter, text: str) -> object:
    try:
        return parameter.convert(text)
    except ValueError as error:
        raise ArgumentFault(f"'{text}' is no {parameter.name}: {error}") from error


def converter(hint: object, name: str) -> Callable[[str], object]:
    """What makes a value of type ``hint`` of a text, raising ValueError. Raises LocalFault for other types."""
    simple = _SIMPLE.get(hint)
    if simple is not None:
        return simple
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType) and type(None) in parts:
        return _optional(converter(_only([part for part in parts if part is not type(None)], name), name))
    if origin is typing.Literal:
        return _choice({str(part): part for part in parts})
    if origin is list:
        return _several(converter(_only(list(parts), name), name))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        members: dict[str, object] = {member.name.lower(): member for member in hint}
        return _choice({str(member.value): member for member in hint} | members)
    if isinstance(hint, type) and issubclass(hint, Options):
        return _options(hint)
    raise LocalFault(f"parameter '{name}' is of type {hint}, which no text of the dialplan can become")


def _only(parts: list[object], name: str) -> object:
    if len(parts) != 1:
        raise LocalFault(f"parameter '{name}' may be of one type only")
    return parts[0]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("expected a whole number") from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError("expected a number") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError("expected a number")
    return number


_SIMPLE: dict[object, Callable[[str], object]] = {str: str, int: _whole, float: _number, bool: boolean, Path: Path}


def _optional(convert: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: convert(text) if text else None


def _several(convert: Callable[[str], object]) -> Callable[[str], object]:
    """``a&b&c``, as Asterisk writes lists."""
    return lambda text: [convert(part) for part in text.split("&") if part]


def _choice(values: dict[str, object]) -> Callable[[str], object]:
    def choose(text: str) -> object:
        found = values.get(text, values.get(text.lower()))
        if found is None:
            raise ValueError(f"expected one of {', '.join(values)}")
        return found

    return choose


def _options(kind: type[Options]) -> Callable[[str], object]:
    """Option letters as an object of ``kind``."""
    hints = typing.get_type_hints(kind)
    fields: dict[str, tuple[str, Callable[[str], object] | None]] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        letter = field.metadata.get(_LETTER)
        if letter is None:
            raise LocalFault(f"field '{field.name}' of {kind.__name__} is no flag() and no value()")
        if letter in fields:
            raise LocalFault(f"{kind.__name__} has the letter '{letter}' twice")
        fields[letter] = (field.name, None if field.metadata[_IS_FLAG] else converter(hints[field.name], field.name))
    table = {letter: convert is not None for letter, (_, convert) in fields.items()}

    def read(text: str) -> object:
        parsed = parse_options(text, table)
        if parsed.problems:
            raise ValueError(parsed.problems[0])
        given: dict[str, object] = {}
        for letter in parsed.letters:
            name, convert = fields[letter]
            if convert is None:
                given[name] = True
            elif letter in parsed.arguments:
                given[name] = convert(parsed.arguments[letter])
            else:
                raise ValueError(f"option '{letter}' needs an argument in parentheses")
        return kind(**given)

    return read
