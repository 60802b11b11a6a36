"""Logging: who gets which record, at no cost when nobody does, with place, call and traceback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from globstar.base.log import Level, Logger, LogHub, Record, call_id, hub

logger = Logger("test_module")
ALL = ~0


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Record]]:
    """Everything that is logged while the test runs."""
    for name, value in (("verbosity", 0), ("debug_level", 0), ("debug_modules", {})):
        monkeypatch.setattr(hub, name, value)
    found: list[Record] = []
    hub.add(ALL, found.append)
    yield found
    hub.remove(found.append)


def log_everything() -> None:
    logger.error("an error")
    logger.warning("a warning")
    logger.notice("a notice")
    logger.verbose(2, "a verbose line")
    logger.debug(2, "a debug line")
    logger.dtmf("a digit")
    logger.security("an event")


def test_each_level_reaches_who_asked_for_it(records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "verbosity", 2)
    monkeypatch.setattr(hub, "debug_level", 2)
    few: list[Record] = []
    hub.add(Level.WARNING | Level.DTMF, few.append)
    log_everything()
    hub.remove(few.append)
    names = ["ERROR", "WARNING", "NOTICE", "VERBOSE", "DEBUG", "DTMF", "SECURITY"]
    assert [record.level.name for record in records] == names
    assert [record.message for record in few] == ["a warning", "a digit"]


def test_record_says_where_it_comes_from(records: list[Record]) -> None:
    token = call_id.set("C-0000002a")
    logger.warning("here")
    call_id.reset(token)
    (record,) = records
    assert (record.module, record.file, record.function) == ("test_module", "test_log.py", "test_record_says_where_it_comes_from")
    assert record.line == test_record_says_where_it_comes_from.__code__.co_firstlineno + 2
    assert record.call_id == "C-0000002a"


def test_verbose_lines_count_up_to_the_verbosity(records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    for verbosity, wanted in ((0, []), (1, ["1"]), (3, ["1", "2", "3"])):
        monkeypatch.setattr(hub, "verbosity", verbosity)
        records.clear()
        for level in (1, 2, 3, 4):
            logger.verbose(level, str(level))
            assert logger.is_verbose(level) is (level <= verbosity)
        assert [record.message for record in records] == wanted
        assert [record.verbosity for record in records] == [int(text) for text in wanted]


def test_debug_of_one_module(records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    logger.debug(1, "nothing")
    monkeypatch.setattr(hub, "debug_modules", {"test_module": 2})
    logger.debug(2, "this")
    logger.debug(3, "not this")
    Logger("other").debug(1, "nor this")
    assert [record.message for record in records] == ["this"]


def test_by_name(records: list[Record]) -> None:
    logger.log("warning", "x")
    logger.log("DTMF", "y")
    assert [record.level for record in records] == [Level.WARNING, Level.DTMF]
    with pytest.raises(KeyError):
        logger.log("nonsense", "z")


def test_exception_brings_its_traceback(records: list[Record]) -> None:
    try:
        raise ValueError("inside")
    except ValueError as error:
        logger.error("outside", exception=error)
    text = records[0].message
    assert text.startswith("outside\nTraceback")
    assert text.endswith("ValueError: inside")


def test_nobody_listens_costs_nothing_and_loses_no_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = LogHub()
    monkeypatch.setattr("globstar.base.log.hub", alone)
    monkeypatch.setattr(alone, "verbosity", 9)
    made: list[Record] = []

    def make(*arguments: Any) -> Record:
        made.append(Record(*arguments))
        return made[-1]

    monkeypatch.setattr("globstar.base.log.Record", make)
    logger.verbose(1, "x")
    logger.debug(1, "x")
    logger.dtmf("x")
    logger.security("x")
    assert not made
    assert not logger.is_verbose(1)
    logger.warning("seen")
    logger.notice("not seen")
    assert capsys.readouterr().err == f"WARNING: test_log.py:{made[0].line} seen\n"


def test_failing_handler_is_reported_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    alone = LogHub()
    seen: list[Record] = []

    def broken(record: Record) -> None:
        raise OSError("disk full")

    alone.add(Level.ERROR, broken)
    alone.add(Level.ERROR, seen.append)
    alone.emit(Record(Level.ERROR, "lost?", "m", "f", 1, "g", ""))
    assert len(seen) == 1
    assert "disk full" in capsys.readouterr().err


def test_mask_follows_the_handlers() -> None:
    alone = LogHub()
    one: list[Record] = []
    other: list[Record] = []
    alone.add(Level.ERROR, one.append)
    alone.add(Level.DTMF | Level.ERROR, other.append)
    assert alone.mask == Level.ERROR | Level.DTMF
    alone.remove(other.append)
    alone.remove(other.append)
    assert alone.mask == Level.ERROR
