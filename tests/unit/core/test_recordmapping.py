"""Mappings by field names, of records and of events."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from globstar.config import MemorySource
from globstar.config.options import Report
from globstar.config.reader import read_config
from globstar.core.cdr.record import FinishedRecord
from globstar.core.cdr.scope import field_of as cdr_field
from globstar.core.cel.event import CelEvent
from globstar.core.cel.scope import field_of as cel_field
from globstar.core.recordmapping import FieldFinder, MappingOptions

RECORD = FinishedRecord(
    "acct", "100", "200", "main", '"A, B" <100>', "PJSIP/a-1", "", "Dial", "x", 1_700_000_000.0, 0.0, 1_700_000_002.5, 2, 0,
    "BUSY", "BILLING", "1.1", "", "", "1.1", 3, {"colour": 'light "blue"'},
)  # fmt: skip
EVENT = CelEvent(
    "USER_DEFINED", 1_700_000_000.25, "mine", "Alice", "100", "", "", "", "1", "main", "PJSIP/a-1", "Wait", "1", 3, "", "",
    "1.1", "1.1", "", "", '{"extra":"x"}',
)  # fmt: skip


def render(text: str, record: Any = RECORD, find: FieldFinder = cdr_field) -> str:
    category = read_config("x.conf", MemorySource({"x.conf": f"[file.csv]\n{text}\n"})).categories[0]
    report = Report()
    line = MappingOptions.read(category, report).line(find)
    assert not report.warnings, report.warnings
    return line.render(record)


def test_all_values_are_quoted_by_default() -> None:
    assert render("fields=clid, src,duration,answer") == '"""A, B"" <100>","100","2",""'


def test_quotes_only_where_they_are_needed() -> None:
    assert render("fields=clid,src,colour\nquoting_method=minimal") == '"""A, B"" <100>",100,"light ""blue"""'
    assert render("fields=src,duration\nquoting_method=non_numeric") == '"100",2'
    assert render("fields=clid,src\nquoting_method=none") == '"A, B" <100>,100'


def test_other_separators_and_quotes() -> None:
    text = "fields=clid,colour\nseparator_character=\\t\nquote_character='\n"
    assert render(text) == "'\"A, B\" <100>'\t'light \"blue\"'"
    assert render("fields=clid\nquote_escape_character=!") == '"!"A, B!" <100>"'


def test_several_lines_of_fields_add_up_and_a_reader_of_csv_understands_them() -> None:
    line = render("fields=clid,colour\nfields=lastapp\nfields=disposition")
    assert next(csv.reader([line])) == ['"A, B" <100>', 'light "blue"', "Dial", "BUSY"]


def test_formats_of_fields() -> None:
    assert render("fields=disposition(number),amaflags(number),duration(float)\nquoting_method=none") == "4,2,2.5"
    assert render("fields=start(%Y, %m),answer(%Y)\nquoting_method=none").startswith("2023, 11,")
    assert render("fields=eventtime(%Y),eventtype,eventenum\nquoting_method=none", EVENT, cel_field) == "2023,mine,USER_DEFINED"


def test_json_keeps_numbers() -> None:
    assert render("format=json\nfields=src,duration,colour") == '{"src":"100","duration":2,"colour":"light \\"blue\\""}'
    text = "format=json\nfields=eventtype,amaflags,eventextra,eventtime"
    assert render(text, EVENT, cel_field) == (
        '{"eventtype":"mine","amaflags":3,"eventextra":"{\\"extra\\":\\"x\\"}","eventtime":"1700000000.250000"}'
    )


@pytest.mark.parametrize("fields", ["", "src(number)", "start%", "dst(float)", "disposition(x)"])
def test_what_cannot_be_is_an_error(fields: str) -> None:
    with pytest.raises(ValueError, match="field"):
        render(f"fields={fields}" if fields else "format=dsv")
    with pytest.raises(ValueError, match="no field"):
        render("fields=nothing", EVENT, cel_field)
    with pytest.raises(ValueError, match="takes no format"):
        render("fields=channame(%Y)", EVENT, cel_field)
