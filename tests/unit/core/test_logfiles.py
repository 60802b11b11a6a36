"""logger.conf: channels, levels, formats, rotation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.base.log import Level, Logger, call_id, hub
from globstar.config import MemorySource
from globstar.core.logfiles import LogSetup, format_time, parse_levels

WALL = 1_700_000_000.25


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[LogSetup]:
    before = hub.verbosity
    setup = LogSetup(tmp_path, wall_time=lambda: WALL)
    yield setup
    setup.close()
    hub.verbosity = before


def test_parse_levels() -> None:
    assert parse_levels("notice, warning,verbose(3)") == (Level.NOTICE | Level.WARNING | Level.VERBOSE, 3, [])
    assert parse_levels("verbose(*),nonsense") == (Level.VERBOSE, None, ["nonsense"])
    assert parse_levels("*")[0] & Level.SECURITY


def test_format_time_fractions() -> None:
    assert format_time(WALL, "%q").isdigit()
    assert format_time(WALL, "%S.%3q").endswith(".250")
    assert format_time(WALL, "%S.%1q").endswith(".2")


def test_files_get_their_levels_only(setup: LogSetup, tmp_path: Path) -> None:
    setup.load(MemorySource({"logger.conf": "[general]\ndateformat=%s\n[logfiles]\nerrors => error\nall => *\n"}))
    hub.verbosity = 3
    log = Logger("app_test")
    token = call_id.set("C-0000002a")
    log.error("it broke")
    call_id.reset(token)
    log.verbose(3, "it goes on")
    log.verbose(4, "too much")
    assert (tmp_path / "errors").read_text().splitlines() == [
        line for line in (tmp_path / "all").read_text().splitlines() if "it broke" in line
    ]
    everything = (tmp_path / "all").read_text()
    assert "[C-0000002a]" in everything
    assert "VERBOSE" in everything
    assert "too much" not in everything


def test_json_lines(setup: LogSetup, tmp_path: Path) -> None:
    setup.load(MemorySource({"logger.conf": "[logfiles]\nx.json => [json]warning\n"}))
    Logger("app_test").warning('a "quoted" thing')
    line = json.loads((tmp_path / "x.json").read_text())
    assert line["logmsg"]["message"] == 'a "quoted" thing'
    assert line["logmsg"]["level"] == "WARNING"


@pytest.mark.parametrize(("strategy", "first"), [("rotate", "full.0"), ("sequential", "full.0")])
def test_rotation_loses_nothing(setup: LogSetup, tmp_path: Path, strategy: str, first: str) -> None:
    setup.load(MemorySource({"logger.conf": f"[general]\nrotatestrategy={strategy}\n[logfiles]\nfull => notice\n"}))
    log = Logger("app_test")
    for number in range(3):
        log.notice(f"line {number}")
        setup.rotate()
    log.notice("line 3")
    names = sorted(path.name for path in tmp_path.glob("full*"))
    assert names == ["full", "full.0", "full.1", "full.2"]
    assert "line 2" in (tmp_path / ("full.0" if strategy == "rotate" else "full.2")).read_text()
    assert sum(path.read_text().count("line") for path in tmp_path.glob("full*")) == 4
    assert (tmp_path / first).exists()


def test_a_log_file_that_cannot_be_opened_does_not_stop_the_rest(setup: LogSetup, tmp_path: Path) -> None:
    (tmp_path / "blocked").mkdir()
    setup.load(MemorySource({"logger.conf": "[logfiles]\nblocked => notice\nfine => notice\n"}))
    Logger("app_test").notice("hello")
    assert "hello" in (tmp_path / "fine").read_text()
    assert setup.channels[0].failed
