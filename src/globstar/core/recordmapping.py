"""Mappings by field names: a section of cdr_custom.conf or cel_custom.conf that says format, separator, quotes and fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from globstar.config.options import Options, handles, option
from globstar.config.values import enumeration, string
from globstar.core.recordline import FieldsLine, JsonLine, RecordLine

_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\s": " "}
_FIELD = re.compile(r"([\w-]+)\s*(?:\((.*)\))?")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record by its name in configuration files: ``read(record)`` gives a text or a number."""

    name: str
    read: Callable[[Any], str | int | float]


#: ``find(name, format)``: the field of that name; ``format`` is what stands in parentheses behind it ("" for nothing).
#: Raises ValueError where it cannot be.
FieldFinder = Callable[[str, str], Field]


class MappingOptions(Options):
    """One section: a file and what its lines are."""

    format = option(enumeration("dsv", "json"), "dsv", help="Values with a separator, or an object of JSON a line.")
    separator_character = option(string, ",", help=r"Between values; \t for a tab.")
    quote_character = option(string, '"', help="Around values.")
    quote_escape_character = option(string, "", help="Before a quote inside of a value; the quote itself if not given.")
    quoting_method = option(
        enumeration("all", "minimal", "non_numeric", "none"),
        "all",
        help="Which values are quoted: all, minimal, non_numeric or none.",
    )
    fields_text = ""

    @handles("fields", help="The fields, apart by commas; several lines add to one another.")
    def _fields(self, text: str) -> None:
        self.fields_text = f"{self.fields_text},{text}" if self.fields_text else text

    def line(self, find: FieldFinder) -> RecordLine:
        """What makes the lines. Raises ValueError."""
        fields = list(read_fields(self.fields_text, find))
        if not fields:
            raise ValueError("no fields are given")
        if self.format == "json":
            return JsonLine([(field.name, field.read) for field in fields])
        separator = _ESCAPES.get(self.separator_character, self.separator_character)
        quote = _ESCAPES.get(self.quote_character, self.quote_character)
        quoter = _quoter(self.quoting_method, separator, quote, self.quote_escape_character or quote)
        return FieldsLine([_quoted_getter(field, quoter) for field in fields], separator)


def read_fields(text: str, find: FieldFinder) -> Iterator[Field]:
    """The fields of a list. Raises ValueError."""
    for part in _split(text):
        found = _FIELD.fullmatch(part)
        if found is None:
            raise ValueError(f"'{part}' is no field")
        yield find(found[1], found[2] or "")


def _split(text: str) -> Sequence[str]:
    """Split at commas that stand in no parentheses."""
    parts = re.split(r",(?![^(]*\))", text)
    return [part.strip() for part in parts if part.strip()]


def _quoted_getter(field: Field, quoter: Callable[[str | int | float], str]) -> Callable[[Any], str]:
    read = field.read
    return lambda record: quoter(read(record))


def _quoter(method: str, separator: str, quote: str, escape: str) -> Callable[[str | int | float], str]:
    special = re.compile("[" + re.escape(f"{separator}{quote}\n\r") + "]")

    def around(value: str | int | float) -> str:
        return f"{quote}{str(value).replace(quote, escape + quote) if quote else value}{quote}"

    if method == "all":
        return around
    if method == "none":
        return str
    if method == "non_numeric":
        return lambda value: str(value) if isinstance(value, (int, float)) else around(value)
    return lambda value: around(value) if special.search(str(value)) else str(value)
