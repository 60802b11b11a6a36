"""Lines of custom backends."""

from __future__ import annotations

from typing import Any

import pytest

from globstar.core.recordline import FieldsLine, Getter, JsonLine, TemplateLine, compile_line, quoted


class Values:
    """A scope of one function V and one variable x."""

    def __init__(self, record: dict[str, str]) -> None:
        self.record = record

    def get_variable(self, name: str) -> str | None:
        return self.record.get(name)

    def call_function(self, name: str, args: str) -> str | None:
        return {"V": self.record.get(args, ""), "CSV_QUOTE": quoted(args), "LEN": str(len(args))}[name]

    def warn(self, level: str, message: str) -> None:
        raise AssertionError(message)


def find(function: str, argument: str) -> Getter | None:
    if function == "V" or (not function and argument == "x"):
        return lambda record: str(record.get(argument, ""))
    return None


RECORD: dict[str, Any] = {"a": '1,"2', "x": "ex"}


@pytest.mark.parametrize(
    ("text", "is_fast"),
    [
        ("${CSV_QUOTE(${V(a)})},${V(a)},${x}", True),
        ("${V(none)},plain text,,end", True),
        ("${CSV_QUOTE(${x})}", True),
        ("${LEN(${V(a)})},${x}", False),
        ("${V(a)}${x}", False),
        ("a${V(a)},$[1+1]", False),
        ("${V(a):1},${y}", False),
        (r"${V(a)},\,", False),
    ],
)
def test_the_short_way_and_the_dialplan_give_the_same(text: str, is_fast: bool) -> None:
    line = compile_line(text, find, Values)
    assert isinstance(line, FieldsLine if is_fast else TemplateLine)
    general = compile_line("${LEN(x)}" + text, find, Values)
    assert isinstance(general, TemplateLine)
    assert line.render(RECORD) == general.render(RECORD)[1:]


def test_json_lines_are_objects() -> None:
    line = JsonLine([("a", lambda record: record["a"]), ("n", lambda record: 3)])
    assert line.render(RECORD) == '{"a":"1,\\"2","n":3}'
