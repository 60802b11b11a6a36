"""What a command prints, as data: ``--json`` behind a command line gives every table as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

#: What stands below a title or the heads of columns.
_RULE = re.compile(r"\s*([-=+]{2,}\s*)+")
_FIELD = re.compile(r"\s*(?:[*-]+\s+)?([^:=]{1,60}?)\s*[:=]\s?(.*)")


class CliText(str):
    """Printed text with the data that it shows."""

    __slots__ = ("data",)
    data: Any

    def __new__(cls, text: str, data: Any) -> CliText:
        """``data`` is what ``--json`` gives: anything that JSON can hold."""
        made = super().__new__(cls, text)
        made.data = data
        return made


def table(
    columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]], *, before: str = "", after: str = "", rule: str = ""
) -> CliText:
    """A table: ``columns`` are heads with the format of a cell (``<20``, ``>8``; a dot and a number cut what is longer).

    ``before`` and ``after`` are lines around it, ``rule`` a line below the heads. The data are one object for each row.
    """
    rows = [[_plain(cell) for cell in row] for row in rows]
    formats = [f"{{:{re.sub(r'[.].*', '', layout)}}}" for _, layout in columns]
    lines = [before] if before else []
    lines.append(" ".join(form.format(head) for form, (head, _) in zip(formats, columns, strict=True)))
    if rule:
        lines.append(rule)
    lines += [
        " ".join(f"{{:{layout}}}".format(_shown(cell, layout)) for cell, (_, layout) in zip(row, columns, strict=True))
        for row in rows
    ]
    if after:
        lines.append(after)
    names = [_key(head) for head, _ in columns]
    return CliText("\n".join(lines), [dict(zip(names, row, strict=True)) for row in rows])


def records(heads: Iterable[str], rows: Iterable[Sequence[object]]) -> list[dict[str, object]]:
    """The rows of a table that is laid out otherwise: one object for each, by the heads of its columns."""
    names = [_key(head) for head in heads]
    return [dict(zip(names, map(_plain, row), strict=True)) for row in rows]


def _plain(value: object) -> object:
    return value if isinstance(value, (int, float, bool)) else str(value)


def _shown(value: object, layout: str) -> object:
    return str(value) if "." in layout or isinstance(value, bool) else value


def _key(head: str) -> str:
    """``Use Count`` as ``use_count``."""
    return re.sub(r"[^a-z0-9]+", "_", head.lower()).strip("_") or "value"


def as_json(result: object) -> str:
    """The result of a command as JSON text."""
    if isinstance(result, CliText):
        data = result.data
    elif isinstance(result, (dict, list)):
        data = result
    else:
        data = text_as_data(str(result or ""))
    return json.dumps(data, indent=2, ensure_ascii=False, default=str)


def text_as_data(text: str) -> dict[str, Any]:
    """Text that was made for people, as far as it can be understood.

    ``rows`` are the lines below the heads of columns, ``fields`` those of the form ``name: value``, ``lines`` all others.
    """
    rows: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    rest: list[str] = []
    columns: list[tuple[str, int]] = []
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if not line.strip():
            columns = []
        elif _RULE.fullmatch(line):
            continue
        elif index + 1 < len(lines) and (not columns or _RULE.fullmatch(lines[index + 1])) and _is_head(line, lines[index + 1]):
            columns = _columns(line, lines[index + 1])
        elif columns and (row := _row(line, columns)) is not None:
            rows.append(row)
        elif field := _FIELD.fullmatch(line):
            fields[field[1].strip()] = field[2].strip()
        else:
            rest.append(line.strip())
    return {name: value for name, value in (("rows", rows), ("fields", fields), ("lines", rest)) if value}


def _is_head(line: str, below: str) -> bool:
    """Whether ``line`` names columns: a rule stands below, or words far apart begin where those of the next line do."""
    if ":" in line:
        return False
    if _RULE.fullmatch(below):
        return len(below.split()) > 1 or len(re.findall(r"\S+(?: \S+)*", line)) > 1
    if len(re.findall(r"\S+(?: \S+)*", line)) < 2:
        return False
    starts = [found.start() for found in re.finditer(r"\S+(?: \S+)*", line)]
    return all(start < len(below) and (start == 0 or below[start - 1] == " ") for start in starts[:2])


def _columns(line: str, below: str) -> list[tuple[str, int]]:
    runs = [found.start() for found in re.finditer(r"[-=]{2,}", below)] if _RULE.fullmatch(below) else []
    if len(runs) > 1:
        ends = [*runs[1:], len(line) + 1]
        return [(line[start:end].strip() or f"column {start}", start) for start, end in zip(runs, ends, strict=True)]
    return [(found[0], found.start()) for found in re.finditer(r"\S+(?: \S+)*", line)]


def _row(line: str, columns: list[tuple[str, int]]) -> dict[str, str] | None:
    starts = [start for _, start in columns]
    if len(line) <= starts[0]:
        return None
    ends = [*starts[1:], None]
    return {_key(name): line[start:end].strip() for (name, start), end in zip(columns, ends, strict=True)}
