"""Rows as variables, and the mappings of extconfig.conf."""

from __future__ import annotations

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource, read_config
from globstar.core.realtime.engine import StaticLine, decode, encode, split_operator, variables_of
from globstar.core.realtime.mapping import read_mappings
from globstar.core.realtime.static import render
from tests.support.switch import LogCapture


def test_semicolons_make_several_variables_and_codes_are_semicolons() -> None:
    row = [("allow", "ulaw;alaw"), ("uri", "sip:a@b^3Btransport=tcp"), ("empty", ""), ("blank", " "), ("gaps", ";x;")]
    assert variables_of(row) == [
        ("allow", "ulaw"),
        ("allow", "alaw"),
        ("uri", "sip:a@b;transport=tcp"),
        ("blank", ""),
        ("gaps", "x"),
    ]
    assert ("empty", "") in variables_of(row, keep_empty=True)


@pytest.mark.parametrize("text", ["", "a;b", "^", "^3B;", "^5E^3B", "plain"])
def test_encoding_comes_back(text: str) -> None:
    assert decode(encode(text)) == text
    assert ";" not in encode(text)


def test_a_column_may_have_an_operator() -> None:
    assert split_operator("exten LIKE") == ("exten", "LIKE")
    assert split_operator("exten") == ("exten", "=")
    assert split_operator(" a  NOT LIKE ") == ("a", "NOT LIKE")


def test_extconfig_is_read_with_its_priorities_and_mistakes() -> None:
    text = """[settings]
queues => odbc,asterisk
queues => pgsql,other,q2,1
voicemail => ldap,"dc=oxymium,dc=net",users
extensions.conf => sqlite3,asterisk,ast_config
asterisk.conf => odbc,asterisk
broken => odbc
odd => odbc,a,b,first
"""
    with LogCapture() as log:
        found = read_mappings(read_config("extconfig.conf", MemorySource({"extconfig.conf": text})))
    shown = [(one.family, one.driver, one.database, one.table, one.priority) for one in found]
    assert shown == [
        ("queues", "odbc", "asterisk", "queues", 1),
        ("queues", "pgsql", "other", "q2", 1),
        ("voicemail", "ldap", "dc=oxymium,dc=net", "users", 1),
        ("extensions.conf", "sqlite3", "asterisk", "ast_config", 1),
        ("odd", "odbc", "a", "b", 1),
    ]
    assert [one.is_file for one in found] == [False, False, False, True, False]
    warnings = log.texts(Level.WARNING)
    assert len(warnings) == 3
    assert "asterisk.conf is always read as a file" in warnings[0]


def test_lines_of_a_table_become_a_file_that_is_read_the_same() -> None:
    lines = [
        StaticLine("general", "static", "yes", 2),
        StaticLine("#", "#include", "more.conf", 2),
        StaticLine("main", "exten", "1,1,Set(a=b;c)", 1),
        StaticLine("main", "odd", ">x", 1),
        StaticLine("main", "lines", "a\nb", 1),
        StaticLine("main", "again", "1", 0),
        StaticLine("", "lost", "x", 0),
        StaticLine("a]b", "lost", "x", 0),
    ]
    with LogCapture() as log:
        text = render(lines, "x.conf")
    config = read_config("x.conf", MemorySource({"x.conf": text, "more.conf": "[more]\nk=v\n"}))
    assert [category.name for category in config] == ["general", "more", "main", "main"]
    assert config.get("main", "exten") == "1,1,Set(a=b;c)"
    assert config.get("main", "odd") == ">x"
    assert config.get("main", "lines") == "a b"
    assert config.get("more", "k") == "v"
    assert len(log.texts(Level.WARNING)) == 2
